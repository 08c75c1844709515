"""`model:`: endpoints, profiles, credentials, transport."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mcpbridge.config import AZURE, LOCAL, OPENAI, PROFILES, Configuration, SecretSources
from mcpbridge.errors import MissingSecret

Load = Callable[..., Configuration]
Problems = Callable[..., list[str]]
END = "policy: ./policy.yaml\n"


def _model(body: str) -> str:
    return f"model:\n  name: m\n  {body}\n{END}"


@pytest.mark.parametrize(
    ("body", "env", "kind", "url"),
    [
        ("endpoint: openai", {}, "openai", "https://api.openai.com/v1/"),
        (
            "endpoint: openai",
            {"OPENAI_BASE_URL": "https://evil.example"},
            "openai",
            "https://api.openai.com/v1/",
        ),
        ("endpoint: local", {}, "local", "http://127.0.0.1:8788/v1/"),
        ("endpoint: local", {"MCPBRIDGE_LOCAL_URL": "http://[::1]:9/v1"}, "local", "http://[::1]:9/v1/"),
        ("endpoint: local\n  url: http://localhost:1/v1/", {}, "local", "http://localhost:1/v1/"),
        ("endpoint: azure\n  resource: acme", {}, "azure", "https://acme.openai.azure.com/openai/v1/"),
        (
            "endpoint: azure\n  resource: https://a.example/openai/v1/",
            {},
            "azure",
            "https://a.example/openai/v1/",
        ),
        (
            "endpoint: azure",
            {"AZURE_OPENAI_ENDPOINT": "https://a.openai.azure.com/"},
            "azure",
            "https://a.openai.azure.com/openai/v1/",
        ),
        ("endpoint: https://llm.example/v1\n  profile: openai", {}, "url", "https://llm.example/v1/"),
        (
            "endpoint: http://llm.internal/v1\n  profile: openai\n  allow_http: true",
            {},
            "url",
            "http://llm.internal/v1/",
        ),
    ],
)
def test_an_endpoint_becomes_one_base_url(
    load: Load, body: str, env: dict[str, str], kind: str, url: str
) -> None:
    found = load(_model(body), base="", env=env).model
    assert (found.endpoint, found.base_url) == (kind, url)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("stream: true", "1: model.endpoint is missing; write openai, azure, local or a base URL"),
        ("endpoint: opnai", "3: model.endpoint cannot be 'opnai'; did you mean 'openai'? Or a base URL"),
        (
            "endpoint: https://llm.example/v1",
            "3: model.profile is missing: nothing is known about this URL; write profile: "
            "openai if it behaves "
            "like OpenAI, or a mapping of what it can do",
        ),
        (
            "endpoint: http://llm.example/v1\n  profile: openai",
            "3: model.endpoint: http is readable on the way; write https://, or allow_http: true beside it",
        ),
        (
            "endpoint: https://llm.example/v1?v=1\n  profile: openai",
            "3: model.endpoint: a base URL has no query; write it under model.query",
        ),
        (
            "endpoint: azure",
            "3: endpoint: azure needs resource: NAME (or its URL), or the environment variable "
            "AZURE_OPENAI_ENDPOINT, which is not set",
        ),
        (
            "endpoint: azure\n  resource: not a name",
            "4: model.resource: a URL holds no spaces, controls or characters outside ASCII; "
            "write it percent-encoded",
        ),
        (
            "endpoint: openai\n  url: https://x.example",
            "4: model.url belongs to endpoint: local; a base URL is written as endpoint: https://…",
        ),
        (
            "endpoint: openai\n  resource: acme",
            "4: model.resource belongs to endpoint: azure; a base URL is written as endpoint: https://…",
        ),
        (
            "endpoint: local\n  url: http://10.0.0.1/v1",
            "4: model.url: http is readable on the way; write https://, or allow_http: true beside it",
        ),
        (
            "endpoint: openai\n  profile: opanai",
            "4: model.profile cannot be 'opanai'; did you mean 'openai'?",
        ),
        ("endpoint: openai\n  profile: 3", "4: model.profile must be text, not a number; put it in quotes"),
        (
            "endpoint: openai\n  profile: {approval_honoured: true}",
            "4: model.profile.approval_honoured is not a key mcpbridge knows; did you mean "
            "'approvals_honoured'?",
        ),
        (
            "endpoint: openai\n  proxy: proxy.example:3128",
            "4: model.proxy must begin with http://, https:// or socks5://",
        ),
        (
            "endpoint: openai\n  proxy: http://u:canary@proxy.example",
            "4: model.proxy: a password does not stand in a file; write http://user:${env:NAME}@host",
        ),
        ("endpoint: openai\n  retries: -1", "4: model.retries must be at least 0"),
        (
            "endpoint: openai\n  reasoning: {summary: short}",
            "4: model.reasoning.summary cannot be 'short'; write one of: auto, concise, detailed",
        ),
        (
            "endpoint: openai\n  api_key: sk-canary",
            "4: model.api_key: a credential does not stand in a file; write ${env:OPENAI_API_KEY}",
        ),
        (
            'endpoint: openai\n  headers: {Authorization: "Basic ${env:X}"}',
            "4: model.headers.Authorization: api_key already fills this header; remove it",
        ),
        (
            "endpoint: openai\n  headers: {bad name: x}",
            "4: model.headers.bad name: a header's name is letters, digits and - only",
        ),
        (
            "endpoint: openai\n  headers: {X-A: a, x-a: b}",
            "4: the header x-a stands twice (case does not count); remove one",
        ),
        (
            "endpoint: openai\n  headers: {X-A: }",
            "4: model.headers.X-A has no value; write one, or remove it",
        ),
        (
            "endpoint: openai\n  query: {api_key: canary}",
            "4: model.query.api_key: a credential does not stand in a file; write ${env:NAME} in place of it",
        ),
        (
            'endpoint: openai\n  headers: {X-A: "${env:A}\\nX-B: b"}',
            "4: model.headers.X-A must be one line without control characters",
        ),
    ],
)
def test_a_wrong_model_section_is_refused_where_it_stands(
    problems: Problems, body: str, problem: str
) -> None:
    assert problems(_model(body), base="") == [f"mcpbridge.yaml:{problem}"]


def test_an_environment_variable_with_a_bad_url_is_named(problems: Problems) -> None:
    assert problems(_model("endpoint: local"), base="", env={"MCPBRIDGE_LOCAL_URL": "ftp://canary"}) == [
        "mcpbridge.yaml:3: MCPBRIDGE_LOCAL_URL: write a whole URL that begins with https://"
    ]


def test_a_model_section_that_is_no_mapping_is_one_problem(problems: Problems) -> None:
    assert problems(f"model: gpt\n{END}", base="") == ["mcpbridge.yaml:1: model must be a mapping, not text"]
    assert problems(f"model:\n{END}", base="") == [
        "mcpbridge.yaml:1: model is missing; write model: {name: …, endpoint: openai}"
    ]


@pytest.mark.parametrize(
    ("body", "variable"),
    [("endpoint: openai", "OPENAI_API_KEY"), ("endpoint: azure\n  resource: a", "AZURE_OPENAI_API_KEY")],
)
def test_a_missing_key_names_the_variable_and_the_line(
    load: Load, sources: SecretSources, body: str, variable: str
) -> None:
    key = load(_model(body), base="").model.api_key
    assert key is not None
    with pytest.raises(MissingSecret) as caught:
        key.resolve(sources)
    assert str(caught.value) == (
        f"mcpbridge.yaml:3: the environment variable {variable} is not set; set it, or name another one"
    )


def test_a_base_url_and_the_local_service_never_get_the_openai_key(load: Load) -> None:
    env = {"OPENAI_API_KEY": "canary"}
    assert (
        load(_model("endpoint: https://x.example\n  profile: openai"), base="", env=env).model.api_key is None
    )
    assert load(_model("endpoint: local"), base="", env=env).model.api_key is None


def test_transport_settings_are_kept_as_templates_and_paths(load: Load, folder: Path) -> None:
    (folder / "ca.pem").write_text("x", encoding="utf-8")
    body = (
        "endpoint: openai\n  ca_file: ca.pem\n  api_key: ${env:KEY}\n  proxy: "
        "http://u:${env:P}@proxy.example\n"
        "  headers: {X-Team: search}\n  query: {api-version: preview}"
    )
    model = load(_model(body), base="").model
    assert model.ca_file == folder / "ca.pem"
    assert str(model.proxy) == "SecretTemplate(…${env:P}…, mcpbridge.yaml:6)"
    assert model.headers["X-Team"].literal == "search"
    assert model.query["api-version"].literal == "preview"
    assert [str(reference) for reference in (model.api_key.references if model.api_key else ())] == [
        "${env:KEY}"
    ]


def test_a_proxy_may_be_kept_elsewhere_as_a_whole(load: Load) -> None:
    assert load(_model("endpoint: openai\n  proxy: ${env:PROXY}"), base="").model.proxy is not None


def test_a_certificate_file_that_is_missing_is_refused(problems: Problems, folder: Path) -> None:
    assert problems(_model("endpoint: openai\n  ca_file: no.pem"), base="") == [
        f"mcpbridge.yaml:4: model.ca_file: there is no file {folder / 'no.pem'}"
    ]


def test_named_endpoints_bring_their_profile(load: Load) -> None:
    assert load(_model("endpoint: openai"), base="").model.profile is OPENAI
    assert load(_model("endpoint: azure\n  resource: a"), base="").model.profile is AZURE
    assert load(_model("endpoint: local"), base="").model.profile is LOCAL
    assert load(_model("endpoint: openai\n  profile: azure"), base="").model.profile is AZURE


def test_shipped_profiles_say_where_their_facts_come_from() -> None:
    assert sorted(PROFILES) == ["azure", "local", "openai"]
    assert all(profile.source for profile in PROFILES.values())
    assert {profile.mcp_results for profile in PROFILES.values()} == {"function_pair"}


def test_asserted_capabilities_start_from_what_they_extend(load: Load) -> None:
    found = load(
        _model(
            "endpoint: https://x.example\n  profile: {extends: openai, allowed_callers: "
            "false, mcp_results: native}"
        ),
        base="",
    ).model.profile
    assert (found.name, found.approvals_honoured, found.allowed_callers) == ("custom", True, False)
    assert found.mcp_results == "native"
    assert found.source == "asserted in mcpbridge.yaml:4, over openai"


def test_asserted_capabilities_that_extend_nothing_claim_nothing(load: Load) -> None:
    found = load(
        _model("endpoint: https://x.example\n  profile: {encrypted_reasoning: true}"), base=""
    ).model.profile
    assert found.encrypted_reasoning
    assert (found.approvals_honoured, found.hosted_mcp, found.allowed_callers) == (False, False, False)
