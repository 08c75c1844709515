"""Built-in tools of the provider never ask, so they are accepted by name or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Problems = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "hosted_tools:\n  - type: web_search",
            "4: hosted_tools: web_search runs at the provider and never asks; if that is wanted, write "
            "accept_ungated: [web_search]",
        ),
        (
            "hosted_tools: [{type: image_generation}]",
            "3: hosted_tools: image_generation: it continues only with stored responses, and store is false "
            "here; remove it",
        ),
        (
            "hosted_tools: [{type: mcp, server_label: x}]",
            "3: hosted_tools: mcp: MCP servers are written under servers:, where the gate can see them",
        ),
        (
            "hosted_tools: [{type: function}]",
            "3: hosted_tools: function: functions are registered in Python with @tool, "
            "where the gate can see them",
        ),
        (
            "hosted_tools: [{type: local_shell}]",
            "3: hosted_tools: local_shell: its calls need an answer that this version cannot give; remove it",
        ),
        (
            "hosted_tools: [{type: web_serach}]",
            "3: hosted_tools: web_serach: this is no built-in tool mcpbridge knows; did "
            "you mean 'web_search'?",
        ),
        (
            "accept_ungated: [tool_search]\nhosted_tools: [{type: tool_search, execution: client}]",
            "4: hosted_tools: tool_search: execution: client: its calls need an answer that this version "
            "cannot give; remove it",
        ),
        (
            "hosted_tools: [{}]",
            "3: hosted_tools[0].type is missing; write the tool's type, such as web_search",
        ),
        (
            "hosted_tools: [web_search]",
            "3: each entry of hosted_tools is a mapping; write {type: web_search}",
        ),
        ("accept_ungated: web_search", "3: accept_ungated must be a list, not text; write [web_search]"),
        (
            "accept_ungated: [code_interpretr]",
            "3: accept_ungated: code_interpretr: this is no built-in tool mcpbridge knows; "
            "did you mean 'code_interpreter'?",
        ),
    ],
)
def test_a_tool_that_cannot_be_used_is_refused_where_it_stands(
    problems: Problems, text: str, problem: str
) -> None:
    assert problems(text) == [f"mcpbridge.yaml:{problem}"]
