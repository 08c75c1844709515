"""Conversations with the planner, and functions for it to call."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

from mcpbridge.service.brains.planner.planner import PlannerBrain
from tests.service.talking import ENCRYPTED, Item, Talk, talking

TEXT: Item = {"type": "string"}


def function(name: str, description: str = "", **properties: Item) -> Item:
    """A function; a property whose name ends in an underscore is optional."""
    declared = {key.removesuffix("_"): value for key, value in properties.items()}
    required = [key for key in properties if not key.endswith("_")]
    schema = {"type": "object", "properties": declared, "required": required}
    return {
        "type": "function",
        "name": name,
        "description": description,
        "parameters": schema,
        "strict": False,
    }


@contextmanager
def planning(*tools: Item, quirks: Iterable[str] = (), **options: Any) -> Generator[Talk, None, None]:
    """A conversation that stores nothing; `options` go into each request."""
    with talking(PlannerBrain(), *tools, quirks=quirks) as talk:
        talk.options = {"include": [ENCRYPTED], **options}
        yield talk


def thought(items: Sequence[Item]) -> str:
    """The summaries of all reasoning."""
    return "\n".join(
        part["text"] for item in items if item["type"] == "reasoning" for part in item["summary"]
    )


def called(items: Sequence[Item]) -> list[tuple[str, Item]]:
    """Each function call: its name and its arguments."""
    return [
        (item["name"], json.loads(item["arguments"])) for item in items if item["type"] == "function_call"
    ]
