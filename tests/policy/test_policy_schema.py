"""The JSON Schema for editors says the same as the loader, as far as a schema can."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mcpbridge.core.yaml_lines import parse_yaml
from mcpbridge.errors import ConfigurationError
from mcpbridge.policy import approvers, grants, limits, load, load_policy, pins_model, rules, schema
from mcpbridge.policy.combine import KNOWN

from . import vectors
from .calls import READY

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "schema" / "policy.json"
DOCS = ROOT / "docs" / "policy.md"
VALIDATOR: Any = jsonschema.Draft7Validator(json.loads(FILE.read_text(encoding="utf-8")))
SHIPPED = sorted(READY.glob("*.yaml"))
HEAD = "version: 1\ndefaults: {decision: ask}\nrules:\n"

MISTAKES = [
    "defaults: {decision: ask}",
    "version: 2\ndefaults: {decision: ask}",
    "version: 1",
    "version: 1\ndefaults: {}",
    "version: 1\ndefaults: {decision: allow}",
    "version: 1\ndefaults: {decision: ask, i_accept: allow_by_default}",
    "version: 1\ndefaults: {decision: ask, ask_timeout: 900}",
    "version: 1\ndefaults: {decision: ask, on_timeout: allow}",
    "version: 1\ndefaults: {decision: ask}\nrule: []",
    *[
        f"version: 1\ndefaults: {{decision: ask}}\n{section}"
        for section in [
            *("mode: loose", "pins: []", "pins: {on_change: allow}", "pins: {files: x}", "limits: []"),
            *("limits: [{tools: [a.b], calls: 0, per: 1h}]", "limits: [{tools: [a.b], calls: 5}]"),
            *("limits: [{tools: [a.b], calls: 5, per: day}]", "grants: {}", "grants: {max_ttl: 8}"),
            *("grants: {max_uses: 0}", "approvers: []", "approvers: [{tools: [a.b], quorum: 0}]"),
            "approvers: [{tools: [a.b], not_requester: false}]",
        ]
    ],
    HEAD + "  - {effect: deny, tools: [a.b]}",
    HEAD + "  - {id: r, effect: block, tools: [a.b]}",
    HEAD + "  - {id: r, effect: deny, tools: a.b}",
    HEAD + "  - {id: r, effect: deny, tools: [read]}",
    HEAD + "  - {id: r, effect: deny, tools: [a.b], efect: ask}",
    HEAD + "  - {id: r, effect: deny, tools: [a.b], who: {}}",
    HEAD + "  - {id: r, effect: deny, tools: [a.b], reason: ''}",
    HEAD + "  - {id: r, effect: deny, tools: [a.b], when: {}}",
    HEAD + "  - {id: r, effect: deny, tools: [a.b], args_schema: {}}",
    HEAD + "  - {id: r, effect: deny, tools: [a.b], annotations: {readOnly: true}}",
    HEAD + "  - {id: r, effect: deny, tools: [a.b], examples: {matches: [{x: 5}]}}",
    HEAD + "  - {id: r, effect: deny, tools: [a.b], examples: {match: [{$who: ana}]}}",
    *[
        HEAD + f"  - {{id: r, effect: deny, tools: [a.b], when: {{x: {matchers}}}}}"
        for matchers in [
            *("{}", "5", "{equals: 5}", "{gt: '5'}", "{in: []}", "{in: 5}", "{min_len: -1}", "{type: text}"),
            *("{starts_with: ''}", "{matches: 5}", "{under: []}", "{under: 5}", "{host: {private: allow}}"),
            *("{https_host: {hosts: [a.example], private: deny}}", "{host: {hosts: [a.example], port: 5}}"),
            *("{sql: select}", "{sql: {only: [drop]}}", "{sql: {dialect: postgres}}", "{grounded: user}"),
            *(
                "{no_new_links: true}",
                "{each: 5}",
                "{all_of: {gt: 1}}",
                "{none_of: []}",
                "{any_of: [{gte: 1}]}",
            ),
            "{email_domain: {only: [corp.example]}}",
        ]
    ],
]


def valid(text: str) -> bool:
    found: bool = VALIDATOR.is_valid(parse_yaml(text).value)
    return found


def test_the_file_is_what_the_module_writes() -> None:
    written = subprocess.run(
        [sys.executable, "-m", "mcpbridge.policy.schema"], capture_output=True, check=True, cwd=ROOT
    )
    assert written.stdout.decode() == FILE.read_text(encoding="utf-8")
    jsonschema.Draft7Validator.check_schema(schema.policy_schema())


def test_the_schema_knows_every_key_and_every_matcher() -> None:
    assert set(schema.OPERANDS) == set(KNOWN)
    assert set(schema.TOP) == set(load.KEYS)
    assert set(schema.DEFAULTS) == set(load.DEFAULTS)
    assert set(schema.RULE) == set(rules.KEYS)
    assert set(schema.PINS) == set(pins_model.KEYS)
    assert set(schema.LIMIT) == set(limits.KEYS)
    assert set(schema.GRANTS) == set(grants.KEYS)
    assert set(schema.APPROVERS) == set(approvers.KEYS)


@pytest.mark.promise("policy-schema")
@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_a_shipped_policy_fits_the_schema(file: Path) -> None:
    assert valid(file.read_text(encoding="utf-8"))


def test_every_section_fits_the_schema_and_the_loader() -> None:
    text = (
        "version: 1\nmode: shadow\ndefaults: {decision: ask, ask_timeout: 15m}\n"
        "pins: {file: tools.lock, on_change: ask, on_new_tool: deny, on_missing: deny, relist: never}\n"
        "limits: [{tools: ['*'], calls: 200, per: conversation}, {tools: [a.b], calls: 5, per: [tool, 1h]}]\n"
        "grants: {bind: [to], max_ttl: 8h, max_uses: 20}\n"
        "approvers: [{tools: [a.*], quorum: 2, of: [x, y, z], not_requester: true,"
        " escalate: {after: 10m, to: [w]}}]\n"
    )
    assert load_policy(text, file="p.yaml").limits
    assert valid(text)


def test_the_policies_in_the_documentation_fit_the_schema() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    assert all(valid(block) for block in blocks)


@pytest.mark.promise("policy-schema")
@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_refused_by_the_schema_and_by_the_loader(text: str) -> None:
    assert not valid(text)
    with pytest.raises(ConfigurationError):
        load_policy(text, file="p.yaml")


def test_the_schema_accepts_every_operand_of_the_vectors() -> None:
    groups = [group for file in vectors.FILES for group in vectors.read(file)]
    for group in groups:
        one = {"id": "r", "effect": "deny", "tools": ["a.b"], "when": {"x": group["matchers"]}}
        assert valid(yaml.safe_dump({"version": 1, "defaults": {"decision": "ask"}, "rules": [one]}))
