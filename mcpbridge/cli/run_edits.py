"""`--decide ID=edit:FILE`: arguments that do not fit are refused before anything is decided by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mcpbridge.core.items import FunctionCall
from mcpbridge.errors import UsageError

if TYPE_CHECKING:
    from mcpbridge.cli.run_options import Decide
    from mcpbridge.core.conversation import Conversation


def check_edits(conversation: Conversation, decisions: Mapping[str, Decide]) -> None:
    """Hold them to the schema that the tool has in this conversation, and leave the question open.

    Taken as they are, they would be a denial for good, since the gate lets no such call run. What is not
    known here (no open question, a tool of another kind) is for the gate to say.
    """
    for call in conversation.pending:
        decided = decisions.get(call.id)
        if decided is None or decided.arguments is None or not isinstance(call, FunctionCall):
            continue
        tool = conversation.bridged.get(call.name)
        why_not = None if tool is None else _misfit(tool.definition.input_schema, decided.arguments)
        if tool is not None and why_not is not None:
            name = f"{tool.server_label}.{tool.definition.name}"
            raise UsageError(
                f"--decide {call.id}=edit: {why_not} in what was written for {name}; nothing was decided, so "
                "correct it and decide again"
            )


def _misfit(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str | None:
    from mcpbridge.engine.fitting import UnusableSchema, fitting

    try:
        return fitting(schema)(arguments)
    except UnusableSchema:  # then the tool is not offered any more, and the call is refused as such
        return None
