"""`mcpbridge audit keys`: which keys a log has, and replacing them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcpbridge.cli.audit.place import add_place, place
from mcpbridge.cli.audit.writing import add_person, audit_config
from mcpbridge.cli.exits import COMPLETED, FAILED, USAGE
from mcpbridge.cli.parsing import Commands, add_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcpbridge.audit.note import SigningKey

_DESCRIPTION: Final = (
    "A log has a key that signs its checkpoints and one that hides values. Both are made with it and kept"
    " in its folder keys/, unless audit.keys names another place. Give the verifier key to whoever "
    "verifies the log."
)
_ROTATE: Final = (
    "Replaces both keys, or the one that is named, while the log may be in use. The change is a record of"
    " the log, and the new signing key is vouched for by the old one. Processes that have the log open "
    "sign with the new key at once, and hide values with the new one when they open the log again. "
    "Retired HMAC keys are kept for `audit hash`. A key that audit.keys keeps elsewhere is replaced with "
    "--to: stop what writes the log, rotate, change the configuration, and start it again."
)


def add(group: Commands) -> None:
    """Declare the commands."""
    parser = group.add_parser("keys", help="a log's keys: list, replace, make", description=_DESCRIPTION)
    parser.set_defaults(run=run_list, path=None, config=None, json=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    listed = commands.add_parser("list", help="the log's name and its keys", description=_DESCRIPTION)
    add_place(listed)
    add_json(listed, "one JSON object instead of text")
    listed.set_defaults(run=run_list)
    rotate = commands.add_parser("rotate", help="replace keys", description=_ROTATE)
    add_place(rotate)
    which = rotate.add_mutually_exclusive_group()
    which.add_argument("--signing", action="store_true", help="only the key that signs checkpoints")
    which.add_argument("--hmac", action="store_true", help="only the key that hides values")
    rotate.add_argument("--lost", action="store_true", help="replace only keys that are gone, unvouched")
    rotate.add_argument("--to", metavar="REFERENCE", help="take the new key from there: '${env:NEW_KEY}'")
    add_person(rotate, reason="for the record")
    rotate.set_defaults(run=run_rotate)
    new = commands.add_parser(
        "new",
        help="print a new signing key, to keep it elsewhere",
        description="Prints a private key on standard output, and its verifier key on standard error.",
    )
    new.add_argument("name", metavar="NAME", help="whose key it is, such as audit.example.com/agents")
    new.set_defaults(run=run_new)


def run_list(args: argparse.Namespace) -> int:
    """The log's name, its keys by id, and what is wrong with their files. Exit 1 where one is missing, 2
    where there is no log."""
    from mcpbridge.audit.keys.places import HMAC_KEY
    from mcpbridge.audit.read import check_log, readable
    from mcpbridge.errors import AuditUnavailable

    directory = place(args)
    if not directory.is_dir():
        print(f"mcpbridge: there is no audit log in {directory}", file=sys.stderr)
        return USAGE
    try:
        check_log(directory)
        with readable(directory):
            found = _found(args, directory)
    except AuditUnavailable as error:
        print(f"mcpbridge: {error}", file=sys.stderr)
        return USAGE
    print(json.dumps(found) if args.json else _listed(found, current=_kept(directory, HMAC_KEY)))
    return FAILED if found["missing"] else COMPLETED


def _found(args: argparse.Namespace, directory: Path) -> dict[str, Any]:
    from mcpbridge.audit.keys import hiding_keys, key_warnings, verifier_keys
    from mcpbridge.audit.verifying.start import origin_of

    return {
        "origin": origin_of(directory),
        "signing": [str(key) for key in verifier_keys(directory)],
        "hmac": list(hiding_keys(directory)),
        "missing": list(_missing(args, directory)),
        "warnings": key_warnings(directory),
    }


def _kept(directory: Path, name: str) -> bool:
    from mcpbridge.audit.keys.places import KEYS

    return (directory / KEYS / name).exists()


def _missing(args: argparse.Namespace, directory: Path) -> Iterator[str]:
    """A sentence for each key that the log was written with and that is not where it should be."""
    from mcpbridge.audit.keys.places import HMAC_KEY, KEYS, SIGNING_KEY, has_lines, missing_key

    if not has_lines(directory):  # they are made with its first line
        return
    config = audit_config(args)
    elsewhere = (
        "" if args.path is None else "; where audit.keys keeps it elsewhere, write -c FILE and no PATH"
    )
    for name, source in ((SIGNING_KEY, config.signing_key), (HMAC_KEY, config.hmac_key)):
        if source is None and not _kept(directory, name):
            yield f"{missing_key(directory / KEYS / name)}{elsewhere}"


def _listed(found: dict[str, Any], *, current: bool) -> str:
    """`current`: whether the first of the HMAC keys is the one in use."""
    retired, latest = found["signing"][:-1], found["signing"][-1:]
    lines = [
        f"log        {found['origin'] or '(no checkpoint yet)'}",
        *(f"retired    {key}" for key in retired),
        *(f"verifier   {key}" for key in latest),
        *(
            f"hmac       {name}{'' if current and at == 0 else ' (retired)'}"
            for at, name in enumerate(found["hmac"])
        ),
        *(f"missing    {sentence}" for sentence in found["missing"]),
        *(f"warning    {warning}" for warning in found["warnings"]),
    ]
    return "\n".join(lines)


def run_rotate(args: argparse.Namespace) -> int:
    """Replace keys, and say which."""
    from mcpbridge.cli.audit.rotating import rotated

    for line in rotated(args):
        print(line)
    return COMPLETED


def run_new(args: argparse.Namespace) -> int:
    """A key for `audit.keys.signing`."""
    key = _new_key(args.name)
    print(key.text())
    print(f"verifier key: {key.verifier}", file=sys.stderr)
    return COMPLETED


def _new_key(name: str) -> SigningKey:
    from mcpbridge.audit.keys import new_signing_key
    from mcpbridge.audit.note import NoteError, check_name
    from mcpbridge.errors import UsageError

    try:
        return new_signing_key(check_name(name))
    except NoteError as error:
        raise UsageError(str(error)) from None


def log_folder(args: argparse.Namespace) -> Path:
    """The log's folder. Raises UsageError for a file."""
    from mcpbridge.errors import UsageError

    directory = place(args)
    if not directory.is_dir():
        raise UsageError(f"{directory} is no folder with an audit log")
    return directory
