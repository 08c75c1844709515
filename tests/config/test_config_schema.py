"""The JSON Schemas for editors say the same as the loader, as far as a schema can."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpbridge.config import SecretSources, keys, load_config_text, schema
from mcpbridge.core.yaml_lines import parse_yaml
from mcpbridge.errors import ConfigurationError
from tests.config.schema_cases import BASE, EMPTY, FULL, MISTAKES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
VALIDATORS: Final[Mapping[str, Any]] = {
    name: jsonschema.Draft7Validator(made()) for name, made in schema.SCHEMAS.items()
}
PROFILED: Final = (
    "model: {name: m, endpoint: 'https://llm.example/v1', profile: ./measured.yaml, api_key: '${env:K}'}\n"
    "policy: read-only\n"
)
SOURCES = SecretSources(env={}, read_file=lambda path: path.read_text(), keyring=lambda service, user: None)


def valid(value: object, name: str = "mcpbridge") -> bool:
    return bool(VALIDATORS[name].is_valid(value))


def loads(text: str, directory: Path = ROOT) -> bool:
    try:
        load_config_text(text, file="mcpbridge.yaml", directory=directory, sources=SOURCES)
    except ConfigurationError:
        return False
    return True


CONFIGURATIONS: Final = [
    file
    for folder in ("examples", "benchmarks", "mcpbridge")  # the last holds what `init` and the demo write
    for file in sorted((ROOT / folder).glob("**/mcpbridge.yaml"))
]


def documented() -> Iterator[Any]:
    for page in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))):
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            value = parse_yaml(block).value
            if isinstance(value, dict) and "model" in value:
                yield cast("object", value)


@pytest.mark.parametrize("name", schema.SCHEMAS)
def test_the_file_is_what_the_module_and_the_command_write(name: str) -> None:
    file = (DOCS / "schema" / f"{name}.json").read_text(encoding="utf-8")
    for command in (["mcpbridge.config.schema", name], ["mcpbridge", "check", "--schema", name]):
        written = subprocess.run(
            [sys.executable, "-m", *command], capture_output=True, check=True, cwd=ROOT, text=True
        )
        assert written.stdout == file
    jsonschema.Draft7Validator.check_schema(json.loads(file))


def test_the_command_writes_the_schema_of_policies_too() -> None:
    command = [sys.executable, "-m", "mcpbridge", "check", "--schema", "policy"]
    written = subprocess.run(command, capture_output=True, check=True, cwd=ROOT, text=True)
    assert written.stdout == (DOCS / "schema" / "policy.json").read_text(encoding="utf-8")


@pytest.mark.promise("config-schema")
@pytest.mark.parametrize("file", sorted((ROOT / "servers").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_declaration_fits_the_schema(file: Path) -> None:
    assert valid(parse_yaml(file.read_text(encoding="utf-8")).value, "server")


@pytest.mark.promise("config-schema")
@pytest.mark.parametrize("file", CONFIGURATIONS, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_configuration_of_the_project_fits_the_schema(file: Path) -> None:
    assert valid(parse_yaml(file.read_text(encoding="utf-8")).value)


def test_the_configurations_in_the_documentation_fit_the_schema() -> None:
    found = list(documented())
    assert len(found) >= 3
    for value in found:
        # Some blocks show one section and leave the rest out.
        assert valid({"policy": "read-only", **value})


@pytest.mark.parametrize("text", [*FULL, EMPTY])
def test_what_loads_fits_the_schema(text: str) -> None:
    assert loads(text)
    assert valid(parse_yaml(text).value)


@pytest.mark.promise("config-schema")
@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_refused_by_the_schema_and_by_the_loader(text: str) -> None:
    assert not valid(parse_yaml(text).value)
    assert not loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "url: https://d.example/mcp",
        "label: docs",
        "{label: docs, url: 'https://d.example/mcp', tunnel_id: t}",
        "{label: docs, url: 'https://d.example/mcp', use: deepwiki}",
        "{label: docs, url: 'https://d.example/mcp', allowed_tools: []}",
    ],
)
def test_a_mistake_in_a_declaration_is_refused_by_both(text: str, tmp_path: Path) -> None:
    (tmp_path / "docs.yaml").write_text(text, encoding="utf-8")
    assert not valid(parse_yaml(text).value, "server")
    assert not loads(BASE + "servers: [{use: ./docs.yaml}]", tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "hosted_mcp: true\nextends: openai",
        "authorization_in: field\nmcp_results: native",
        "allowed_callers: false",
    ],
)
def test_a_profile_that_is_read_fits_its_schema(text: str, tmp_path: Path) -> None:
    (tmp_path / "measured.yaml").write_text(text, encoding="utf-8")
    assert loads(PROFILED, tmp_path)
    assert valid(parse_yaml(text).value, "profile")


@pytest.mark.parametrize(
    "text", ["aprovals: true", "hosted_mcp: 'yes'", "extends: nobody", "authorization_in: body", "[a]"]
)
def test_a_mistake_in_a_profile_is_refused_by_both(text: str, tmp_path: Path) -> None:
    (tmp_path / "measured.yaml").write_text(text, encoding="utf-8")
    assert not loads(PROFILED, tmp_path)
    assert not valid(parse_yaml(text).value, "profile")


def test_every_key_is_described_in_the_documentation() -> None:
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    sections = {
        "approvals.": keys.APPROVALS,
        "audit.": keys.AUDIT,
        "replay.": keys.REPLAY,
        "limits.": keys.LIMITS,
        "logging.": keys.LOGGING,
    }
    plain = [*keys.PROFILE, *keys.MODEL, *keys.REASONING, *keys.DECLARATION]
    named = [f"{prefix}{key}" for prefix, table in sections.items() for key in table]
    small = [
        key for key in keys.TOP if f"{key}." not in sections and key not in ("model", "servers", "policy")
    ]
    missing = [key for key in (*plain, *named, *small) if not re.search(rf"`{re.escape(key)}[`:]", page)]
    assert missing == []


Place = tuple[str | int, ...]
OPEN: Final = frozenset({"headers", "query", "levels", "groups", "hosted_tools"})
"""Below these, keys are the user's own (or the API's)."""
KINDS: Final[tuple[Any, ...]] = (True, 5, 1.5, [], {})


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every place of a configuration, itself first."""
    yield at
    pairs: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        pairs = list(cast("dict[str | int, Any]", value).items())
    elif isinstance(value, list):
        pairs = list(enumerate(cast("list[object]", value)))
    for key, below in pairs:
        yield from places(below, (*at, key))


