"""Faults of real servers that the service can imitate, one name each (`--quirk NAME` or `NAME:ARGUMENT`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Quirk(StrEnum):
    """Every quirk there is; `IMITATES` says what each does."""

    DROP_MCP_CALL = "drop-mcp-call"
    ECHO_SECRETS = "echo-secrets"
    APPROVALS_IGNORED = "approvals-ignored"
    REJECT_ENCRYPTED_INCLUDE = "reject-encrypted-include"
    AUTHORIZATION_IN_HEADERS_REFUSED = "authorization-in-headers-refused"
    SILENT_SERVER = "silent-server"
    CIPHERTEXT_EXPIRES = "ciphertext-expires"


IMITATES: Mapping[Quirk, str] = {
    Quirk.DROP_MCP_CALL: "replayed mcp_call items are accepted but the model never sees them",
    Quirk.ECHO_SECRETS: "response.tools returns authorization and headers as they were sent",
    Quirk.APPROVALS_IGNORED: "require_approval is parsed and ignored: every call runs at once",
    Quirk.REJECT_ENCRYPTED_INCLUDE: "include reasoning.encrypted_content is answered with 400",
    Quirk.AUTHORIZATION_IN_HEADERS_REFUSED: "Authorization inside an mcp tool's headers is answered with 400",
    Quirk.SILENT_SERVER: "declared MCP servers are never listed or called (`silent-server:LABEL` for one)",
    Quirk.CIPHERTEXT_EXPIRES: "the first request that replays encrypted reasoning is answered with 400",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """The quirks that are on, each with its argument (empty when none was given)."""

    arguments: Mapping[Quirk, str] = field(default_factory=dict[Quirk, str])

    @classmethod
    def parse(cls, names: Iterable[str]) -> Quirks:
        """Raises ValueError naming the quirks there are."""
        arguments: dict[Quirk, str] = {}
        for name in names:
            quirk, _, argument = name.partition(":")
            if quirk not in IMITATES:
                known = ", ".join(sorted(IMITATES))
                raise ValueError(f"unknown quirk {quirk!r}; there are: {known}")
            arguments[Quirk(quirk)] = argument
        return cls(arguments=arguments)

    def __contains__(self, quirk: Quirk) -> bool:
        return quirk in self.arguments

    def silences(self, label: str) -> bool:
        silenced = self.arguments.get(Quirk.SILENT_SERVER)
        return silenced is not None and silenced in ("", label)
