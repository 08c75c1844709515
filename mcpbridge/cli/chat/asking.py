"""Asking the person in front of the terminal. What was typed before a question stands there answers nothing,
and somebody who leaves (Ctrl-C, Ctrl-D) has decided nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from mcpbridge.adapters.terminal import Lines, TerminalApprover, flush_typed_ahead
from mcpbridge.cli.chat.screen import Screen
from mcpbridge.cli.run_end import call_name
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.question import Question
from mcpbridge.core.ruling import Answer, Approve, Deny
from mcpbridge.ports import NobodyThere


class Person:
    """Whoever sits there: an approver, and the one who says what becomes of an unknown outcome.

    `pause` cancels the turn that asks.
    """

    def __init__(self, screen: Screen, lines: Lines, *, by: str, pause: Callable[[], None]) -> None:
        self._screen, self._lines, self._pause, self._by = screen, lines, pause, by
        terminal = screen.terminal
        self._approver = TerminalApprover(terminal.stdin, terminal.stdout, user=by, lines=lines)

    async def ask(self, question: Question) -> Answer:
        """Put a question of the gate."""
        self._screen.close()
        with self._screen.terminal.echo(True):
            try:
                return await self._approver.ask(question)
            except (NobodyThere, OSError, ValueError):  # Ctrl-D, or it went away: no denial by anybody
                self._pause()
                never: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
                return await never

    async def resolve(self, conversation: Conversation) -> Mapping[str, Answer] | None:
        """What becomes of each request of unknown outcome; None where one is left as it is."""
        found: dict[str, Answer] = {}
        for request_id in conversation.unknown:
            answer = await self._resolve(request_id, call_name(conversation, request_id))
            if answer is None:
                return None
            found[request_id] = answer
        return found

    async def _resolve(self, request_id: str, name: str) -> Answer | None:
        self._screen.say()
        self._screen.title("Outcome unknown")
        self._screen.say(
            f"Nobody knows whether {name or 'a call'} ({request_id}) took effect. Look what happened before "
            "you answer: repeated, it may happen twice."
        )
        if self._lines.busy:
            await self._lines.drop_line()
        flush_typed_ahead(self._screen.terminal.stdin)
        match (await self._line("[r]epeat it / [g]o on without it / [l]ater (default): ")).lower():
            case "r" | "repeat":
                return Approve(by=self._by)
            case "g" | "go":
                reason = await self._line("What did you find out? The model is told (optional): ")
                return Deny(by=self._by, reason=reason)
            case _:
                return None

    async def _line(self, prompt: str) -> str:
        self._screen.prompt(prompt)
        return (await self._lines.line()).strip()
