"""Configurations for the wire tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tenacity import wait_none

from mcpbridge import Approver, Bridge, Configuration, Result, Retries, SecretSources
from mcpbridge.audit import read
from mcpbridge.config import load_config_text
from mcpbridge.demo.server import Tracker
from mcpbridge.service.endpoint import LocalEndpoint

READS_ALLOWED = """
version: 1
defaults: {decision: ask}
rules:
  - {id: reads, effect: allow, tools: ["*.list_*", "*.read_*"]}
  - {id: no-mail, effect: deny, tools: ["*.send_*"], reason: "Mail is not for agents."}
"""
ALL_ALLOWED = """
version: 1
defaults: {decision: ask}
rules:
  - {id: everything, effect: allow, tools: ["*"]}
"""


T = TypeVar("T")


async def no_sleep(_seconds: float) -> None:
    """Retries at once."""


FAST = Retries(attempts=3, wait=wait_none(), sleep=no_sleep)


def sources(env: Mapping[str, str]) -> SecretSources:
    def unreadable(path: Path) -> str:
        raise AssertionError(f"nothing should read {path}")

    return SecretSources(env=env, read_file=unreadable, keyring=lambda _service, _user: None)


@dataclass(kw_only=True)
class Stack:
    """One configuration against a running service and tracker."""

    folder: Path
    endpoint: LocalEndpoint
    tracker: Tracker | None = None
    policy: str = READS_ALLOWED
    extra: str = ""
    audit: str = "{path: audit}"
    server_extra: str = ""
    model_extra: str = ""
    env: dict[str, str] = field(default_factory=dict[str, str])

    def config(self) -> Configuration:
        (self.folder / "policy.yaml").write_text(self.policy)
        return load_config_text(self.text(), file="mcpbridge.yaml", directory=self.folder)

    def text(self) -> str:
        servers = ""
        if self.tracker is not None:
            self.env.setdefault("TRACKER_TOKEN", self.tracker.token)
            servers = (
                "servers:\n"
                f'  - label: tracker\n    url: "{self.tracker.url}"\n'
                '    headers: {Authorization: "Bearer ${env:TRACKER_TOKEN}"}\n'
                f"{self.server_extra}"
            )
        self.env.setdefault("KEY", self.endpoint.api_key)
        return (
            f'model: {{name: scripted, endpoint: local, url: "{self.endpoint.base_url}", '
            f'api_key: "${{env:KEY}}"{self.model_extra}}}\n'
            f"{servers}policy: policy.yaml\naudit: {self.audit}\n{self.extra}"
        )

    def bridge(self, *, tools: Iterable[Callable[..., Any]] = (), approver: Approver | None = None) -> Bridge:
        return Bridge.from_yaml(
            self.config(), tools=tools, approver=approver, sources=sources(self.env), retries=FAST
        )

    def run(self, prompt: str, *, approver: Approver | None = None, **options: Any) -> Result:
        async def whole() -> Result:
            async with self.bridge(approver=approver, tools=options.pop("tools", ())) as bridge:
                return await bridge.run(prompt, **options)

        return asyncio.run(whole())

    def records(self, *types: str) -> list[Mapping[str, Any]]:
        found = read(self.folder / "audit")
        return [record for record in found if not types or record["type"] in types]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)
