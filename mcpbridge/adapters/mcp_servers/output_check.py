"""Whether a structured result fits the schema its tool promised. No other document is ever fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from mcp_types import CallToolResult

from mcpbridge.core.schema_cost import SchemaCost, extent

_BAD_SCHEMA: Final = "its output schema is no JSON Schema that can be used by itself"


class OutputCheck:
    """Compiled once for each schema."""

    def __init__(self) -> None:
        self._compiled: dict[str, tuple[Any, SchemaCost]] = {}

    def problem(self, schema: Mapping[str, Any] | None, result: CallToolResult) -> str:
        """One sentence, or "". An error result need not fit."""
        if schema is None or result.is_error:
            return ""
        if "structured_content" not in result.model_fields_set:
            return "it promised structured content and gave none"
        validator, cost = self._validator(schema)
        if validator is None:
            return _BAD_SCHEMA
        if cost.too_much(*extent(result.structured_content)):
            return "it takes too long to hold its structured content against its own output schema"
        if not validator.is_valid(result.structured_content):
            return "its structured content does not fit its own output schema"
        return ""

    def _validator(self, schema: Mapping[str, Any]) -> tuple[Any, SchemaCost]:
        import jsonschema_rs  # 30 ms, and only tools with an output schema need it

        key = json.dumps(schema, sort_keys=True)
        if key not in self._compiled:
            read = json.loads(key)
            validator: Any = None
            with suppress(jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
                validator = jsonschema_rs.validator_for(
                    read, pattern_options=jsonschema_rs.RegexOptions(), offline=True
                )
            self._compiled[key] = validator, SchemaCost(read)
        return self._compiled[key]
