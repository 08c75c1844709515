"""Values that stand in a text: quoted, numbers with units, dates, addresses, and what follows a label."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mcpbridge.service.brains.planner.words import stem, words
from mcpbridge.service.wire import Item, is_list, is_object

_QUOTED: Final = re.compile(
    r'"([^"\n]*)"|“([^”\n]*)”|„([^“”\n]*)[“”]|«([^»\n]*)»|`([^`\n]*)`|(?<!\w)\'([^\'\n]*)\'(?!\w)'
)
_EMAIL: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_URL: Final = re.compile(r"\bhttps?://[^\s<>\"'`]+[^\s<>\"'`.,;:!?)\]]")
_DATE: Final = re.compile(
    r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?\b"
)
_NUMBER: Final = re.compile(
    r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?=([ \t]?)([a-zA-Z%]*))(?![\w]*\d)"
)
_FORMATS: Final[Mapping[str, re.Pattern[str]]] = {
    "email": _EMAIL, "uri": _URL, "url": _URL, "date": _DATE, "date-time": _DATE,
}  # fmt: skip
_SECONDS: Final = {
    "ms": 0.001, "millisecond": 0.001, "s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "day": 86400.0, "d": 86400.0, "week": 604800.0,
}  # fmt: skip
_UNIT: Final = {stem(name): seconds for name, seconds in _SECONDS.items()}
_YES: Final = frozenset({"true", "yes", "on", "enabled", "1"})
_NO: Final = frozenset({"false", "no", "off", "disabled", "0", "not", "without"})
_CONNECTS: Final = re.compile(
    r"\s*(?:is|are|of|as|to|be|equals|level|number|:|=)\b[ \t]*|\s*[:=#]?[ \t]*", re.IGNORECASE
)
_ENDS: Final = re.compile(r"[;\n]|[.!?](?=\s|$)|,(?=\s|$)|\s(?:saying|that says)\b", re.IGNORECASE)
_ENDS_LIST: Final = re.compile(r"[;\n]|[.!?](?=\s|$)|\s(?:saying|that says)\b", re.IGNORECASE)
_BEFORE_LABEL: Final = re.compile(
    r"(?:[\s,]*\b(?:and|with|having|has|the|a|an|in|its|of|on|at|to|for|by)\b|[\s,])*$", re.IGNORECASE
)


_PLACES: Final = 20
"""Places of one label that are tried."""
_WINDOW: Final = 40
"""Characters before a label in which its “with the” may stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Borders:
    """Where a value ends that follows a label: before the next label, and before what is taken already."""

    labels: Sequence[str] = ()
    taken: Sequence[int] = ()
    commas: bool = True

    def stop(self, text: str, begin: int) -> int:
        """Where the value ends that begins here; at the end of the sentence at the latest."""
        ends = (_ENDS if self.commas else _ENDS_LIST).search(text, begin)
        stop = ends.start() if ends else len(text)
        starts = [start for label in self.labels for start, _ in _places(text, label)]
        for start in (*starts, *self.taken):
            if begin < start < stop:
                window = max(begin, start - _WINDOW)
                before = _BEFORE_LABEL.search(text[window:start])
                stop = window + before.start() if before else start
        return stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A value, where in the text it stands, and how it was found."""

    value: object
    start: int
    end: int
    how: str


@lru_cache(maxsize=64)
def quoted(text: str) -> tuple[Found, ...]:
    """Everything that stands in quotation marks."""
    return tuple(
        Found(
            value=found[found.lastindex or 0], start=found.start(), end=found.end(), how="in quotation marks"
        )
        for found in _QUOTED.finditer(text)
    )


def shaped(text: str, format: str) -> list[Found]:
    """Everything in the text that has the shape of a JSON Schema format."""
    pattern = _FORMATS.get(format)
    found = pattern.finditer(text) if pattern else ()
    return [
        Found(value=one[0], start=one.start(), end=one.end(), how=f"the {format} in the text")
        for one in found
    ]


def numbers(text: str, name: str = "") -> list[Found]:
    """Numbers, those inside dates and addresses apart; in the unit that ends `name`, when both have one."""
    others = [one for kind in ("email", "uri", "date") for one in shaped(text, kind)]
    read = [
        _number(found, name)
        for found in _NUMBER.finditer(text)
        if not any(one.start <= found.start() < one.end for one in others)
    ]
    return sorted(read, key=lambda one: "as" not in one.how) if name else read


def labelled(text: str, name: str, borders: Borders, *, explicit: bool) -> Found | None:
    """What follows `name: ` or `name=` (explicit), or the name used as a word ("titled …")."""
    for start, end in _places(text, name)[:_PLACES]:
        rest = text[end : end + _WINDOW]
        marked = re.match(r"[\"'`]?\s*[:=]\s*", rest)
        if explicit != (marked is not None):
            continue
        connects = marked or _CONNECTS.match(rest)
        begin = end + (connects.end() if connects else 0)
        value = _value_at(text, begin, borders)
        if value is not None:
            stop, raw = value
            return Found(value=raw, start=start, end=stop, how=f"what follows “{text[start:end]}”")
    return None


def converted(raw: str, schema: Item, name: str) -> object:
    """The raw text as the schema's type; None when it is not one."""
    options: object = schema.get("enum")
    if is_list(options):
        return next((one.value for one in options_in(raw, options)), None)
    kind = type_of(schema)
    return _READERS[kind](raw, schema, name) if kind in _READERS else None