def at(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


@st.composite
def chosen(draw: st.DrawFn) -> tuple[Any, Place]:
    """A configuration that loads, and a place in it below the top."""
    value: Any = parse_yaml(draw(st.sampled_from(FULL))).value
    return value, draw(st.sampled_from([place for place in places(value) if place]))


@pytest.mark.promise("config-schema")
@given(chosen(), st.data())
def test_what_the_schema_refuses_the_loader_refuses(pick: tuple[Any, Place], data: st.DataObject) -> None:
    value, place = pick
    above: Any = at(value, place[:-1])
    if data.draw(st.booleans(), "remove"):
        del above[place[-1]]
    else:
        above[place[-1]] = data.draw(st.sampled_from((*KINDS, None)) | st.text("a$${}:/@.0m ", max_size=8))
    assert valid(value) or not loads(json.dumps(value))


@pytest.mark.promise("config-schema")
@given(chosen(), st.sampled_from(KINDS))
def test_a_value_of_another_kind_is_judged_alike(pick: tuple[Any, Place], other: Any) -> None:
    value, place = pick
    if type(at(value, place)) is not type(other):
        at(value, place[:-1])[place[-1]] = other
        assert valid(value) == loads(json.dumps(value))


@pytest.mark.promise("config-schema")
@given(chosen(), st.from_regex("[a-z]{1,3}_[a-z]{1,3}", fullmatch=True))
def test_an_unknown_key_is_refused_by_both(pick: tuple[Any, Place], key: str) -> None:
    value, place = pick
    found: Any = at(value, place)
    if isinstance(found, dict) and not OPEN.intersection(map(str, place)):
        found[key] = "x"
        assert not valid(value)
        assert not loads(json.dumps(value))
