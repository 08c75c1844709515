"""Filling a tool's arguments from a text, by its JSON Schema; what cannot be found is not invented."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mcpbridge.service.brains.planner.values import (
    Borders,
    Found,
    converted,
    labelled,
    numbers,
    options_in,
    quoted,
    shaped,
    type_of,
)
from mcpbridge.service.brains.planner.words import alike, content_stems, says_nothing, words
from mcpbridge.service.wire import Item, is_list, is_object

_DEPTH: Final = 4
"""Objects inside objects; deeper ones are given as JSON or not at all."""
_MAIN: Final = (
    "query", "q", "question", "search", "prompt", "text", "message", "content", "body", "title", "name",
    "subject", "topic", "description", "summary", "location", "city", "place", "path", "input", "expression",
)  # fmt: skip
_SPOKEN: Final = frozenset({"message", "text", "content", "body", "comment", "note"})
_SHAPES: Final = (
    ("email", ("email", "mail", "recipient", "address", "to", "cc", "bcc")),
    ("uri", ("url", "uri", "link", "href", "website")),
    ("date", ("date", "day", "due", "deadline", "since", "until", "when")),
)
_SAYING: Final = re.compile(r"\b(?:saying|that says|with the text|with the words)\b[:\s]*", re.IGNORECASE)
_MARKER: Final = re.compile(
    r"\b(?:for|about|in|of|on|to|called|named|regarding|at|with|from|is|are)\b\s*|:\s+", re.IGNORECASE
)
_BACK: Final = re.compile(r"\b(?:it|that|this|them|the (?:result|answer|output|text))\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument: its value, and where that was found."""

    name: str
    value: Any
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """The arguments that were found, and the required ones that were not."""

    arguments: tuple[Argument, ...]
    missing: tuple[str, ...]
    named: int
    """How many required ones the text names, shapes or spells (the rest of the text does not count)."""

    def values(self) -> Item:
        return {one.name: one.value for one in self.arguments}


@dataclass(slots=True, kw_only=True)
class _Form:
    """A form being filled from one text; what was used once is not used again."""

    text: str
    properties: Mapping[str, Item]
    required: Sequence[str]
    found: dict[str, Argument] = field(default_factory=dict[str, Argument])
    taken: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def open(self) -> Iterator[tuple[str, Item]]:
        """What is still empty, required first."""
        names = sorted(self.properties, key=lambda name: name not in self.required)
        yield from ((name, self.properties[name]) for name in names if name not in self.found)

    def free(self, one: Found) -> bool:
        return not any(one.start < end and start < one.end for start, end in self.taken)

    def put(self, name: str, value: object, one: Found) -> bool:
        if value is None or not self.free(one):
            return False
        self.found[name] = Argument(name=name, value=value, how=one.how)
        self.taken.append((one.start, one.end))
        return True

    def borders(self, name: str) -> Borders:
        return Borders(
            labels=[other for other in self.properties if other != name],
            taken=[start for start, _ in self.taken],
            commas=type_of(self.properties[name]) != "array",
        )


def fill(text: str, schema: Item, tool_words: str, earlier: str = "", *, rest: bool = True) -> Filling:
    """Arguments for an object schema. `earlier` is what “it” means; `tool_words` are no values.

    With `rest`, the words that are left over become the main free text.
    """
    form = _form(text, schema, schema, 0)
    named = sum(name in form.found for name in form.required)
    if rest:
        _take_rest(form, tool_words, earlier)
    _take_defaults(form)
    return Filling(
        arguments=tuple(form.found[name] for name in form.properties if name in form.found),
        missing=tuple(name for name in form.required if name not in form.found),
        named=named,
    )


