"""What `mcpbridge run` was told, checked before anything is loaded."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mcpbridge.adapters.always import Always, read_always
from mcpbridge.errors import UsageError

_WHY: Final = {
    "PROMPT": "; for a further turn: mcpbridge run --state FILE PROMPT",
    "--state": "; --resume FILE names the state, and it is saved there again",
    "--principal": "; the conversation keeps the principal that it began with",
}
"""What to do without, or instead of, what cannot stand beside --resume."""
_DECISION: Final = re.compile(r"(?P<id>.+?)=(?P<word>yes|no|always|edit)(?::(?P<reason>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """One `--decide ID=yes|no[:reason]` or `ID=always[:1h][:5x]`."""

    request_id: str
    allow: bool
    reason: str = ""
    always: Always | None = None
    arguments: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One command line of `mcpbridge run`. Paths are as they were typed."""

    config: str | None = None
    """None: nobody named one, so it is the default."""
    prompt: str | None = None
    """None when resuming."""
    prompt_from_stdin: bool = False
    state: Path | None = None
    """`--state` or `--resume`."""
    decisions: Mapping[str, Decide] = field(default_factory=dict[str, Decide])
    principal: str | None = None
    by: str | None = None
    as_json: bool = False
    stream: bool = False
    verbose: bool = False

    @property
    def resuming(self) -> bool:
        return self.prompt is None


def decision(text: str) -> Decide:
    """`ID=yes`, `ID=no`, `ID=no:reason`, `ID=always` or `ID=always:1h:5x`, for argparse."""
    found = _DECISION.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not ID=yes, ID=no, ID=no:reason, ID=always or ID=edit:FILE"
        )
    if found["word"] == "edit":
        return Decide(request_id=found["id"], allow=True, arguments=_arguments(found["reason"] or ""))
    if found["word"] == "always":
        return _always(found["id"], found["reason"])
    return Decide(
        request_id=found["id"], allow=found["word"] == "yes", reason=(found["reason"] or "").strip()
    )


def _arguments(file: str) -> Mapping[str, Any]:
    from mcpbridge.core.strict_json import MalformedArguments, parse_arguments

    if not file:
        raise argparse.ArgumentTypeError("write ID=edit:FILE, where FILE holds the new arguments as JSON")
    try:
        return parse_arguments(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{file}: {error.strerror or error}") from None
    except (MalformedArguments, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{file}: {error}") from None


def _always(request_id: str, given: str | None) -> Decide:
    always = read_always(given.split(":") if given is not None else [])
    if always is None:
        raise argparse.ArgumentTypeError(
            f"{given!r} does not say how much; write ID=always, ID=always:1h, ID=always:5x or ID=always:1h:5x"
        )
    return Decide(request_id=request_id, allow=True, always=always)


def contradiction(args: argparse.Namespace) -> str | None:
    """What is wrong with the combination of arguments, as argparse would say it."""
    if args.resume is None:
        return _without_resume(args)
    beside = [
        name
        for name, value in (("PROMPT", args.prompt), ("--state", args.state), ("--principal", args.principal))
        if value is not None
    ]
    if beside:
        return f"argument --resume: not allowed with {', '.join(beside)}{_WHY[beside[0]]}"
    repeated = _repeated(args.decide)
    return f"argument --decide: {repeated} is decided twice" if repeated else None


def _without_resume(args: argparse.Namespace) -> str | None:
    if args.decide:
        return "argument --decide: needs --resume FILE"
    if args.prompt is None:
        return "a PROMPT is required (or - for standard input, or --resume FILE)"
    return None


def _repeated(decisions: Sequence[Decide]) -> str | None:
    seen: set[str] = set()
    for decided in decisions:
        if decided.request_id in seen:
            return decided.request_id
        seen.add(decided.request_id)
    return None


def read_options(args: argparse.Namespace) -> Options:
    """The options, with the prompt read from standard input where it was `-`. Raises UsageError."""
    return Options(
        config=args.config,
        prompt=None if args.resume is not None else _prompt(args.prompt),
        prompt_from_stdin=args.prompt == "-",
        state=args.state if args.resume is None else args.resume,
        decisions={decided.request_id: decided for decided in args.decide},
        principal=args.principal,
        by=args.by,
        as_json=args.json,
        stream=args.stream,
        verbose=args.verbose,
    )


def _prompt(given: str) -> str:
    text = _standard_input() if given == "-" else given
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("the prompt is not valid text: it holds bytes that are no UTF-8") from None
    if not text.strip():
        raise UsageError("the prompt is empty")
    return text


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"standard input is not UTF-8: {error.reason} at byte {error.start}") from None
