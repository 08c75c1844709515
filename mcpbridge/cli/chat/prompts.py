"""Where a message is typed: with editing where the terminal can do that, else line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from mcpbridge.adapters.terminal import Lines, flush_typed_ahead
from mcpbridge.cli.chat.history import PrivateHistory
from mcpbridge.cli.chat.screen import Screen
from mcpbridge.cli.chat.signals import Interrupted

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

PROMPT: Final = "> "
_GOES_ON: Final = ". "


class Prompt(Protocol):
    """Where messages come from."""

    async def message(self) -> str | None:
        """The next message; None at the end of the input. Raises Interrupted where Ctrl-C is a key."""
        ...


class LinePrompt:
    """A line is a message; a backslash at its end continues it. Shows a prompt only to a person."""

    def __init__(self, lines: Lines, screen: Screen) -> None:
        self._lines, self._screen, self._terminal = lines, screen, screen.terminal

    async def message(self) -> str | None:
        if self._lines.busy:
            await self._lines.drop_line()
        if self._terminal.interactive:
            self._screen.space()
            flush_typed_ahead(self._terminal.stdin)
        parts: list[str] = []
        while True:
            if self._terminal.interactive:
                self._screen.prompt(_GOES_ON if parts else PROMPT)
            line = await self._lines.line()
            if not line:
                return "\n".join(parts) if parts else None
            text = line.rstrip("\r\n")
            if not text.endswith("\\"):
                return "\n".join([*parts, text])
            parts.append(text[:-1])


class EditedPrompt:
    """prompt_toolkit: history, completion, several lines (Esc Enter, Alt-Enter, a backslash before Enter, or
    pasted). What was typed while the model worked is thrown away."""

    def __init__(
        self,
        screen: Screen,
        history: Path | None,
        complete: Callable[[str], Iterable[tuple[str, int]]],
    ) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory

        from mcpbridge.cli.chat.completion import CommandCompleter

        self._screen = screen
        self._session: PromptSession[str] = PromptSession(
            history=InMemoryHistory() if history is None else PrivateHistory(history),
            completer=CommandCompleter(complete),
            complete_while_typing=False,
            multiline=True,
            prompt_continuation=_GOES_ON,
            key_bindings=_keys(),
        )

    async def message(self) -> str | None:
        from prompt_toolkit.input.typeahead import clear_typeahead

        self._screen.space()
        clear_typeahead(self._session.app.input)
        flush_typed_ahead(self._screen.terminal.stdin)
        try:
            return await self._session.prompt_async(PROMPT, handle_sigint=False, set_exception_handler=False)
        except EOFError:
            return None


def _keys() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.is_cursor_at_the_end and buffer.text.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.newline(copy_margin=False)
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    @keys.add("c-c")
    def _(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=Interrupted())

    return keys
