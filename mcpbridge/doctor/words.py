"""What models are told, word for word. Each is an instruction that leaves nothing to judge.

A control word stands in the instructions, and each question asks for it too: an answer without the control
word proves nothing, and is never counted against the endpoint.
"""

from __future__ import annotations

from typing import Final

READY: Final = "Reply with the single word: ready"
PROSE: Final = "Say good morning in one plain English sentence. Do not write JSON."
NO_CALL: Final = "Say good morning. Do not call any function or tool."


def call(tool: str, text: str) -> str:
    """One call with one argument."""
    return f"Call the tool {tool} with text={text}. Do nothing else."


def call_twice(tool: str, first: str, second: str) -> str:
    """Two calls at once."""
    return f"Make two parallel calls: {tool} with text={first}, and {tool} with text={second}."


def control(word: str) -> str:
    """Instructions that hold the control word."""
    return f"The control word is {word}. When you are asked for it, write it."


def day(word: str) -> str:
    return f"The day code is {word}. Reply with the single word: ready"


def result(code: str) -> str:
    """What a tool of the throw-away server returns."""
    return f"The result code is {code}."


def denial(code: str) -> str:
    """The reason of a denial."""
    return f"The denial code is {code}."


def file(code: str) -> str:
    return f"The file code is {code}."


DAY_ASKED: Final = "What is the day code, and what is the control word?"
RESULT_ASKED: Final = "What is the result code, and what is the control word?"
DENIAL_ASKED: Final = "What is the denial code, and what is the control word?"
FILE_ASKED: Final = "What is the file code, and what is the control word?"
COLOURS_ASKED: Final = "What are the colours of the two pictures, in order, and what is the control word?"
