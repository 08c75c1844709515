"""`sql: {only: [select]}`: one statement, and what it does.

sqlglot parses it (the extra `sql`). Undecided: what it cannot parse, several statements, comments
(MySQL runs what stands in `/*! … */`), back-slashes (dialects end such strings in different places),
functions that sqlglot does not know and the rule does not name (`pg_read_file`, `xp_cmdshell`), table
functions that read files, and every part that is not known to read only (see sql_effects.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from mcpbridge.policy.matchers.values import TEXT, BadOperand, show
from mcpbridge.policy.model import Facts, Matcher, Truth

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.tokenizer_core import Token

_KINDS: Final = ("select", "insert", "update", "delete", "merge")
_KEYS: Final = ("only", "dialect", "functions")
_SHAPE: Final = "{only: [select], dialect: postgres}"
_MAX: Final = 20_000
_DOUBTFUL: Final = re.compile(
    r"--|/\*|\*/|[\\{}]|\$\$|\$[A-Za-z_]\w*\$|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[^\S \t\r\n]"
)
_HASH_IS_NO_COMMENT: Final = frozenset(
    {"postgres", "sqlite", "tsql", "oracle", "snowflake", "duckdb", "redshift"}
)
_FIRST: Final = re.compile(r"[\s(]*([A-Za-z]+)")
_PARSED: Final = frozenset({*_KINDS, "with", "values"})
_OTHERS: Final = frozenset(
    {
        *("abort", "alter", "analyse", "analyze", "attach", "backup", "begin", "call", "checkpoint", "close"),
        *("cluster", "comment", "commit", "copy", "create", "deallocate", "declare", "desc", "describe"),
        *("detach", "discard", "do", "drop", "end", "exec", "execute", "explain", "export", "fetch", "flush"),
        *("grant", "handler", "import", "install", "kill", "listen", "load", "lock", "move", "notify"),
        *("optimize", "pragma", "prepare", "purge", "put", "refresh", "reindex", "release", "rename"),
        *("repair", "replace", "reset", "restore", "revoke", "rollback", "savepoint", "security", "set"),
        *("show", "shutdown", "start", "stop", "table", "truncate", "unlisten", "unload", "unlock", "use"),
        "vacuum",
    }
)
"""Statements that sqlglot would make opaque commands of, with a warning in the log."""
_AFTER_WITH: Final = frozenset({*_KINDS, ",", "(", ")", "as", "values"})


def sql(operand: object) -> Matcher:
    only, dialect, functions = _read(operand)

    def decide(value: object, facts: Facts) -> Truth:
        if type(value) is not str or len(value) > _MAX or _in_doubt(value, dialect):
            return None
        first = _FIRST.match(value)
        word = first[1].lower() if first else ""
        if word not in _PARSED:
            return False if word in _OTHERS and ";" not in value.rstrip("; \t\r\n") else None
        statement = _parse(value, dialect)
        if statement is None:
            return None
        from mcpbridge.policy.matchers.sql_effects import does  # sqlglot takes its time to load

        return does(statement, only, functions, dialect)

    text = f"is one SQL statement of {show(sorted(only))}"
    return Matcher(name="sql", operand=operand, text=text, kinds=TEXT, decide=decide)


def _in_doubt(value: str, dialect: str) -> bool:
    """Whether dialects would not agree where comments, texts and names end."""
    if _DOUBTFUL.search(value) or ("#" in value and dialect not in _HASH_IS_NO_COMMENT):
        return True
    return not dialect and any(sign in value for sign in "[]`")


def _parse(value: str, dialect: str) -> exp.Expr | None:
    """The one statement; None where there are several, or none that can be read."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        if not _leads_somewhere(sqlglot.tokenize(value, read=dialect or None)):
            return None
        statements = sqlglot.parse(value, read=dialect or None)
    except (SqlglotError, RecursionError, ValueError, IndexError):
        return None
    found = [one for one in statements if one is not None]
    return found[0] if len(found) == 1 else None


def _leads_somewhere(tokens: Sequence[Token]) -> bool:
    """Whether what follows the parts of a WITH is a statement that sqlglot knows; of another one it makes
    an opaque command, and tells the log about it."""
    depth, closed = 0, False
    for token in tokens:
        word = token.text.lower()
        if closed and depth == 0 and word not in _AFTER_WITH:
            return tokens[0].text.lower() != "with"
        if closed and word in _KINDS:
            return True
        depth += (token.text == "(") - (token.text == ")")
        closed = depth == 0 and token.text == ")"
    return True


def _read(operand: object) -> tuple[frozenset[str], str, frozenset[str]]:
    mapping = cast("dict[str, object]", operand) if isinstance(operand, dict) else {}
    if "only" not in mapping or any(key not in _KEYS for key in mapping):
        raise BadOperand(f"takes {_SHAPE}, and `functions` for those a statement may call besides the usual")
    only = _words(mapping["only"])
    if only is None or any(one not in _KINDS for one in only):
        raise BadOperand(f"takes `only` with some of {', '.join(_KINDS)}, such as {_SHAPE}")
    functions = _words(mapping.get("functions", ["none"]))
    if functions is None:
        raise BadOperand("takes `functions` as a list of names, such as [similarity]")
    named = frozenset(one.lower() for one in functions) if "functions" in mapping else frozenset[str]()
    return frozenset(only), _dialect(mapping), named


def _words(value: object) -> list[str] | None:
    if not isinstance(value, list) or not value:
        return None
    found = [item for item in cast("list[object]", value) if isinstance(item, str) and item]
    return found if len(found) == len(cast("list[object]", value)) else None


def _dialect(mapping: dict[str, object]) -> str:
    try:
        from sqlglot.dialects import Dialect, Dialects
    except ImportError as error:
        raise BadOperand("needs the package sqlglot; install mcpbridge[sql]") from error
    if "dialect" not in mapping:
        return ""
    dialect = mapping["dialect"]
    if not isinstance(dialect, str) or not dialect or Dialect.get(dialect) is None:
        known = ", ".join(sorted(one.value for one in Dialects if one.value))
        raise BadOperand(f"takes a `dialect` of sqlglot: {known}")
    return dialect