def resolved(schema: object, root: Item) -> Item:
    """The schema without `$ref` and without the null of an optional value."""
    for _ in range(_DEPTH * 2):
        if not is_object(schema):
            return {}
        reference: object = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/"):
            schema = _pointed(root, reference)
            continue
        ways: object = schema.get("anyOf") or schema.get("oneOf")
        if not is_list(ways):
            return schema
        schema = next((one for one in ways if is_object(one) and one.get("type") != "null"), None)
    return {}


def takes_null(schema: object) -> bool:
    """Whether null is a value of this schema: the strict way to say optional."""
    if not is_object(schema):
        return False
    kind, ways = schema.get("type"), schema.get("anyOf")
    return (is_list(kind) and "null" in kind) or (is_list(ways) and {"type": "null"} in ways)


def _pointed(root: Item, reference: str) -> object:
    value: object = root
    for part in reference[2:].split("/"):
        value = value.get(part) if is_object(value) else None
    return value


def _form(text: str, schema: Item, root: Item, depth: int) -> _Form:
    declared: object = schema.get("properties")
    required: object = schema.get("required")
    properties = {
        name: resolved(one, root) for name, one in (declared if is_object(declared) else {}).items()
    }
    names = [str(name) for name in (required if is_list(required) else []) if name in properties]
    form = _Form(text=text, properties=properties, required=names)
    _take_labelled(form, explicit=True)
    _take_formatted(form)
    _take_spoken(form)
    _take_labelled(form, explicit=False)
    _take_shaped(form)
    _take_booleans(form)
    if depth < _DEPTH:
        _take_objects(form, root, depth)
    for name, one in (declared if is_object(declared) else {}).items():
        if name in names and name not in form.found and takes_null(one):
            form.found[name] = Argument(name=name, value=None, how="not in the text, and may be null")
    return form


def _take_labelled(form: _Form, *, explicit: bool) -> None:
    for name, schema in list(form.open()):
        one = labelled(form.text, name, form.borders(name), explicit=explicit)
        if one is not None:
            form.put(name, converted(str(one.value), schema, name), one)


def _take_formatted(form: _Form) -> None:
    """Addresses and dates: the one behind the property's name, else the first."""
    for name, schema in list(form.open()):
        shape = "" if "enum" in schema or type_of(schema) != "string" else _shape_of(name, schema)
        there = [one for one in shaped(form.text, shape) if form.free(one)]
        label = labelled(form.text, name, form.borders(name), explicit=False)
        behind = [one for one in there if label is not None and label.start <= one.start < label.end]
        for one in (behind or there)[:1]:
            form.put(name, one.value, one)


def _take_spoken(form: _Form) -> None:
    """What somebody is to be told: “… saying hello”."""
    place = _SAYING.search(form.text)
    name = next((name for name, one in form.open() if name in _SPOKEN and type_of(one) == "string"), None)
    if place is None or name is None:
        return
    end = form.borders(name).stop(form.text, place.end())
    said = form.text[place.end() : end].strip()
    value = converted(said, form.properties[name], name) if said else None
    how = f"what follows “{place[0].strip()}”"
    form.put(name, value, Found(value=value, start=place.start(), end=end, how=how))


def _take_shaped(form: _Form) -> None:
    """Values whose form or type leaves one meaning: addresses, dates, words of an enum, numbers."""
    for name, schema in list(form.open()):
        for one in _shaped_for(form.text, name, schema):
            if form.put(name, one.value, one):
                break


def _shaped_for(text: str, name: str, schema: Item) -> Sequence[Found]:
    options: object = schema.get("enum")
    if is_list(options):
        return options_in(text, options)
    kind = type_of(schema)
    if kind == "integer":
        return [one for one in numbers(text, name) if isinstance(one.value, int)]
    return numbers(text, name) if kind == "number" else []


def _shape_of(name: str, schema: Item) -> str:
    format: object = schema.get("format")
    if isinstance(format, str):
        return format
    parts = {part for part in re.split(r"[_\W]+", name.lower()) if part}
    return next((shape for shape, names in _SHAPES if parts & set(names)), "")


