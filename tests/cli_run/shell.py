"""`mcpbridge run` as a person or a program meets it: a process of its own, in a folder of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

import mcpbridge
from mcpbridge.audit import read
from mcpbridge.cli.main import main
from mcpbridge.demo.server import Tracker
from mcpbridge.service.endpoint import LocalEndpoint

T = TypeVar("T")

ROOT = Path(mcpbridge.__file__).parents[1]
PATIENCE = 60.0
"""Seconds until a test gives up; nothing waits that long when all is well."""
TOKEN = "canary-tracker-token-7f3a"
KEY = "canary-service-key-91c4"

POLICY = """
version: 1
defaults: {decision: ask}
rules:
  - {id: reads, effect: allow, tools: ["*.list_*", "*.read_*"]}
  - {id: no-mail, effect: deny, tools: ["*.send_*"], reason: "Mail is not for agents."}
"""
SCRIPT = """
rules:
  - when: {user: "^read"}
    then: [{mcp: {server: tracker, tool: list_issues, arguments: {}}}]
  - when: {user: "^write two"}
    then:
      - mcp: {server: tracker, tool: create_issue, arguments: {title: one, body: b}}
      - mcp: {server: tracker, tool: create_issue, arguments: {title: two, body: b}}
  - when: {user: "^write"}
    then: [{mcp: {server: tracker, tool: create_issue, arguments: {title: t, body: b}}}]
  - when: {user: "^mail"}
    then: [{mcp: {server: tracker, tool: send_mail, arguments: {to: a, subject: b, body: c}}}]
  - when: {user: "^hello"}
    then: [{say: "Hello, turn {{seen:hello (.*)}}."}]
  - when: {user: "^shrug"}
    then: []
  - when: {mcp_result: "tracker.*"}
    then: [{say: "It says: {{last_output}}"}]
  - when: {denied: tracker.create_issue}
    then: [{say: "Left alone: {{denial_reason}}"}]
  - when: {denied: tracker.send_mail}
    then: []
"""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A process that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(kw_only=True)
class Shell:
    """A folder with a configuration, and the command line run in it."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict[str, str])

    def configure(
        self, endpoint: LocalEndpoint, tracker: Tracker | None, *, policy: str = POLICY, extra: str = ""
    ) -> None:
        """Write mcpbridge.yaml and the policy."""
        servers = ""
        if tracker is not None:
            servers = (
                f'servers:\n  - label: tracker\n    url: "{tracker.url}"\n'
                '    headers: {Authorization: "Bearer ${env:TRACKER_TOKEN}"}\n'
            )
            self.env["TRACKER_TOKEN"] = tracker.token
        self.env["SERVICE_KEY"] = endpoint.api_key
        (self.folder / "policy.yaml").write_text(policy)
        (self.folder / "mcpbridge.yaml").write_text(
            f'model: {{name: scripted, endpoint: local, url: "{endpoint.base_url}", retries: 0, '
            f'api_key: "${{env:SERVICE_KEY}}"}}\n'
            f"{servers}policy: policy.yaml\naudit: {{path: audit}}\n{extra}"
        )

    def run(self, *words: str, stdin: str | bytes = b"") -> Ended:
        """`mcpbridge run WORDS`, to its end."""
        return self.mcpbridge("run", *words, stdin=stdin)

    def mcpbridge(self, *words: str, stdin: str | bytes = b"") -> Ended:
        """`mcpbridge WORDS`, to its end."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            command(*words),
            cwd=self.folder,
            env=self.environment,
            input=given,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        ended = Ended(code=done.returncode, out=text(done.stdout), err=text(done.stderr))
        assert "Traceback" not in ended.err, ended.err
        return ended

    def here(self, *words: str, stdin: str | bytes = b"") -> Ended:
        """`mcpbridge run WORDS` in this process: ten times as fast, for what needs no process of its own."""
        out, err = captured(), captured()
        given = stdin.encode() if isinstance(stdin, str) else stdin
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "stdin", captured(given))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            for name, value in self.env.items():
                patch.setenv(name, value)
            code = main(["run", *words])
        return Ended(code=code, out=written(out), err=written(err))

    @contextmanager
    def started(self, *words: str) -> Generator[subprocess.Popen[bytes]]:
        """`mcpbridge run WORDS` while it runs; killed at the end if it still does."""
        with subprocess.Popen(
            command("run", *words),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def environment(self) -> dict[str, str]:
        """This process's, so that coverage follows, and the configuration's credentials."""
        return {**os.environ, "PYTHONPATH": os.pathsep.join(python_path()), **self.env}

    def paused(self, prompt: str = "write", *words: str) -> str:
        """Run until it pauses on one question, with the state in `state.json`; the question's id."""
        ended = self.here(prompt, "--state", "state.json", "--json", *words)
        assert ended.code == 3, ended.err
        (question,) = ended.json["approvals"]
        return str(question["id"])

    def records(self, *types: str) -> list[Mapping[str, Any]]:
        """What the audit holds, of these types."""
        return [record for record in read(self.folder / "audit") if record["type"] in types]

    def decided(self) -> list[tuple[str, ...]]:
        """Decisions and outcomes in their order: what a reviewer reads."""
        return [
            ("decision", record["tool"], record["outcome"])
            if record["type"] == "decision"
            else (record["type"], record["status"])
            for record in self.records("decision", "outcome", "outcome_unknown")
        ]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "mcpbridge", *words]


def python_path() -> list[str]:
    given = os.environ.get("PYTHONPATH")
    return [str(ROOT), *([given] if given else [])]


def captured(content: bytes = b"") -> io.TextIOWrapper:
    """A standard stream in memory."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="\n")


def written(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def text(output: bytes) -> str:
    """As read on any system."""
    return output.decode().replace("\r\n", "\n")


class Watched(list[T], Generic[T]):
    """A list that tells when it has grown, so that a test need not guess how long something takes."""

    def __init__(self, items: Iterable[T] = ()) -> None:
        super().__init__(items)
        self._grown = threading.Condition()

    def append(self, item: T) -> None:
        with self._grown:
            super().append(item)
            self._grown.notify_all()

    def wait_until(self, enough: Callable[[], bool]) -> None:
        with self._grown:
            assert self._grown.wait_for(enough, PATIENCE), "it never happened"
