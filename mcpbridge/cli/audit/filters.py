"""The filters of the commands that print records, and the index that answers them faster."""

from __future__ import annotations

import argparse
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli.audit.place import since
from mcpbridge.errors import AuditUnavailable, UsageError

if TYPE_CHECKING:
    from mcpbridge.audit.filters import Wanted
    from mcpbridge.audit.index import Index

_NAMES: Final = (
    *("denied", "human", "tool", "server", "principal", "approver", "rule", "outcome", "run_id"),
    *("conversation", "request", "type", "text", "since", "until"),
)


class _Once(argparse.Action):
    """Of two, the first would be forgotten, and what is shown taken for all there is."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            raise argparse.ArgumentError(self, "given twice, and no record passes both; give it once")
        setattr(namespace, self.dest, values)


def add_filters(parser: argparse.ArgumentParser, *, times: bool = True) -> None:
    """Options that each leave some records out; a record must pass all that are given."""
    group = parser.add_argument_group("filters (a record must pass all of them)")
    group.add_argument("--denied", action="store_true", help="decisions that kept a call from running")
    group.add_argument("--human", action="store_true", help="what a person decided or let time out")
    group.add_argument(
        "--tool", action=_Once, metavar="GLOB", help="label.tool, or the tool alone; * and ? are allowed"
    )
    group.add_argument("--server", action=_Once, metavar="LABEL", help="one server")
    group.add_argument("--principal", action=_Once, metavar="NAME", help="on whose behalf the model acted")
    group.add_argument("--approver", action=_Once, metavar="NAME", help="who decided")
    group.add_argument("--rule", action=_Once, metavar="ID", help="decisions that this rule carried")
    group.add_argument(
        "--outcome", metavar="NAME", action="append",
        help="such as human_deny; or a result's status: failed; repeatable",
    )  # fmt: skip
    group.add_argument("--run", action=_Once, metavar="ID", dest="run_id", help="one run, run_…")
    group.add_argument("--conversation", action=_Once, metavar="ID", help="one conversation, conv_…")
    group.add_argument("--request", action=_Once, metavar="ID", help="one request, mcpr_… or call_…")
    group.add_argument("--type", metavar="TYPE", action="append", help="such as decision; repeatable")
    group.add_argument(
        "--text", metavar="WORDS", action=_Once,
        help="words in names, reasons and arguments; all must occur; cert* begins",
    )  # fmt: skip
    if times:
        group.add_argument(
            "--since",
            metavar="WHEN",
            action=_Once,
            help="2026-11-21, 2026-11-21T08:00+01:00 (UTC without a zone), or 15m, 7d ago",
        )
        group.add_argument(
            "--until", action=_Once, metavar="WHEN", help="before that moment; written in the same way"
        )


def given(args: argparse.Namespace) -> list[str]:
    """The filters that were given, as they are written."""
    return [f"--{name.removesuffix('_id')}" for name in _NAMES if getattr(args, name, None)]


def wanted(args: argparse.Namespace) -> Wanted:
    """The filters that were given. Raises UsageError."""
    now = datetime.now(UTC)
    if args.text is not None:
        from mcpbridge.audit.words import terms_of

        terms_of(args.text)
    return {
        "denied": args.denied,
        "human": args.human,
        "tool": args.tool,
        "server": args.server,
        "principal": args.principal,
        "approver": args.approver,
        "rule": args.rule,
        "outcome": None if args.outcome is None else [_outcome(name) for name in args.outcome],
        "run": args.run_id,
        "conversation": args.conversation,
        "request_id": args.request,
        "types": None if args.type is None else [_type(name) for name in args.type],
        "without": ["checkpoint"] if args.type is None else None,
        "text": args.text,
        "since": _when(args, "since", now),
        "until": _when(args, "until", now),
    }


def _when(args: argparse.Namespace, name: str, now: datetime) -> datetime | None:
    text = getattr(args, name, None)
    return None if text is None else since(text, now=now, option=f"--{name}")


def _type(name: str) -> str:
    from mcpbridge.audit import RecordType

    known = [kind.value for kind in RecordType]
    if name not in known:
        raise UsageError(f"--type {name!r} is no type of record; there are: {', '.join(known)}")
    return name


def _outcome(name: str) -> str:
    """What was decided, or what became of a call. A misspelled one would find nothing, as if it never was."""
    from mcpbridge.audit.schema.fields import FIELDS

    known = [word for field in ("outcome", "status") for word in FIELDS[field].shape["enum"]]
    if name not in known:
        raise UsageError(f"--outcome {name!r} is no outcome; there are: {', '.join(dict.fromkeys(known))}")
    return name


def add_index(parser: argparse.ArgumentParser) -> None:
    """Which index may answer."""
    parser.add_argument(
        "--index", metavar="FILE", help="an index made elsewhere (default: index/ in the log's folder)"
    )
    parser.add_argument("--no-index", action="store_true", help="read the log itself, however long it is")


@contextmanager
def index_of(args: argparse.Namespace, place: Path) -> Generator[Index | None]:
    """The index that fits the log; None where there is none, and the log has to be read."""
    from mcpbridge.audit.index import Index, index_path, opened_index

    if args.no_index:
        yield None
        return
    found = opened_index(place, index_path(place) if args.index is None else Path(args.index))
    if isinstance(found, Index):
        try:
            with found:
                yield found
        except sqlite3.Error as error:
            raise AuditUnavailable(
                f"the index cannot be read ({error}); make it anew with `mcpbridge audit index --rebuild`, "
                "or give --no-index"
            ) from error
        return
    if args.index is not None:
        raise UsageError(
            f"--index {args.index}: {found}; make it with `mcpbridge audit index --file {args.index}`"
        )
    yield None
