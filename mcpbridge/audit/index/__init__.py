"""A disposable SQLite index of a log: quick answers, full-text search, tables for Datasette. No evidence."""

from mcpbridge.audit.index.build import INDEX_NAME, Built, build, index_path
from mcpbridge.audit.index.find import find
from mcpbridge.audit.index.stand import Index, opened_index

__all__ = ["INDEX_NAME", "Built", "Index", "build", "find", "index_path", "opened_index"]
