"""What a brain can do, one value each. Texts stand as they will be sent; arguments are encoded already."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

from mcpbridge.service.errors import ApiError
from mcpbridge.service.wire import Item, sendable


@dataclass(frozen=True, slots=True, kw_only=True)
class Think:
    """A reasoning item; `thought` is what its ciphertext hides (the summary when left out)."""

    summary: str
    thought: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UseMcp:
    """A hosted call: asked for or executed, as require_approval says. `arguments` should be JSON text."""

    server_label: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFunction:
    """A function_call."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """A message."""

    text: str
    phase: Literal["commentary", "final_answer"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """A message that holds a refusal."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """A picture by the image_generation tool; needs the tool among those declared."""

    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Produce:
    """An output item as it stands here."""

    item: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """A stream event as it stands here (only its sequence_number is added); nothing without streaming."""

    event: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend:
    """Fields merged into the response object as they stand here."""

    fields: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How the response ends when not completed: `reason` if incomplete, `code` and `message` if failed."""

    status: Literal["incomplete", "failed", "cancelled"]
    reason: str = "max_output_tokens"
    code: str = "server_error"
    message: str = "The model failed to answer."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing happens for so many seconds, or until the service stops."""

    seconds: float


Act: TypeAlias = Think | UseMcp | CallFunction | Say | Refuse | Draw | Produce | Announce | Amend | End | Wait


def admitted(act: Act) -> Act:
    """The act as it can be sent: the one door for whatever a brain says, since a model may write halves of
    characters. Raises ApiError when it holds something that is no JSON."""
    try:
        parts: dict[str, Any] = {one.name: sendable(getattr(act, one.name)) for one in fields(act)}
    except (ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        message = f"The model of this local service produced what cannot be sent: {why}."
        raise ApiError(message, status=500, type="server_error", code="server_error") from None
    return replace(act, **parts)
