"""What begins with a slash."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from mcpbridge.cli.chat import views
from mcpbridge.cli.chat.attachments import IMAGE_SUFFIXES, Attached, document, image, path_and_text
from mcpbridge.cli.chat.completion import paths
from mcpbridge.cli.chat.grants import Undoable, undo, undoable
from mcpbridge.cli.chat.room import Room
from mcpbridge.cli.chat.turns import go_on, say
from mcpbridge.config.suggest import instead
from mcpbridge.errors import UsageError


class Quit(Exception):
    """Somebody has had enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: what it takes, and what it does, in a few words."""

    name: str
    takes: str = ""
    does: str
    run: Callable[[Room, str], Awaitable[None]]


async def run_command(room: Room, text: str) -> None:
    """`text` begins with a slash. Raises Quit, and McpbridgeError where it cannot be carried out."""
    word, _, rest = text[1:].partition(" ")
    command = COMMANDS.get(word)
    if command is None:
        known = ", ".join(f"/{name}" for name in COMMANDS)
        hint = instead(word, COMMANDS) if word else f"there are {known}"
        hint = hint.replace("did you mean '", "did you mean '/")
        raise UsageError(f"/{word} is no command; {hint} (a message that begins with a slash: //…)")
    await command.run(room, rest.strip())


async def _tools(room: Room, _rest: str) -> None:
    views.show_tools(room)


async def _policy(room: Room, rest: str) -> None:
    views.show_policy(room, rest)


async def _audit(room: Room, rest: str) -> None:
    views.show_audit(room, rest)


async def _usage(room: Room, _rest: str) -> None:
    views.show_usage(room)


async def _image(room: Room, rest: str) -> None:
    await _attached(room, rest, image, "/image PATH [text]")


async def _file(room: Room, rest: str) -> None:
    await _attached(room, rest, document, "/file PATH [text]")


async def _attached(room: Room, rest: str, attach: Callable[[str], Attached], usage: str) -> None:
    path, text = path_and_text(rest)
    if not path:
        raise UsageError(f"name the file: {usage}; a path with spaces stands in quotes")
    attached = attach(path)
    room.screen.line("attached", attached.told)
    words: list[Mapping[str, Any]] = [{"type": "input_text", "text": text}] if text else []
    await say(room, [*words, attached.part])


async def _save(room: Room, rest: str) -> None:
    if rest:
        room.keeper.begin(_path(rest))
    elif room.keeper.path is None:
        raise UsageError("name the file: /save FILE; the conversation is kept there from then on")
    room.keeper.save(room.conversation)
    room.screen.say(f"Saved in {room.keeper.path}, and again after each turn.")


def _path(text: str) -> Path:
    return Path(text).expanduser()


async def _continue(room: Room, _rest: str) -> None:
    await go_on(room)


async def _undo_grant(room: Room, rest: str) -> None:
    found = undoable(room.conversation, room.parts.clock.now().timestamp())
    if not found:
        room.screen.say(
            "There is nothing to undo: no grant is in force, and every approval given has been sent. "
            "What was sent may have run; /audit tells."
        )
        return
    if not rest and len(found) > 1:
        for number, one in enumerate(found, start=1):
            room.screen.entry(str(number), one.what, column=6)
        room.screen.say("Undo one with /undo-grant N, or all with /undo-grant all.")
        return
    for one in _chosen(found, rest):
        await undo(room, one)
        room.screen.line("undone", one.what)
    room.keeper.save(room.conversation)


def _chosen(found: tuple[Undoable, ...], rest: str) -> tuple[Undoable, ...]:
    if rest in ("", "all"):
        return found
    if rest.isdecimal() and 1 <= int(rest) <= len(found):
        return (found[int(rest) - 1],)
    raise UsageError(f"{rest!r} is none of them; write a number from 1 to {len(found)}, or all")


async def _help(room: Room, _rest: str) -> None:
    for command in COMMANDS.values():
        room.screen.entry(f"/{command.name} {command.takes}".rstrip(), command.does, column=26)
    room.screen.say(
        "Esc Enter or a backslash at the end of a line begins another line; @picture.png in a message sends "
        "the picture too. Ctrl-C cancels the turn, Ctrl-D leaves."
    )


async def _quit(_room: Room, _rest: str) -> None:
    raise Quit


_ALL: Final = (
    Command(name="help", does="this list", run=_help),
    Command(name="tools", does="servers, their tools, and what the policy says", run=_tools),
    Command(
        name="policy",
        takes="[TOOL [JSON]]",
        does="the rules; those about one tool; or the ruling for these arguments",
        run=_policy,
    ),
    Command(name="audit", takes="[N]", does="the last N records of this conversation (10)", run=_audit),
    Command(name="usage", does="tokens used by this conversation", run=_usage),
    Command(name="image", takes="PATH [text]", does="send a PNG, JPEG, GIF or WebP image", run=_image),
    Command(name="file", takes="PATH [text]", does="send a PDF", run=_file),
    Command(name="save", takes="[FILE]", does="save now, and keep it there from now on", run=_save),
    Command(name="continue", does="go on with what is open or interrupted (or Enter)", run=_continue),
    Command(
        name="undo-grant",
        takes="[N|all]",
        does="take back an `always`, or a yes that was not sent yet",
        run=_undo_grant,
    ),
    Command(name="quit", does="leave (or Ctrl-D)", run=_quit),
)
COMMANDS: Final[Mapping[str, Command]] = MappingProxyType({command.name: command for command in _ALL})
_PATHS: Final = {"image": IMAGE_SUFFIXES, "file": frozenset({".pdf"}), "save": None}


def candidates(room: Room, text: str) -> Iterator[tuple[str, int]]:
    """What can complete the text before the cursor, each with how many characters it replaces."""
    if not text.startswith("/") or text.startswith("//"):
        word = text.rsplit(maxsplit=1)[-1] if text and not text[-1].isspace() else ""
        if word.startswith("@"):
            yield from paths(word[1:], IMAGE_SUFFIXES)
        return
    command, space, rest = text[1:].partition(" ")
    if not space:
        yield from _beginning(command, COMMANDS)
    elif command in _PATHS:
        yield from paths(rest, _PATHS[command])
    elif command == "policy":
        listed = room.conversation.tools.items()
        yield from _beginning(rest, (f"{label}.{tool}" for label, tools in listed for tool in tools))


def _beginning(begun: str, words: Iterable[str]) -> Iterator[tuple[str, int]]:
    return ((word, len(begun)) for word in words if word.startswith(begun))
