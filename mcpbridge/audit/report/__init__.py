"""What happened in a period, for somebody who answers for it: as Markdown, as one HTML page, as JSON."""

from mcpbridge.audit.report.collect import Period, report
from mcpbridge.audit.report.document import Report
from mcpbridge.audit.report.html import html
from mcpbridge.audit.report.links import Links
from mcpbridge.audit.report.markdown import markdown

__all__ = ["Links", "Period", "Report", "html", "markdown", "report"]