def _take_booleans(form: _Form) -> None:
    """A flag that the text names is on, unless a “not” stands before it."""
    for name, schema in list(form.open()):
        if type_of(schema) != "boolean":
            continue
        spelled = r"[\s_-]".join(re.escape(part) for part in re.split(r"[_\W]+", name) if part)
        place = re.search(
            rf"(?P<no>\b(?:not|no|without|non)[\s-]+)?(?<!\w){spelled}(?!\w)", form.text, re.IGNORECASE
        )
        if place is not None:
            how = f"the words “{place[0]}”"
            form.put(
                name, place["no"] is None, Found(value=None, start=place.start(), end=place.end(), how=how)
            )


def _take_objects(form: _Form, root: Item, depth: int) -> None:
    """An object whose own properties the text names."""
    for name, schema in list(form.open()):
        if type_of(schema) != "object" or not is_object(schema.get("properties")):
            continue
        inner = _form(_masked(form.text, form.taken), schema, root, depth + 1)
        if inner.found and all(required in inner.found for required in inner.required):
            how = "; ".join(f"{one.name}: {one.how}" for one in inner.found.values())
            value = {one.name: one.value for one in inner.found.values()}
            form.found[name] = Argument(name=name, value=value, how=how)
            form.taken.extend(inner.taken)


def _masked(text: str, taken: Sequence[tuple[int, int]]) -> str:
    for start, end in taken:
        text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
    return text


def _take_rest(form: _Form, tool_words: str, earlier: str) -> None:
    """The main free text: what is in quotation marks, what “it” means, or the words that are left."""
    name = _main(form)
    if name is None:
        return
    for one in quoted(form.text):
        if form.put(name, one.value, one):
            return
    if earlier and _BACK.search(_masked(form.text, form.taken)):
        form.found[name] = Argument(name=name, value=earlier, how="the result before it")
        return
    rest = _left_over(form, tool_words)
    if rest:
        form.found[name] = Argument(name=name, value=rest, how="the rest of the text")


def _main(form: _Form) -> str | None:
    """The one property that may take the rest: the first required text; else an optional one named so."""
    texts = [
        name
        for name, schema in form.open()
        if type_of(schema) == "string" and "enum" not in schema and _shape_of(name, schema) == ""
    ]
    required = [name for name in texts if name in form.required]
    if required:
        return min(required, key=lambda name: _MAIN.index(name) if name in _MAIN else len(_MAIN))
    if any(type_of(form.properties[name]) == "string" and name in form.found for name in form.required):
        return None
    return next((name for name in _MAIN[:6] if name in texts), None)


def _left_over(form: _Form, tool_words: str) -> str:
    """The words that are not taken, without those that only chose the tool."""
    text = _masked(form.text, form.taken)
    known = content_stems(tool_words)
    there = [one for one in words(text) if not says_nothing(one.stem)]
    own = [one for one in there if not any(one.stem == word or alike(one.stem, word) for word in known)]
    if not own:
        return ""
    begin = _after_marker(text, there[0].end, own[0].start)
    return re.sub(r"\s{2,}", " ", text[begin:]).strip(" \t\n.,;:!?")


def _after_marker(text: str, verb_end: int, first_own: int) -> int:
    """The rest begins after the first “for”, “about”, “in” … behind the verb, or at its first word."""
    places = [place for place in _MARKER.finditer(text, min(verb_end, first_own)) if place.end() <= first_own]
    begin = places[0].end() if places else first_own
    article = re.match(r"(?:the|a|an)\s+", text[begin:], re.IGNORECASE)
    return begin + (article.end() if article and begin + article.end() <= first_own else 0)


def _take_defaults(form: _Form) -> None:
    for name, schema in list(form.open()):
        if name in form.required and ("default" in schema or "const" in schema):
            value = schema.get("const", schema.get("default"))
            form.found[name] = Argument(name=name, value=value, how="the default of the schema")
