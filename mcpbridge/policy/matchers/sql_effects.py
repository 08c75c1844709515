"""What a parsed SQL statement does, part by part: reading, changing, or nobody knows.

A part that is not in the list of those that only read is undecided: Hive's `TRANSFORM … USING 'program'` is
part of a SELECT, and what sqlglot learns to parse tomorrow does not pass for reading either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sqlglot import exp

from mcpbridge.policy.model import Truth

CHANGES: Final = ("insert", "update", "delete", "merge")
_EFFECTS: Final = frozenset(
    {*CHANGES, "into", "lock", "command", "create", "drop", "alter", "copy", "nextvaluefor", "set", "use"}
)
"""Parts of a statement that do more than read."""
_READ: Final = frozenset(
    {
        *(
            "select",
            "subquery",
            "cte",
            "with",
            "values",
            "table",
            "tablealias",
            "from",
            "join",
            "where",
            "group",
        ),
        *("having", "order", "ordered", "limit", "offset", "fetch", "limitoptions", "distinct", "qualify"),
        *("window", "windowspec", "column", "identifier", "star", "alias", "aliases", "literal", "boolean"),
        *("null", "paren", "tuple", "interval", "intervalspan", "var", "datatype", "datatypeparam", "cube"),
        *("rollup", "groupingsets", "lateral", "pivot", "pivotalias", "pivotany", "unpivotcolumns", "filter"),
        *("tablesample", "withingroup", "ignorenulls", "respectnulls", "escape", "attimezone", "bracket"),
        *("slice", "dot", "lambda", "jsonpath", "jsonkeyvalue", "jsonextractquote", "national", "rawstring"),
        *(
            "hexstring",
            "bitstring",
            "bytestring",
            "unicodestring",
            "introducer",
            "characterset",
            "any",
            "all",
        ),
        *(
            "between",
            "in",
            "havingmax",
            "withtablehint",
            "indextablehint",
            "historicaldata",
            "version",
            "sort",
        ),
        *("cluster", "distribute", "connect", "prior", "recursivewithsearch", "pseudocolumn", "kwarg"),
        *("tablecolumn", "columnposition", "overflowtruncatebehavior", "fromtimezone", "forin", "prewhere"),
        "final",
    }
)
_READ_KINDS: Final = (exp.Binary, exp.Unary, exp.SetOperation, exp.Func, exp.JSONPathPart)
_CHANGE: Final = frozenset({"schema", "returning", "whens", "when", "onconflict", "partition"})
"""Parts of statements that change; what they change is yielded by the statement."""
_UNCLEAR: Final = frozenset(
    {
        *("readcsv", "readparquet", "openjson", "propertyeq", "placeholder", "operator", "secret", "tofile"),
        *("predict", "vectorsearch", "featuresattime", "mltranslate", "mlforecast"),
    }
)
"""Reading files, setting variables, gaps that somebody fills in later, operators of one's own."""
_MODELS: Final = re.compile(r"ai[a-z]+|generate(?:text|table|embedding|bool|double|int)")
"""Functions that send their arguments to a model."""
_SEQUENCE: Final = frozenset({"nextval", "currval"})
_TABLE: Final = re.compile(r"[\w $-]*")
_NEEDS_NO_SEMICOLON: Final = frozenset({"", "tsql", "fabric"})
_CALLS_BY_DOT: Final = frozenset({"", "postgres", "redshift", "materialize", "risingwave"})
"""PostgreSQL takes `('a').f` for `f('a')` (manual, 8.16.5)."""
_STATEMENTS: Final = frozenset(
    {
        *(
            "alter",
            "backup",
            "begin",
            "bulk",
            "checkpoint",
            "close",
            "commit",
            "create",
            "dbcc",
            "deallocate",
        ),
        *("declare", "delete", "deny", "disable", "drop", "enable", "exec", "execute", "fetch", "go", "goto"),
        *("grant", "if", "insert", "kill", "merge", "open", "print", "raiserror", "reconfigure", "restore"),
        *("return", "revert", "revoke", "rollback", "save", "set", "shutdown", "throw", "truncate", "update"),
        *("use", "waitfor", "while"),
    }
)
"""T-SQL needs no `;`: `SELECT 1 delete FROM t` is a name for 1 elsewhere, and two statements there."""


def does(statement: exp.Expr, only: frozenset[str], functions: frozenset[str], dialect: str) -> Truth:
    """Whether the statement does nothing but what `only` names."""
    truth: Truth = True
    for effect in _effects(statement, functions, dialect):
        if effect is None:
            truth = None
        elif effect not in only:
            return False
    return truth


def _effects(statement: exp.Expr, functions: frozenset[str], dialect: str) -> Iterator[str | None]:
    """What a statement and its parts do; None for "nobody knows"."""
    yield "select" if isinstance(statement, exp.Query | exp.Values) else _kind(statement)
    rows = _rows_of_functions(statement) if dialect in _CALLS_BY_DOT else frozenset[str]()
    for node in statement.walk():
        kind = _kind(node)
        if isinstance(node, exp.Insert):
            yield from _insert(node)
        elif isinstance(node, exp.OnConflict):
            yield "update"
        elif kind in _EFFECTS:
            yield kind
        elif isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
            yield "select" if _full_name(node) in functions else None
        elif not _only_reads(node) or _odd(node, dialect, rows):
            yield None


def _insert(node: exp.Insert) -> Iterator[str]:
    """`INSERT OVERWRITE` empties the table first, and `INSERT OR REPLACE` removes what is in the way."""
    yield "insert"
    if node.args.get("overwrite"):
        yield "delete"
    if str(node.args.get("alternative") or "").upper() == "REPLACE":
        yield "update"


def _only_reads(node: exp.Expr) -> bool:
    kind = _kind(node)
    if kind in _UNCLEAR or _MODELS.fullmatch(kind):
        return False
    return kind in _READ or kind in _CHANGE or isinstance(node, _READ_KINDS)


def _kind(node: exp.Expr) -> str:
    return type(node).__name__.lower()


def _full_name(node: exp.Expr) -> str:
    """`schema.name` where a schema is given: somebody else's function of the same name is another one."""
    parent = node.parent
    if isinstance(parent, exp.Dot) and parent.expression is node:
        return f"{parent.this.sql().lower()}.{node.name.lower()}"
    return node.name.lower()


def _odd(node: exp.Expr, dialect: str, rows: frozenset[str]) -> bool:
    """A table that is a file (DuckDB reads `FROM 'x.csv'`), a word that T-SQL takes for a statement, a
    function that is called like a column, a sequence that moves on when it is read."""
    if isinstance(node, exp.Table):
        return not isinstance(node.this, exp.Func) and not _TABLE.fullmatch(node.name)
    if isinstance(node, exp.Dot):
        return dialect in _CALLS_BY_DOT and isinstance(node.this, exp.Paren)
    if isinstance(node, exp.Column):
        return node.table.lower() in rows or node.name.lower() in _SEQUENCE
    if not isinstance(node, exp.Identifier) or node.quoted:
        return False
    return dialect in _NEEDS_NO_SEMICOLON and node.name.lower() in _STATEMENTS


def _rows_of_functions(statement: exp.Expr) -> frozenset[str]:
    """Names for the rows of functions, where nobody says which columns they have: there `x.f` may call f."""
    found: set[str] = set()
    for alias in statement.find_all(exp.TableAlias):
        source = alias.parent
        called = isinstance(source, exp.Unnest | exp.Lateral) or (
            isinstance(source, exp.Table) and isinstance(source.this, exp.Func)
        )
        if called and not alias.args.get("columns"):
            found.add(alias.name.lower())
    return frozenset(found)
