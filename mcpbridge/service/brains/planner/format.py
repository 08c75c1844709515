"""Structured output: the schema of `text.format` filled from what the planner has in sight."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mcpbridge.service.brains.acts import Refuse, Say
from mcpbridge.service.brains.planner.arguments import fill, resolved
from mcpbridge.service.brains.planner.recall import DISCLOSURE
from mcpbridge.service.brains.planner.turn import Call, Came, decoded
from mcpbridge.service.brains.planner.values import type_of
from mcpbridge.service.request.text_format import TextFormat
from mcpbridge.service.wire import Item, is_object

_TEXTS: Final = frozenset(
    {"answer", "text", "summary", "message", "response", "result", "reply", "output", "explanation"}
)


def structured(asked: TextFormat, answer: str, written: str, calls: Sequence[Call]) -> Say | Refuse:
    """The answer as JSON; a refusal that names what no text in sight says."""
    if asked.type == "json_object":
        return Say(text=_encoded({"answer": answer, "note": DISCLOSURE}))
    results = [call.text for call in calls if call.came is Came.RESULT]
    form = _Json(root=asked.schema, answer=answer, text="\n".join([*results, written]), results=results)
    text = _encoded(form.filled(asked.schema))
    if form.missing:
        told = ", ".join(f"`{name}`" for name in form.missing)
        return Refuse(text=f"Nothing that I can see says {told}, and I do not make up values. {DISCLOSURE}")
    problem = asked.problem(text)
    if problem is not None:
        return Refuse(text=f"What I can see does not fit the schema: {problem[:200]}. {DISCLOSURE}")
    return Say(text=text)


@dataclass(slots=True, kw_only=True)
class _Json:
    """A schema being filled, and what could not be found for it."""

    root: Item
    answer: str
    text: str
    results: Sequence[str]
    missing: list[str] = field(default_factory=list[str])

    def filled(self, schema: Item) -> Item:
        filling = fill(self.text, {**self.root, **schema}, "", rest=False)
        value = {**filling.values(), **self._from_results(_properties(schema))}
        absent = [name for name in filling.missing if name not in value]
        for name in absent:
            inner = resolved(_properties(schema).get(name), self.root)
            value[name] = self._made(name, inner, alone=len(absent) == 1)
        return value

    def _made(self, name: str, schema: Item, *, alone: bool) -> object:
        kind = type_of(schema)
        if kind == "string" and "enum" not in schema and (alone or name in _TEXTS):
            return self.answer
        if kind == "array":
            return []
        if kind == "object":
            return self.filled(schema)
        self.missing.append(name)
        return None

    def _from_results(self, properties: Item) -> Item:
        """Keys of a result that is JSON itself, where their types fit."""
        found: Item = {}
        for result in self.results:
            value = decoded(result)
            for name, one in properties.items():
                if is_object(value) and name in value and _fits(value[name], resolved(one, self.root)):
                    found[name] = value[name]
        return found


def _properties(schema: Item) -> Item:
    properties: object = schema.get("properties")
    return properties if is_object(properties) else {}


def _fits(value: object, schema: Item) -> bool:
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
        "array": (list,), "object": (dict,),
    }  # fmt: skip
    kind = type_of(schema)
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, kinds.get(kind, ())) and value in schema.get("enum", [value])


def _encoded(value: Item) -> str:
    return json.dumps(value, ensure_ascii=False)
