"""Reading YAML with PyYAML and libyaml, as yaml_lines.py says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from math import isfinite
from typing import Any, Final, cast

import yaml
from yaml.reader import ReaderError

from mcpbridge.core.number import exactly
from mcpbridge.core.yaml_hints import explained
from mcpbridge.core.yaml_lines import Document, Path, YamlProblem

_INT: Final = re.compile(r"[-+]?[0-9]+")
_FLOAT: Final = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?")
_OTHER_NUMBER: Final = re.compile(r"[-+]?(?:0[0-9]+|0[xob][0-9A-Fa-f_]+|[0-9]+(?:_[0-9]+)+)")
"""`010` is eight to YAML 1.1 and ten to YAML 1.2; `0x10` and `1_000` are numbers to some, texts to others."""
_HIDDEN: Final = re.compile("[\x85\u2028\u2029\u202a-\u202e\u2066-\u2069]|\r(?!\n)")
"""Line breaks that only YAML sees, and marks that turn text around: a review would see another file."""
_MAX_DIGITS: Final = 400
"""CPython refuses to read integers above some thousand digits."""
_KEPT: Final = 16
"""So many characters have at most 15 digits, which every double keeps."""
_WORDS: Final[dict[str, Any]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_MAX_NODES: Final = 100_000
"""Aliases can blow a small file up a billionfold; nobody writes a configuration this large."""


def read(text: str) -> Document:
    """Parse one YAML document. Raises YamlProblem with the line."""
    hidden = _HIDDEN.search(text)
    if hidden is not None:
        mark = f"U+{ord(hidden[0]):04X}"
        problem = f"an invisible character ({mark}) stands here, with which text can be hidden; remove it"
        raise YamlProblem(problem, text.count("\n", 0, hidden.start()) + 1)
    try:
        node = _compose(text)
    except YamlProblem:
        raise
    except yaml.MarkedYAMLError as error:
        raise YamlProblem(*explained(error, text)) from error
    except ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise YamlProblem("a control character stands here; remove it", line) from error
    except RecursionError as error:
        raise YamlProblem("too deep for a configuration", 1) from error
    except (yaml.YAMLError, ValueError) as error:
        raise YamlProblem(f"not readable as YAML: {error}", 1) from error
    if node is None:
        return Document(value=None)
    reader = _Reader()
    return Document(value=reader.value(node, ()), lines=reader.lines, key_lines=reader.key_lines)


def _compose(text: str) -> yaml.Node | None:
    """By libyaml where it is there: ten times as fast. What it refuses, and what PyYAML reads in another
    way (tabs, a `?` between brackets), is PyYAML's, so that a file means the same everywhere."""
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is None or "!" in text or "\t" in text:
        return _slow(text)
    try:
        node = cast("yaml.Node | None", _composed(text, fast))
    except (yaml.YAMLError, ValueError):
        return _slow(text)
    return _slow(text) if "?" in text and _asks_in_brackets(node) else node


def _asks_in_brackets(root: yaml.Node | None) -> bool:
    """Each node once, for aliases let them share (and hold) each other."""
    waiting: list[tuple[Any, bool]] = [(root, False)]
    seen: set[tuple[int, bool]] = set()
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            if inside and not getattr(node, "style", None) and "?" in cast("str", node.value):
                return True
        elif isinstance(node, yaml.CollectionNode) and (id(node), inside) not in seen:
            seen.add((id(node), inside))
            below: Any = node.value
            items = [one for pair in below for one in pair] if isinstance(node, yaml.MappingNode) else below
            waiting += [(one, inside or bool(node.flow_style)) for one in items]
    return False


def _slow(text: str) -> yaml.Node | None:
    for token in yaml.scan(text, Loader=yaml.SafeLoader):  # pyright: ignore[reportUnknownMemberType]
        if isinstance(token, yaml.TagToken):
            raise YamlProblem("tags (`!…`) are not allowed here", token.start_mark.line + 1)
    return cast("yaml.Node | None", _composed(text, yaml.SafeLoader))


def _composed(text: str, loader: Any) -> Any:
    compose: Any = yaml.compose  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return compose(text, Loader=loader)


class _Reader:
    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.key_lines: dict[Path, int] = {}

    def value(self, node: yaml.Node, path: Path) -> Any:
        line: int = node.start_mark.line + 1
        self.lines[path] = line
        if len(self.lines) > _MAX_NODES or len(path) > 100:
            raise YamlProblem("too large or too deep for a configuration", line)
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            line: int = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
                raise YamlProblem("keys are plain words here (no merge keys, no nested keys)", line)
            key: str = key_node.value
            if key in seen:
                raise YamlProblem(f"the key {key!r} stands twice; remove one", line)
            seen.add(key)
            self.key_lines[(*path, key)] = line
            yield key, self.value(value_node, (*path, key))


def _scalar(node: yaml.Node) -> Any:
    text: str = node.value
    if getattr(node, "style", None):  # quoted or block text is always text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _OTHER_NUMBER.fullmatch(text):
        line = node.start_mark.line + 1
        raise YamlProblem(
            f"{text[:40]} is a number to some and not to others; write plain digits, or quotes", line
        )
    if _INT.fullmatch(text):
        if len(text) > _MAX_DIGITS:
            raise YamlProblem("this number is too long", node.start_mark.line + 1)
        return int(text)
    if _FLOAT.fullmatch(text):
        return _float(text, node.start_mark.line + 1)
    return text


def _float(text: str, line: int) -> float:
    """A limit that is another number than it says would be no limit."""
    value = float(text)
    if len(text) > _KEPT and isfinite(value) and exactly(value) != Decimal(text):
        raise YamlProblem(f"{text[:40]} has more digits than a number keeps here; write {value!r}", line)
    return value
