"""Promises and tests keep each other honest."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests._requirements import PROMISES

HERE = Path(__file__).parent


def named() -> set[str]:
    """The promises that test functions name in their decorators."""
    return {
        name
        for path in HERE.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        for name in promised(node)
    }


def promised(test: ast.FunctionDef) -> Iterator[str]:
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.promise":
            yield ast.literal_eval(decorator.args[0])


def test_every_promise_has_a_test() -> None:
    assert sorted({promise.id for promise in PROMISES} - named()) == []


def test_every_named_promise_exists_and_none_stands_twice() -> None:
    ids = [promise.id for promise in PROMISES]

    assert sorted(named() - set(ids)) == []
    assert len(ids) == len(set(ids))
