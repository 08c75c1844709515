"""What a brain can do, one value each. Texts stand as they will be sent; arguments are encoded already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from mcpbridge.service.wire import Item


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
