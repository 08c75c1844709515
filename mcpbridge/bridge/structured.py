"""Structured final output: a pydantic model in, its validated instance out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcpbridge.errors import OutputInvalid, UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from mcpbridge.core.conversation import Conversation


def text_format(output_type: type[BaseModel]) -> dict[str, Any]:
    """The wire's `text.format`: a strict JSON schema, made by the openai package itself."""
    import openai

    given: Any = output_type
    if not (isinstance(given, type) and hasattr(given, "model_validate_json")):
        raise UsageError(f"output_type is a pydantic model class, not {given!r}")
    function = openai.pydantic_function_tool(output_type)["function"]
    return {
        "type": "json_schema",
        "name": output_type.__name__,
        "schema": function.get("parameters", {}),
        "strict": True,
    }


def parse_output(output_type: type[BaseModel], conversation: Conversation) -> BaseModel:
    """The answer as an instance. Raises OutputInvalid, with the conversation: nothing that ran is lost."""
    from pydantic import ValidationError

    try:
        return output_type.model_validate_json(conversation.text)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'answer'}: {e['msg']}" for e in error.errors()
        )
        refused = OutputInvalid(f"the answer is no {output_type.__name__}: {problems}")
        refused.conversation = conversation
        raise refused from None
