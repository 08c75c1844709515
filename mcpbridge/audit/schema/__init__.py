"""What the log's lines look like: JSON Schema and reference are made from these tables."""

from mcpbridge.audit.schema.document import record_schema
from mcpbridge.audit.schema.fields import FIELDS, Field
from mcpbridge.audit.schema.forms import EVERY_LINE, FORMS, Form
from mcpbridge.audit.schema.reference import reference

__all__ = ["EVERY_LINE", "FIELDS", "FORMS", "Field", "Form", "record_schema", "reference"]
