"""Names that want to be more than names."""

from __future__ import annotations

from pathlib import Path

from mcpbridge.ports import Record
from tests.audit_report.made import note, write

SCRIPT = "<script>document.title='broken'</script>"
NAMES = (
    SCRIPT,
    '"><img src=https://evil.example/x.png onerror=alert(1)>',
    "</style></svg><style>*{display:none}</style>",
    "\u202egnp.exe\u2066",
    "\x1b[2J\x1b[31mred\r\n",
    "x" * 4_000,
    "`|``[click](https://evil.example)![](https://evil.example/i.png)",
    "https://evil.example/autolink",
    "-o /etc/passwd",
    "$(reboot); `reboot` 'quoted' \"twice\"",
    "",
)


def records(name: str) -> list[Record]:
    """A record of every type that a report names something of, all with this name."""
    about = {"server_label": name, "tool": name, "request_id": name, "conversation_id": name}
    return [
        note("server_registered", server_identity=name, observe=True, **about),
        note("tools_listed", server_label=name, tools={name: name}),
        note("question_asked", **about),
        _decision(name, "human_allow"),
        _decision(name, name),
        note("outcome", status=name, evidence="observed", **about),
        note("outcome_unknown", reason=name, **about),
        note("grant_made", **about),
        note("ungated", kind=name),
        note("policy_loaded", policy=name, policy_hash=name),
        note("run_finished", status=name),
        note("review_signoff", reviewer=name, note=name),
        note(name or "nameless"),
    ]


def _decision(name: str, outcome: str) -> Record:
    return Record(
        type="decision",
        fields={
            "server_label": name, "tool": name, "request_id": name, "conversation_id": name,
            "outcome": outcome, "effect": name, "rule_ids": [name], "reason": name, "approver": name,
            "principal": name,
            "definition_changes": [name], "shadow": [{"effect": name, "rule_ids": [name]}],
            "arguments": {name: name},
        },
    )  # fmt: skip


def log(folder: Path) -> Path:
    """A log in which every name is hostile."""
    return write(folder, [record for name in NAMES for record in records(name)])