def options_in(text: str, options: Sequence[object]) -> list[Found]:
    """The words of an enum that stand in the text, in the text's order."""
    found: list[Found] = []
    for option in options:
        spelled = re.escape(str(option)).replace("_", r"[_\s-]").replace(r"\-", r"[_\s-]")
        place = re.search(rf"(?<!\w){spelled}(?!\w)", text, re.IGNORECASE)
        if place is not None and option is not None:
            allowed = ", ".join(map(str, options[:8]))
            how = f"the word “{place[0]}” (one of {allowed})"
            found.append(Found(value=option, start=place.start(), end=place.end(), how=how))
    return sorted(found, key=lambda one: one.start)


def type_of(schema: Item) -> str:
    """The type that is not null; string where none is said and nothing else shows it."""
    kind: object = schema.get("type")
    if is_list(kind):
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _number(found: re.Match[str], name: str) -> Found:
    written, unit = found[0], found[2]
    value: int | float = float(written) if any(c in written for c in ".eE") else int(written)
    end = found.end() + (len(found[1]) + len(unit) if stem(unit) in _UNIT or unit == "%" else 0)
    how = f"the number {written}"
    wanted = [one.stem for one in words(name)][-1:]
    if wanted and stem(unit) in _UNIT and wanted[0] in _UNIT:
        scaled = value * _UNIT[stem(unit)] / _UNIT[wanted[0]]
        value = int(scaled) if scaled == int(scaled) else scaled
        how = f"{written} {unit} as {name}"
    return Found(value=value, start=found.start(), end=end, how=how)


@lru_cache(maxsize=256)
def _places(text: str, name: str) -> tuple[tuple[int, int], ...]:
    """Where the name stands in the text, in any ending: `due_date` as "due date", `title` as "titled"."""
    wanted = [one.stem for one in words(name)]
    there = words(text)
    inside = quoted(text)
    return tuple(
        (there[at].start, there[at + len(wanted) - 1].end)
        for at in range(len(there) - len(wanted) + 1 if wanted else 0)
        if [one.stem for one in there[at : at + len(wanted)]] == wanted
        and not any(one.start < there[at].start < one.end for one in inside)
    )


def _value_at(text: str, begin: int, borders: Borders) -> tuple[int, str] | None:
    """(where it ends, the raw value): a quoted text, JSON, or the words up to the next label or sentence."""
    for one in quoted(text):
        if one.start == begin:
            return one.end, str(one.value)
    if text[begin : begin + 1] in ("[", "{"):
        try:
            _, length = json.JSONDecoder().raw_decode(text[begin:])
        except ValueError:
            pass
        else:
            return begin + length, text[begin : begin + length]
    stop = borders.stop(text, begin)
    raw = text[begin:stop].strip().strip(",")
    return (stop, raw) if raw else None


def _as_text(raw: str, schema: Item, _name: str) -> object:
    format: object = schema.get("format")
    if isinstance(format, str) and format in _FORMATS:
        return next((one.value for one in shaped(raw, format)), None)
    if isinstance(const := schema.get("const"), str):
        return const
    inside = quoted(raw)
    whole = len(inside) == 1 and inside[0].end - inside[0].start == len(raw)
    return inside[0].value if whole else raw.strip()


def _as_integer(raw: str, _schema: Item, name: str) -> object:
    found = (one.value for one in numbers(raw, name))
    return next((int(one) for one in found if isinstance(one, int | float) and one == int(one)), None)


def _as_number(raw: str, _schema: Item, name: str) -> object:
    return next((one.value for one in numbers(raw, name)), None)


def _as_boolean(raw: str, _schema: Item, _name: str) -> object:
    first = re.match(r"\W*(\w+)", raw)
    said = first[1].lower() if first else ""
    return True if said in _YES else False if said in _NO else None


def _as_list(raw: str, schema: Item, name: str) -> object:
    decoded = _json(raw)
    if is_list(decoded):
        return decoded
    inner: object = schema.get("items")
    each = [one.strip() for one in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", raw) if one.strip()]
    values = [converted(one, inner if is_object(inner) else {}, name) for one in each]
    return None if not values or None in values else values


def _as_object(raw: str, _schema: Item, _name: str) -> object:
    decoded = _json(raw)
    return decoded if is_object(decoded) else None


def _json(raw: str) -> object:
    try:
        decoded: object = json.loads(raw)
    except ValueError:
        return None
    return decoded


_READERS: Final[Mapping[str, Callable[[str, Item, str], object]]] = {
    "string": _as_text, "integer": _as_integer, "number": _as_number, "boolean": _as_boolean,
    "array": _as_list, "object": _as_object,
}  # fmt: skip
