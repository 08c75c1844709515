"""The reference for matchers with a grammar of their own, built in another way than the policy's: plain
expressions over a narrow form, and "unknown" for whatever is not in it.

It is exact for the texts that the fuzzing uses; the vectors hold the rest.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, cast
from urllib.request import Request

import jsonschema

WORD = re.compile(r"[A-Za-z0-9@./+-]+")


DOUBTED: Any = object()
"""What was given twice, in other letter case."""


def yes(holds: bool) -> str:
    return "yes" if holds else "no"


def listed(operand: Any) -> list[Any]:
    return cast("list[Any]", operand) if isinstance(operand, list) else [operand]  # type: ignore[redundant-cast]


def matches(operand: str, value: Any, user: Sequence[str]) -> str:
    return yes(bool(re.fullmatch(operand, value, re.ASCII))) if isinstance(value, str) else "unknown"


def under(operand: Any, value: Any, user: Sequence[str]) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"/(?!/)[A-Za-z0-9._/-]*", value):
        return "unknown"
    if any(re.fullmatch(r".*[^.]\.|\.{3,}", name) for name in value.split("/")):
        return "unknown"
    path = posixpath.normpath(value)
    found = [below(path, root) for root in listed(operand)]
    if any(found):
        return "yes"
    return "unknown" if any(below(path.lower(), root.lower()) for root in listed(operand)) else "no"


def below(path: str, root: str) -> bool:
    return posixpath.commonpath([path, root]) == root


def parts_of_url(value: Any) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of an ordinary URL."""
    if not isinstance(value, str) or not re.fullmatch(
        r"[a-z]+://[a-z0-9.-]+[a-z](:[1-9][0-9]*)?(/[!-~]*)?", value
    ):
        return None
    if "\\" in value or ".." in value.split("/")[2] or value.split("/")[2].startswith((".", "-")):
        return None
    request = Request(value)
    host, _, port = (request.host or "").partition(":")
    ports = {"http": 80, "https": 443, "ftp": 21}
    return request.type, host, int(port) if port else ports.get(request.type)


def names_host(operand: Any, name: str) -> bool:
    return any(
        name.endswith("." + one[2:]) if one.startswith("*.") else one in ("*", name)
        for one in listed(operand)
    )


def is_inside(name: str) -> bool:
    return "." not in name or name.rsplit(".", maxsplit=1)[-1] in ("localhost", "local", "internal")


def host(operand: Any, value: Any, user: Sequence[str]) -> str:
    url = parts_of_url(value)
    if url is None:
        return "unknown"
    if not names_host(operand, url[1]):
        return "no"
    return "unknown" if is_inside(url[1]) else "yes"


def https_host(operand: Any, value: Any, user: Sequence[str]) -> str:
    url = parts_of_url(value)
    if url is not None and url[0] != "https":
        return "no"
    if url is not None and url[2] != 443 and names_host(operand, url[1]):
        return "unknown"
    return host(operand, value, user)


def scheme(operand: Any, value: Any, user: Sequence[str]) -> str:
    found = (
        re.fullmatch(r"([a-z]+):(?:(?:[^/\s\\][^\s\\]*)|//[^\s\\/?#][^\s\\]*)", value)
        if isinstance(value, str)
        else None
    )
    return yes(found[1] in listed(operand)) if found else "unknown"


def email_domain(operand: Any, value: Any, user: Sequence[str]) -> str:
    if not isinstance(value, str) or not re.fullmatch(
        r"[a-z0-9+]+(\.[a-z0-9+]+)*@[a-z0-9]+([.-][a-z0-9]+)*", value
    ):
        return "unknown"
    domain = value.split("@")[1]
    return yes(
        any(domain == one or (one[:2] == "*." and domain.endswith(one[1:])) for one in listed(operand))
    )


