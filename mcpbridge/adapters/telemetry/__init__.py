"""OpenTelemetry spans and metrics beside the log, never instead of it.

The engine knows nothing of this: what it is given (the model, the log, the approver, the functions) is
wrapped, turn by turn, and only while the process has an OpenTelemetry SDK. No prompt, no argument, no result
and no reason is ever put into a span. Whatever telemetry does or fails to do changes nothing else.
"""

from mcpbridge.adapters.telemetry.about import About
from mcpbridge.adapters.telemetry.telemetry import Telemetry
from mcpbridge.adapters.telemetry.trace import Trace
from mcpbridge.adapters.telemetry.wrapped import observed, watched_audit, watched_judge, watched_tools

__all__ = ["About", "Telemetry", "Trace", "observed", "watched_audit", "watched_judge", "watched_tools"]
