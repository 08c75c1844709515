"""Changing the arguments of a call: in the person's editor, or as one line of JSON."""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from mcpbridge.core.question import Question, visible
from mcpbridge.core.strict_json import MalformedArguments, parse_arguments

INLINE: Final = "New arguments, as JSON in one line: "
_INLINE_REPLY: Final = "New answer, as JSON in one line: "
_CONFIRM: Final = "Run it with these arguments? [y]es / [n]o (default): "
_CONFIRM_REPLY: Final = "Send this answer? [y]es / [n]o (default): "

Prompt = Callable[[str], Awaitable[str]]
"""Shows a text and reads a line."""


def editable(question: Question) -> bool:
    """Whether a person may change the arguments: not of what the provider runs, nor what several decide."""
    return question.editable and question.action.via != "hosted" and not question.needs


def unfit(question: Question, arguments: Mapping[str, Any]) -> str:
    """What is wrong with what was written, as a line for the terminal; empty where nothing is."""
    why = None if question.objection is None else question.objection(arguments)
    not_taken = "Not sent" if question.reply else "Not changed"
    return "" if why is None else f"{not_taken}: {visible(why, newlines=False)}.\n"


async def edit(
    question: Question, environ: Mapping[str, str], prompt: Prompt, say: Callable[[str], None]
) -> dict[str, Any] | None:
    """The new arguments, read strictly, held against what was asked for, and confirmed; None where nothing
    came of it."""
    editor = environ.get("VISUAL") or environ.get("EDITOR")
    inline, confirm = (_INLINE_REPLY, _CONFIRM_REPLY) if question.reply else (INLINE, _CONFIRM)
    try:
        text = await _in_editor(editor, question) if editor else await prompt(inline)
        arguments = parse_arguments(text.strip())
    except MalformedArguments as error:
        say(f"Not changed: {error}.\n")
        return None
    except (OSError, UnicodeDecodeError, subprocess.SubprocessError) as error:
        say(f"Not changed: the editor {editor!r} failed ({error}).\n")
        return None
    why_not = unfit(question, arguments)
    if why_not:
        say(why_not)
        return None
    say(f"{json.dumps(arguments, indent=2)}\n")
    answer = (await prompt(confirm)).strip().lower()
    return arguments if answer in ("y", "yes") else None


async def _in_editor(editor: str, question: Question) -> str:
    with tempfile.TemporaryDirectory(prefix="mcpbridge-") as folder:
        file = Path(folder) / "arguments.json"
        text = json.dumps(question.action.arguments or {}, indent=2, ensure_ascii=False)
        file.write_text(f"{text}\n", encoding="utf-8")
        command = [*shlex.split(editor), str(file)]
        await asyncio.to_thread(subprocess.run, command, check=True)
        return file.read_text(encoding="utf-8")