STATEMENTS: dict[str, set[str] | None] = {
    "select 1": {"select"},
    "select a from t where b = 'x'": {"select"},
    "insert into t values (1)": {"insert"},
    "with x as (delete from t returning *) select * from x": {"select", "delete"},
    "update t set a = 1": {"update"},
    "drop table t": {"drop"},
    "select 1; drop table t": None,
    "select pg_sleep(5)": None,
    "select 1 -- x": None,
}
"""What each does; None where nobody can tell."""


def sql(operand: dict[str, Any], value: Any, user: Sequence[str]) -> str:
    does = STATEMENTS.get(value) if isinstance(value, str) else None
    if does is None:
        return "unknown"
    return yes(does <= set(operand["only"]))


def words(text: str) -> list[str]:
    return [word.strip(".,<>") for word in text.split()]


def grounded(operand: Any, value: Any, user: Sequence[str]) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or not user:
        return "unknown"
    if isinstance(value, int | Decimal):
        if inexact(value):
            return "unknown"
        numbers = [
            Decimal(word) for text in user for word in words(text) if re.fullmatch(r"\d+(\.\d+)?", word)
        ]
        return yes(value in numbers)
    if value and not value.isascii():
        return "no"
    if re.fullmatch(r"(0|[1-9]\d*)(\.\d+)?", value):
        return grounded(operand, Decimal(value), user)
    if len(value.strip()) < 3:
        return "unknown"
    fold = bool(re.fullmatch(r"[A-Za-z@. ]+", value))
    wanted = value.lower().split() if fold else value.split()
    return yes(any(contiguous(wanted, words(text), fold=fold) for text in user))


def contiguous(wanted: list[str], found: list[str], *, fold: bool) -> bool:
    found = [word.lower() for word in found] if fold else found
    return any(found[at : at + len(wanted)] == wanted for at in range(len(found)))


def no_new_links(operand: Any, value: Any, user: Sequence[str]) -> str:
    if not isinstance(value, str):
        return "unknown"
    if any(sign in value for sign in ("[.]", "%2e", " dot ")):
        return "no"
    found = [
        word.strip(".,<>") for word in value.split() if re.search(r"\w\.[a-z]{2}|\w@|://|:\w|//|\d{8}", word)
    ]
    if found and not user:
        return "unknown"
    written = [word for text in user for word in words(text)]
    return yes(all(word in written for word in found))


def schema_truth(schema: dict[str, Any], arguments: Any, besides: list[str] | None) -> str:
    """For schemas of one level, with a `type` or a `pattern` for each property."""
    if inexact(arguments):
        return "unknown"
    plain = json.loads(json.dumps(arguments, default=float))
    validator: Any = jsonschema.Draft202012Validator(schema)
    loose: bool = validator.is_valid(plain)
    strict = loose and set(schema["properties"]) <= set(plain)
    for name, one in schema["properties"].items():
        strict = strict and ("pattern" not in one or isinstance(plain.get(name), str))
    if besides is not None:
        strict = strict and set(plain) <= {*schema["properties"], *besides}
    return yes(loose) if loose is strict else "unknown"


def inexact(value: Any) -> bool:
    """Whether something stands in it that nobody can read, or a number that no double holds."""
    if value is DOUBTED:
        return True
    if isinstance(value, Decimal):
        double = float(value)
        return value != (Decimal(double) if abs(double) >= 2**53 else Decimal(repr(double)))
    if isinstance(value, dict):
        return any(map(inexact, cast("dict[str, Any]", value).values()))
    return isinstance(value, list) and any(map(inexact, cast("list[Any]", value)))  # type: ignore[redundant-cast]


MATCHERS: dict[str, Callable[[Any, Any, Sequence[str]], str]] = {
    "matches": matches,
    "under": under,
    "host": host,
    "https_host": https_host,
    "scheme": scheme,
    "email_domain": email_domain,
    "sql": sql,
    "grounded": grounded,
    "no_new_links": no_new_links,
}
