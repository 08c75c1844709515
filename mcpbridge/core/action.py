"""What a model wants to do: one shape for hosted MCP calls, bridged calls and local functions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Via = Literal["hosted", "bridge", "local"]
"""Who runs it: the model provider, mcpbridge over MCP, or a Python function in this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDefinition:
    """A tool as its server (or its signature) describes it. All of it is a claim by that server."""

    name: str
    description: str = ""
    input_schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    output_schema: Mapping[str, Any] | None = None
    annotations: Mapping[str, Any] = field(default_factory=dict[str, Any])
    server_identity: str = ""
    """The server's URL (with a hash of its query), `stdio:COMMAND`, or `local`."""

    def canonical(self) -> str:
        """Sorted, compact JSON of the definition: what the hash covers and what the audit's blob holds."""
        parts = {
            "server": self.server_identity,
            "name": self.name,
            "description": self.description,
            "input_schema": self.input_schema,
            "output_schema": self.output_schema,
            "annotations": self.annotations,
        }
        return json.dumps(parts, sort_keys=True, separators=(",", ":"), default=dict)

    def hash(self) -> str:
        """SHA-256, hex, of `canonical()`."""
        return hashlib.sha256(self.canonical().encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One call that wants to happen. Policies, people and the audit all see this."""

    request_id: str
    """`mcpr_…` of an approval request, or the `call_id` of a function call."""
    server_label: str
    """The server's label; `local` for Python functions."""
    tool: str
    via: Via
    arguments: Mapping[str, Any] | None
    """Strictly parsed; None when `malformed` says why they are not usable."""
    raw_arguments: str
    """The wire's text, for the record and for comparing with what was executed."""
    malformed: str | None = None
    server_identity: str = "local"
    definition_hash: str = ""
    """`ToolDefinition.hash()` of the tool as last listed; empty when nobody has seen a definition."""
    function: str = ""
    """The function's name on the wire, where the model called one that runs here."""
    edited_from: str = ""
    """The fingerprint of what the model asked for, where a person changed the arguments."""

    @property
    def runs_here(self) -> bool:
        """Whether this process runs it, and not the model provider."""
        return self.via != "hosted"

    @property
    def name(self) -> str:
        """`label.tool`, as policies and the audit write it."""
        return f"{self.server_label}.{self.tool}"

    def fingerprint(self) -> str:
        """SHA-256, hex, over server identity, name and argument text: what a decision is bound to."""
        text = "\0".join((self.server_identity, self.name, self.raw_arguments))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
