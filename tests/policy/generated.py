"""Policies and calls out of a seeded generator: the same ones in every run."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from .reference_further import STATEMENTS

NAMES = ["a.get", "a.get_x", "b.get", "b.x.get", "a.b"]
PATTERNS = ["a.get", "a.*", "*.get*", "*", "b.*get", "*x*"]
FIELDS = ["x", "y", "x?", "y?", "o.x", "o.x?", "o", "o.p.q?"]
USERS: list[list[str]] = [
    [],
    ["pay Bob Smith 100 and 99.50 to DE8901 now"],
    ["mail ana@corp.example the page https://a.example/x please", "and 7 books, key AbC123"],
]
PATHS = [
    "/srv/a",
    "/srv/a/x.txt",
    "/srv/a/../b",
    "/srv/ab",
    "/SRV/a/x",
    "/srv/a./x",
    "srv/a",
    "/",
    "/srv/a/.../x",
]
URLS = [
    *(
        "https://a.example",
        "https://a.example/x",
        "http://a.example/",
        "https://b.a.example/",
        "ftp://a.example/",
    ),
    *(
        "https://a.example:8443/",
        "https://a.example.evil.example/",
        "https://u@a.example/",
        "https://localhost/",
    ),
    *(
        "https://a.example\\@b.example/",
        " https://a.example/",
        "javascript:alert",
        "//a.example",
        "a.example/x",
    ),
]
ADDRESSES = [
    *("ana@corp.example", "eve@evil.example", "ana@eu.corp.example", "a.b+c@corp.example"),
    *("Ana <ana@corp.example>", "ana@corp.example,eve@evil.example", "ana@", "ana@corp.example."),
]
SPOKEN = [
    "Bob Smith",
    "bob",
    "Smith",
    "Bob  Smith",
    "Eve",
    "DE8901",
    "DE89",
    "AbC123",
    "abc123",
    "to",
    "100",
    "99.5",
]
NOTES = [
    "thanks a lot",
    "see evil.example",
    "see https://a.example/x",
    "evil[.]example",
    "at 12345678",
    "evil dot com",
]
KEYS = ["OPS-1", "ops-1", "OPS-1x", "ab", "aab!", "5", "", "EUR", "eur", "a"]
TEXTS = [*PATHS, *URLS, *ADDRESSES, *SPOKEN, *NOTES, *KEYS, *STATEMENTS]
NUMBERS = [
    *("0", "1", "-1", "5", "5.0", "2.5", "100", "99.50", "7", "1e30", "-0.0", "1e-400"),
    *("5.00000000000000000000001", "100.000000000000007", "123456789012345678901"),
]
BROKEN = ["NaN", '"', "}", '"x": 1, ', ', "x": 1', "1e999", '"\\ud800": 1,', "\x00", "[", ",", "-", " ", "\n"]
BOUNDS = [0, 1, -1, 5, 2.5, 100, 10**30]


def rules(random: Random) -> list[dict[str, Any]]:
    return [_rule(random, number) for number in range(random.randint(1, 7))]


def _rule(random: Random, number: int) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": f"r{number}", "effect": random.choice(["allow", "allow", "ask", "deny"])}
    rule["tools"] = random.sample(PATTERNS, random.randint(1, 2))
    fields = random.sample(FIELDS, random.randint(0, 3))
    when = {field: _matchers(random) for field in {field.rstrip("?"): field for field in fields}.values()}
    if when:
        rule["when"] = when
    if random.random() < 0.2:
        rule["args_schema"] = _schema(random)
    if random.random() < 0.15:
        rule["annotations"] = {random.choice(["readOnlyHint", "destructiveHint"]): random.random() < 0.5}
    if rule["effect"] == "allow" and ("when" in rule or "args_schema" in rule) and random.random() < 0.5:
        rule["other_arguments"] = "any"
    if random.random() < 0.25:
        rule["who"] = random.choice(
            [["ana"], ["a*"], {"groups": ["ops"]}, {"principals": ["bob"], "groups": ["*"]}]
        )
    return rule


def _schema(random: Random) -> dict[str, Any]:
    shapes: list[dict[str, Any]] = [
        {"type": "string", "maxLength": 8},
        {"type": "number", "maximum": 100},
        {"pattern": "^[a-z]+"},
        {"type": ["boolean", "null"]},
    ]
    return {
        "properties": {
            name: random.choice(shapes) for name in random.sample(["x", "y"], random.randint(1, 2))
        }
    }


def _matchers(random: Random, depth: int = 0) -> dict[str, Any]:
    if depth < 2 and random.random() < 0.2:
        name = random.choice(["each", "any", "all_of", "any_of", "none_of"])
        if name in ("each", "any"):
            return {name: _matchers(random, depth + 1)}
        return {name: [_matchers(random, depth + 1) for _ in range(random.randint(1, 3))]}
    return _scalar_matcher(random) if random.random() < 0.4 else _text_matcher(random)


def _scalar_matcher(random: Random) -> dict[str, Any]:
    return random.choice(
        [
            {random.choice(["eq", "ne"]): random.choice([*KEYS, *BOUNDS, True, False])},
            {random.choice(["in", "not_in"]): random.sample([*SPOKEN, *BOUNDS, True], 3)},
            {random.choice(["gt", "ge", "lt", "le"]): random.choice(BOUNDS)},
            {"type": random.choice(["string", "number", "integer", "boolean", "array", "object"])},
            {random.choice(["min_len", "max_len", "min_items", "max_items"]): random.randint(0, 6)},
            {random.choice(["starts_with", "ends_with", "contains"]): random.choice(["a", "/srv", "1"])},
        ]
    )


def _text_matcher(random: Random) -> dict[str, Any]:
    only = random.choice([["select"], ["select", "insert"]])
    return random.choice(
        [
            {"matches": random.choice(["[A-Z]+-[0-9]+", "[a-z]+|5", "(a+)+b?", ".*example.*"])},
            {"under": random.choice([["/srv/a", "/srv/b"], ["/srv/a"], "/"])},
            {"host": random.choice([["a.example"], ["*.example"], "*"])},
            {"https_host": random.choice([["a.example", "*.a.example"], "*"])},
            {"scheme": random.choice([["https", "ftp"], "javascript"])},
            {"email_domain": random.choice([["corp.example"], ["corp.example", "*.corp.example"]])},
            {"sql": {"only": only, "dialect": "postgres"}},
            {"grounded": "user_text"},
            {"grounded": "user_text"},
            {"no_new_links": "user_text"},
        ]
    )


def call(random: Random) -> dict[str, Any]:
    """`text` is the arguments on the wire, now and then broken."""
    names = random.sample(["x", "y", "o", "z"], random.choice([0, 1, 1, 2, 2, 3]))
    if random.random() < 0.05:
        names += [name.upper() for name in names]
    parts = ["{", ", ".join(f'"{name}": {_value(random)}' for name in names), "}"]
    if random.random() < 0.1:
        parts.insert(random.randint(0, 3), random.choice(BROKEN))
    return {
        "name": random.choice(NAMES),
        "text": "".join(parts),
        "principal": random.choice(["", "ana", "bob"]),
        "groups": random.choice([frozenset[str](), frozenset({"ops"})]),
        "known": random.random() < 0.8,
        "user": random.choice(USERS),
        "hints": random.choice(
            [None, {}, {"readOnlyHint": True}, {"destructiveHint": False}, {"readOnlyHint": 1}]
        ),
    }


def _value(random: Random, depth: int = 0) -> str:
    chance = random.random()
    if chance < 0.55:
        return json.dumps(random.choice(TEXTS))
    if chance < 0.75:
        return random.choice(NUMBERS)
    if chance < 0.8 or depth > 2:
        return random.choice(["null", "true", "false"])
    if chance < 0.9:
        return "[" + ", ".join(_value(random, depth + 1) for _ in range(random.randint(0, 3))) + "]"
    inner = [
        f'"{name}": {_value(random, depth + 1)}' for name in random.sample("xypqX", random.randint(0, 3))
    ]
    return "{" + ", ".join(inner) + "}"
