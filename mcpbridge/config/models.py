"""A configuration, read: frozen values with everything decided that a file can decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mcpbridge.audit import DeclaredSecrets
from mcpbridge.audit.anchors import Anchor
from mcpbridge.config.declaration import ServerDeclaration
from mcpbridge.config.profiles_model import McpResults, Profile
from mcpbridge.config.template import SecretTemplate
from mcpbridge.policy import Policy

Endpoint = Literal["openai", "azure", "local", "url"]
AuditLevel = Literal["none", "metadata", "arguments", "sealed", "full"]
Summary = Literal["auto", "concise", "detailed"]
WhoIsAsked = Literal["terminal", "deny"]
Replayed = Literal["auto", "native", "function_pair"]
LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """The `reasoning` parameter; None leaves a part to the model."""

    effort: str | None = None
    summary: Summary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Which model, where, and how to reach it. Durations are seconds."""

    name: str
    endpoint: Endpoint
    base_url: str
    """With a slash at its end; `responses` follows it."""
    profile: Profile
    api_key: SecretTemplate | None = None
    """None only where the endpoint needs none (`local`, or a base URL without `api_key`)."""
    headers: Mapping[str, SecretTemplate] = field(default_factory=dict[str, SecretTemplate])
    query: Mapping[str, SecretTemplate] = field(default_factory=dict[str, SecretTemplate])
    proxy: SecretTemplate | None = None
    """None leaves it to HTTPS_PROXY and its relatives."""
    ca_file: Path | None = None
    timeout: float = 600.0
    stream: bool | None = None
    """None: stream where somebody looks."""
    reasoning: Reasoning = field(default_factory=Reasoning)
    instructions: str | None = None
    max_output_tokens: int | None = None
    retries: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """Who is asked, and for how long (seconds)."""

    ask: WhoIsAsked = "terminal"
    timeout: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """Where the log is kept, how much of the calls, and for how long."""

    path: Path
    levels: Mapping[str, AuditLevel] = field(default_factory=dict[str, AuditLevel])
    """`label.tool` or a glob → how much; the first that fits counts."""
    allow_full: bool = False
    """Whether a level may be `full`: whole results in the log."""
    secrets: tuple[DeclaredSecrets, ...] = ()
    """Fields of arguments that are never kept in clear."""
    recipients: tuple[str, ...] = ()
    """Public keys (age, or SSH) of those who may read what is `sealed`."""
    retention: float | None = None
    """Seconds after which `mcpbridge audit retain` removes a closed segment; None keeps everything."""
    retention_line: int = 0
    rotate: int | None = None
    """Bytes at which a segment is closed; None leaves it to the log."""
    signing_key: SecretTemplate | None = None
    """Where the key is kept that signs checkpoints; None: in the log's `keys/`."""
    hmac_key: SecretTemplate | None = None
    """The same of the key that hides values."""
    anchors: tuple[Anchor, ...] = ()
    """Where checkpoints are taken to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How finished hosted calls go back to the model; `auto` follows the profile."""

    mcp_results: Replayed = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where a run ends by itself. Durations are seconds."""

    max_rounds: int = 20
    max_parallel_tools: int = 8
    tool_timeout: float = 60.0
    repeated_requests: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging:
    """Diagnostics on standard error; the audit is something else."""

    format: LogFormat = "console"
    level: LogLevel = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One configuration file. Paths are joined with the file's directory; no secret is in here."""

    file: str
    directory: Path
    model: ModelConfig
    policies: tuple[Policy, ...]
    """At least one; each is ruled alone, the strictest wins."""
    policy_reload: bool = True
    """Whether running processes follow the policy files."""
    audit: AuditConfig
    servers: tuple[ServerDeclaration, ...] = ()
    approvals: Approvals = field(default_factory=Approvals)
    replay: Replay = field(default_factory=Replay)
    limits: Limits = field(default_factory=Limits)
    accept_ungated: frozenset[str] = frozenset()
    hosted_tools: tuple[Mapping[str, Any], ...] = ()
    """Raw tools as the wire wants them; each type is in `accept_ungated`."""
    principal: str = ""
    """On whose behalf a run acts when the caller does not say."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    logging: Logging = field(default_factory=Logging)

    @property
    def mcp_results(self) -> McpResults:
        """`replay.mcp_results` with `auto` resolved by the profile."""
        chosen = self.replay.mcp_results
        return self.model.profile.mcp_results if chosen == "auto" else chosen
