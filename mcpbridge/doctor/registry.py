"""Every check, in the order in which they run: what later ones build on comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from mcpbridge.doctor.checks import (
    approvals,
    asking,
    connecting,
    denials,
    reaching,
    reasoning,
    replaying,
    seeing,
    storing,
    streaming,
)
from mcpbridge.doctor.exam import Exam
from mcpbridge.doctor.verdict import Facts, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question about an endpoint."""

    name: str
    asks: str
    run: Callable[[Exam], Awaitable[Verdict]]
    first: bool = False
    """Runs whatever was chosen: without it there is nothing to examine."""
    hosted: bool = False
    """Needs the endpoint to have come to the throw-away server."""
    server: bool = False
    """Needs the throw-away server to be there."""
    last: bool = False
    """Runs wherever a hosted check was chosen: what was set off may come late."""
    malformed: Facts = field(default_factory=dict[str, bool | str])
    """What follows from an answer that cannot be read."""


def _check(name: str, asks: str, run: Callable[[Exam], Awaitable[Verdict]], **needs: Any) -> Check:
    return Check(name=name, asks=asks, run=run, **needs)


_NO: Final[Facts] = {"approvals_honoured": False}

CHECKS: Final = (
    _check("models", "Is it there, is the key accepted, is the model known?", reaching.models, first=True),
    _check("responses", "Does it answer a smallest request?", reaching.responses, first=True),
    _check("reasoning", "Is encrypted reasoning returned?", reasoning.returned),
    _check("reasoning-replay", "Is its own ciphertext accepted again?", reasoning.replayed),
    _check("reasoning-tampered", "Is a changed ciphertext refused?", reasoning.verified),
    _check("reasoning-prefix", "Is it bound to what came before?", reasoning.bound_to_prefix),
    _check("reasoning-model", "Is it bound to the model?", reasoning.bound_to_model),
    _check("stream", "Are streams in order and complete?", streaming.plain),
    _check("structured", "Is a JSON schema enforced?", asking.structured),
    _check("tool-choice", "Is tool_choice honoured?", asking.tool_choice),
    _check("parallel", "Are parallel calls made, and left out when told?", asking.parallel),
    _check("images", "Are pictures seen?", seeing.images),
    _check("files", "Are files seen?", seeing.files),
    _check("image-generation", "Do made pictures live without store?", seeing.image_generation),
    _check("not-stored", "Is store: false kept?", storing.kept_out),
    _check("stored", "Do store and previous_response_id work?", storing.stored),
    _check("background", "Do background responses work?", storing.background),
    _check("hosted", "Does it connect to MCP servers itself?", connecting.hosted, server=True),
    _check("authorization", "Where does a server's token go?", connecting.authorization, server=True),
    _check("echo", "Do tokens come back in answers?", connecting.echoed, server=True),
    _check("callers", "Is allowed_callers understood?", connecting.allowed_callers, hosted=True),
    _check("unreachable", "What about a server that is down?", connecting.unreachable, hosted=True),
    _check("approvals", "Does it ask before a call?", approvals.always, hosted=True, malformed=_NO),
    _check(
        "approved", "Does an approval run once, as shown?", approvals.approved, hosted=True, malformed=_NO
    ),
    _check("denied", "What comes after a denial?", denials.answered, hosted=True, malformed=_NO),
    _check("denial-told", "Is the model told the reason?", denials.told, hosted=True),
    _check("default", "What if require_approval is missing?", approvals.by_default, hosted=True),
    _check("filters", "Are approval filters honoured?", approvals.filters, hosted=True),
    _check("allowed-tools", "Is allowed_tools honoured?", approvals.allowed_tools, hosted=True),
    _check("results", "Are replayed results seen?", replaying.results, hosted=True),
    _check("stream-hosted", "How are hosted calls streamed?", streaming.hosted, hosted=True),
    _check(
        "unapproved", "Did anything run unapproved, also late?", approvals.unapproved, hosted=True, last=True
    ),
)
