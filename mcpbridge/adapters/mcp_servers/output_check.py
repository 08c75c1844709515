"""Whether a structured result fits the schema its tool promised. No other document is ever fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from mcp_types import CallToolResult

_BAD_SCHEMA: Final = "its output schema is no JSON Schema that can be used by itself"


class OutputCheck:
    """Compiled once for each schema."""

    def __init__(self) -> None:
        self._compiled: dict[str, Any] = {}

    def problem(self, schema: Mapping[str, Any] | None, result: CallToolResult) -> str:
        """One sentence, or "". An error result need not fit."""
        if schema is None or result.is_error:
            return ""
        if "structured_content" not in result.model_fields_set:
            return "it promised structured content and gave none"
        validator = self._validator(schema)
        if validator is None:
            return _BAD_SCHEMA
        if not validator.is_valid(result.structured_content):
            return "its structured content does not fit its own output schema"
        return ""

    def _validator(self, schema: Mapping[str, Any]) -> Any:
        import jsonschema_rs  # 30 ms, and only tools with an output schema need it

        key = json.dumps(schema, sort_keys=True)
        if key not in self._compiled:
            try:
                self._compiled[key] = jsonschema_rs.validator_for(
                    json.loads(key), pattern_options=jsonschema_rs.RegexOptions(), offline=True
                )
            except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
                self._compiled[key] = None
        return self._compiled[key]
