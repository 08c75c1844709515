"""The semantics a second time: slow, straight from POLICY, on the raw YAML values, sharing no code.

Truths are the strings "yes", "no" and "unknown", so that nothing can be mixed up with a bool.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from . import reference_further as further

ORDER = ["allow", "ask", "deny"]


def decide(
    rules: list[dict[str, Any]], default: str, unknown: str, call: dict[str, Any]
) -> tuple[str, set[str]]:
    """`call` has name, arguments, principal, groups, known and, where rules ask for them, user (what the
    user wrote) and hints (annotations of a trusted server, or None). Returns the effect and the ids."""
    call = {**call, "arguments": doubted(call["arguments"])}
    matching = [rule for rule in rules if rule_matches(rule, call)]
    effect = max((rule["effect"] for rule in matching), key=ORDER.index, default=default)
    if not call["known"]:
        effect = max(effect, unknown, key=ORDER.index)
    return effect, {rule["id"] for rule in matching}


def doubted(value: Any) -> Any:
    """Values of names that are one name without letter case become a thing of no kind."""
    if isinstance(value, list):
        return [doubted(item) for item in cast("list[Any]", value)]  # type: ignore[redundant-cast]
    if not isinstance(value, dict):
        return value
    items = cast("dict[str, Any]", value)
    return {
        name: further.DOUBTED
        if any(name != other and name.upper() == other.upper() for other in items)
        else doubted(one)
        for name, one in items.items()
    }


def rule_matches(rule: dict[str, Any], call: dict[str, Any]) -> bool:
    if not any(glob_matches(pattern, call["name"]) for pattern in rule["tools"]):
        return False
    when = rule.get("when", {})
    user: Sequence[str] = call.get("user", ())
    truths = [field_truth(key, matchers, call["arguments"], user) for key, matchers in when.items()]
    truths.append(who_truth(rule.get("who"), call))
    truths += [
        hint_truth(name, wanted, call.get("hints")) for name, wanted in rule.get("annotations", {}).items()
    ]
    if "args_schema" in rule:
        closed = rule["effect"] == "allow" and "other_arguments" not in rule
        besides = [key.rstrip("?") for key in when] if closed else None
        truths.append(further.schema_truth(rule["args_schema"], call["arguments"], besides))
    truth = conjunction(truths)
    if rule["effect"] != "allow":
        return truth != "no"
    if truth != "yes":
        return False
    if "when" not in rule or "other_arguments" in rule:
        return True
    named = [tuple(key.rstrip("?").split(".")) for key in when]
    named += [(name,) for name in rule.get("args_schema", {}).get("properties", {})]
    return all(any(leaf[: len(path)] == path for path in named) for leaf in leaves(call["arguments"], named))


def glob_matches(pattern: str, name: str) -> bool:
    escaped = pattern.replace("[", "[[]").replace("?", "[?]")
    return fnmatch.fnmatchcase(name, escaped)


def leaves(
    value: Mapping[str, Any], named: list[tuple[str, ...]], at: tuple[str, ...] = ()
) -> list[tuple[str, ...]]:
    """Paths that must be named; objects on the way to a named field are entered."""
    found: list[tuple[str, ...]] = []
    for key, below in value.items():
        path = (*at, key)
        on_the_way = any(len(one) > len(path) and one[: len(path)] == path for one in named)
        if on_the_way and path not in named and kind(below) == "object":
            found += leaves(below, named, path)
        else:
            found.append(path)
    return found


def who_truth(who: Any, call: dict[str, Any]) -> str:
    if who is None:
        return "yes"
    if kind(who) == "array":
        who = {"principals": who}
    if any(glob_matches(p, group) for p in who.get("groups", []) for group in call["groups"]):
        return "yes"
    if call["principal"] == "":
        return "unknown"
    return yes(any(glob_matches(p, call["principal"]) for p in who.get("principals", [])))


def hint_truth(name: str, wanted: bool, hints: Mapping[str, Any] | None) -> str:
    if hints is None:
        return "unknown"
    value = hints.get(name, name in ("destructiveHint", "openWorldHint"))
    return yes(value == wanted) if isinstance(value, bool) else "unknown"


def field_truth(key: str, matchers: dict[str, Any], arguments: Mapping[str, Any], user: Sequence[str]) -> str:
    value: Any = arguments
    for name in key.rstrip("?").split("."):
        if kind(value) != "object":
            return "unknown"
        if name not in value:
            return "yes" if key.endswith("?") else "unknown"
        value = value[name]
    return mapping_truth(matchers, value, user)


def mapping_truth(matchers: dict[str, Any], value: Any, user: Sequence[str]) -> str:
    return conjunction([matcher_truth(name, operand, value, user) for name, operand in matchers.items()])


def kind(value: Any) -> str | None:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "number"
    if isinstance(value, Decimal):
        return "number"
    if isinstance(value, float):
        return None if math.isnan(value) or math.isinf(value) else "number"
    return {"str": "string", "list": "array", "dict": "object"}.get(type(value).__name__)


def matcher_truth(name: str, operand: Any, value: Any, user: Sequence[str]) -> str:
    if name in ("all_of", "any_of", "none_of"):
        truths = [mapping_truth(one, value, user) for one in operand]
        return conjunction(truths) if name == "all_of" else OR[name](disjunction(truths))
    if name in ("each", "any"):
        if kind(value) != "array":
            return "unknown"
        truths = [mapping_truth(operand, item, user) for item in value]
        return conjunction(truths) if name == "each" else disjunction(truths)
    if name in ("eq", "ne", "in", "not_in"):
        return equality_truth(name, operand if kind(operand) == "array" else [operand], value)
    if name == "type":
        return type_truth(operand, value)
    if name in further.MATCHERS:
        return further.MATCHERS[name](operand, value, user)
    about, holds = SIMPLE[name]
    if kind(value) != about:
        return "unknown"
    return agreed(yes(holds(one, as_written(operand))) for one in readings(value))


def readings(value: Any) -> list[Any]:
    """A number as it was written and as a double; whatever else as it is."""
    if not isinstance(value, Decimal):
        return [as_written(value)]
    double = float(value)
    return [value, Decimal(double) if abs(double) >= 2**53 else as_written(double)]


def as_written(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, float) else value


def agreed(truths: Iterable[str]) -> str:
    found = set(truths)
    return found.pop() if len(found) == 1 else "unknown"


def equality_truth(name: str, operands: list[Any], value: Any) -> str:
    if kind(value) is None or kind(value) not in [kind(one) for one in operands]:
        return "unknown"
    like = [as_written(one) for one in operands if kind(one) == kind(value)]
    found = [any(one == reading for one in like) for reading in readings(value)]
    return agreed(yes(is_one if name in ("eq", "in") else not is_one) for is_one in found)


def type_truth(operand: str, value: Any) -> str:
    if kind(value) is None:
        return "unknown"
    if operand == "integer":
        if kind(value) != "number":
            return "no"
        return agreed(yes(one == int(one)) for one in readings(value))
    return yes(kind(value) == operand)


SIMPLE: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "gt": ("number", lambda value, operand: value > operand),
    "ge": ("number", lambda value, operand: value >= operand),
    "lt": ("number", lambda value, operand: value < operand),
    "le": ("number", lambda value, operand: value <= operand),
    "min_len": ("string", lambda value, operand: len(value) >= operand),
    "max_len": ("string", lambda value, operand: len(value) <= operand),
    "min_items": ("array", lambda value, operand: len(value) >= operand),
    "max_items": ("array", lambda value, operand: len(value) <= operand),
    "starts_with": ("string", lambda value, operand: value[: len(operand)] == operand),
    "ends_with": ("string", lambda value, operand: value[-len(operand) :] == operand),
    "contains": ("string", lambda value, operand: value.find(operand) >= 0),
}


def yes(holds: bool) -> str:
    return "yes" if holds else "no"


def conjunction(truths: list[str]) -> str:
    return "no" if "no" in truths else "unknown" if "unknown" in truths else "yes"


def disjunction(truths: list[str]) -> str:
    return "yes" if "yes" in truths else "unknown" if "unknown" in truths else "no"


def negate(truth: str) -> str:
    return {"yes": "no", "no": "yes", "unknown": "unknown"}[truth]


OR: dict[str, Callable[[str], str]] = {"any_of": str, "none_of": negate}
