"""The policies that ship."""

from __future__ import annotations

import re

import pytest

from mcpbridge.core.ruling import Effect, Outcome
from mcpbridge.policy import Facts, load_policy, rule
from mcpbridge.policy.combine import KNOWN
from mcpbridge.policy.lint import lint

from .calls import READY, SOMEBODY, call, policy

ALLOW, ASK, DENY = Effect.ALLOW, Effect.ASK, Effect.DENY
DOCS = READY.parent / "docs" / "policy.md"
BY_NAME = ["ask-before-write.yaml", "read-only.yaml", "locked-down.yaml"]
FILES = [*BY_NAME, "grounded-sinks.yaml", "observe-only.yaml"]

READS = [
    *("github.get_issue", "github.list_pulls", "files.read_file", "dropbox.list_files", "docs.search_pages"),
    *("gitlab.list_merge_requests", "shop.list_payments", "stats.count_rows"),
]
WRITES = [
    *(
        "github.create_issue",
        "mail.send",
        "web.fetch",
        "local.run",
        "github.GET_issue",
        "a.forget_x",
        "a.get",
    ),
]
DISGUISED = [
    *("queue.get_and_delete", "db.get_or_create", "db.read_write", "a.list_RemoveAll", "a.search_and_pay"),
    *("a.get_then_pay", "vault.read_secret", "admin.list_api_keys", "a.get_access_token"),
    *("a.list_x_-and-y", "mail.get_SendReceipt"),
]


@pytest.mark.parametrize(
    ("file", "reads", "writes", "disguised"),
    [
        ("ask-before-write.yaml", ALLOW, ASK, ASK),
        ("read-only.yaml", ALLOW, DENY, DENY),
        ("locked-down.yaml", ASK, DENY, DENY),
    ],
)
def test_a_ready_policy_does_what_its_first_line_says(
    file: str, reads: Effect, writes: Effect, disguised: Effect
) -> None:
    made = load_policy((READY / file).read_text(encoding="utf-8"), file=file)
    for names, effect in ((READS, reads), (WRITES, writes), (DISGUISED, disguised)):
        found = {name: rule(call(name, {"any": 1}), [made], SOMEBODY).effect for name in names}
        assert found == dict.fromkeys(names, effect)


def test_grounded_sinks_lets_nothing_leave_to_whom_the_user_did_not_name() -> None:
    made = load_policy((READY / "grounded-sinks.yaml").read_text(encoding="utf-8"), file="p.yaml")
    told = Facts(principal="ana", user_texts=("Tell bob@corp.example about https://news.example/a",))
    for name in [*DISGUISED, "docs.search_pages", "browser.get_webpage", "bank.pay", "files.delete_file"]:
        assert rule(call(name, {"any": 1}), [made], told).effect is ASK
    for name in ("mail.get_inbox", "files.read_file", "dropbox.list_files"):
        assert rule(call(name, {"any": 1}), [made], told).effect is ALLOW
    mail = {"to": "bob@corp.example", "body": "See https://news.example/a"}
    assert rule(call("mail.send_email", mail), [made], told).effect is ALLOW
    for change in ({"to": "eve@evil.example"}, {"body": "See evil.example"}, {"bcc": "eve@evil.example"}):
        assert rule(call("mail.send_email", {**mail, **change}), [made], told).effect is ASK
    assert rule(call("mail.send_email", mail), [made], SOMEBODY).effect is ASK
    assert rule(call("web.fetch", {"url": "https://news.example/a"}), [made], told).effect is ALLOW
    assert rule(call("web.fetch", {"url": "https://news.example/a?d=1"}), [made], told).effect is ASK


def test_observe_only_allows_whatever_is_listed() -> None:
    made = load_policy((READY / "observe-only.yaml").read_text(encoding="utf-8"), file="p.yaml")
    for name in [*READS, *WRITES, *DISGUISED]:
        assert rule(call(name, {"any": 1}), [made], SOMEBODY).effect is ALLOW


@pytest.mark.parametrize("file", FILES)
def test_a_ready_policy_denies_unknown_tools_and_malformed_calls(file: str) -> None:
    made = load_policy((READY / file).read_text(encoding="utf-8"), file=file)
    unknown = rule(call("github.get_issue"), [made], Facts(principal="ana", known_tool=False))
    assert unknown.outcome is Outcome.UNKNOWN_TOOL
    assert rule(call("github.get_issue", malformed="x"), [made], SOMEBODY).outcome is Outcome.MALFORMED


def test_every_ready_policy_is_tested_and_described() -> None:
    assert sorted(path.name for path in READY.glob("*.yaml")) == sorted(FILES)
    described = (READY / "README.md").read_text(encoding="utf-8")
    assert all(f"`{file}`" in described for file in FILES)


def test_the_policies_in_the_documentation_load() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert [load_policy(block, file="policy.md").defaults.decision for block in blocks] == [ASK]


def test_the_documentation_names_every_matcher() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert [name for name in KNOWN if f"`{name}" not in text] == []


@pytest.mark.parametrize("file", FILES)
def test_every_rule_of_a_ready_policy_has_examples(file: str) -> None:
    text = (READY / file).read_text(encoding="utf-8")
    assert text.count("  - id: ") == text.count("    examples:") > 0


def test_the_documented_rule_about_resources_lets_no_dots_climb() -> None:
    page = (READY.parent / "docs" / "bridged.md").read_text(encoding="utf-8")
    [rules] = re.findall(r"```yaml\nrules:\n(.*?)```", page, re.DOTALL)
    made = policy(rules)
    assert [one.check for one in lint(made) if one.level != "note"] == []
    for path, effect in {
        "public/2026/tides.md": "allow",
        "public/../private/b": "ask",
        "public/%2e%2e/private/b": "ask",
        "public/..%2Fprivate/b": "ask",
        "public/.%2e/private/b": "ask",
        "public/..\\private\\b": "ask",
        "public/a/..": "ask",
        "public/a\n": "ask",
        "publicly": "ask",
    }.items():
        read = call("notes.read_resource", {"uri": f"notes://{path}"})
        assert rule(read, [made], SOMEBODY).effect == effect, path
