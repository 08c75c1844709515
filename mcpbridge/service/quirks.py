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
    NEVER_BY_DEFAULT = "never-by-default"
    EMPTY_AFTER_DENIAL = "empty-after-denial"
    ASKS_AGAIN_REWORDED = "asks-again-reworded"
    APPROVAL_REUSED = "approval-reused"
    OTHER_STREAM_NAMES = "other-stream-names"
    MCP_424 = "mcp-424"
    STORED_IMAGES_ONLY = "stored-images-only"
    DENIAL_UNTOLD = "denial-untold"
    APPROVAL_FILTERS_IGNORED = "approval-filters-ignored"
    ALLOWED_TOOLS_IGNORED = "allowed-tools-ignored"
    NO_BACKGROUND = "no-background"
    TEXT_FORMAT_IGNORED = "text-format-ignored"
    TOOL_CHOICE_IGNORED = "tool-choice-ignored"
    IMAGES_UNSEEN = "images-unseen"
    FILES_UNSEEN = "files-unseen"
    NO_ENCRYPTED_REASONING = "no-encrypted-reasoning"
    REASONING_UNBOUND = "reasoning-unbound"


IMITATES: Mapping[Quirk, str] = {
    Quirk.DROP_MCP_CALL: "replayed mcp_call items are accepted but the model never sees them",
    Quirk.ECHO_SECRETS: "response.tools returns authorization and headers as they were sent",
    Quirk.APPROVALS_IGNORED: "require_approval is parsed and ignored: every call runs at once",
    Quirk.REJECT_ENCRYPTED_INCLUDE: "include reasoning.encrypted_content is answered with 400",
    Quirk.AUTHORIZATION_IN_HEADERS_REFUSED: "Authorization inside an mcp tool's headers is answered with 400",
    Quirk.SILENT_SERVER: "declared MCP servers are never listed or called (`silent-server:LABEL` for one)",
    Quirk.CIPHERTEXT_EXPIRES: "the first request that replays encrypted reasoning is answered with 400",
    Quirk.NEVER_BY_DEFAULT: "a missing or null require_approval means never",
    Quirk.EMPTY_AFTER_DENIAL: "a denial ends the response: completed, without a message",
    Quirk.ASKS_AGAIN_REWORDED: "an approved call is never executed: it is asked for again, reworded",
    Quirk.APPROVAL_REUSED: "a call that was approved and executed once runs again without asking",
    Quirk.OTHER_STREAM_NAMES: "streams say response.mcp_call.arguments.* for response.mcp_call_arguments.*",
    Quirk.MCP_424: "the tools of MCP servers cannot be listed: 424 (`mcp-424:LABEL` for one)",
    Quirk.STORED_IMAGES_ONLY: "a replayed image_generation_call is not found unless the response is stored",
    Quirk.DENIAL_UNTOLD: "the model sees neither denials nor their reasons",
    Quirk.APPROVAL_FILTERS_IGNORED: "require_approval as an object is always if it has `always`, else never",
    Quirk.ALLOWED_TOOLS_IGNORED: "allowed_tools of an MCP server is accepted and ignored",
    Quirk.NO_BACKGROUND: "background: true is answered with 400",
    Quirk.TEXT_FORMAT_IGNORED: "text.format is accepted and ignored: answers need not fit the schema",
    Quirk.TOOL_CHOICE_IGNORED: "tool_choice and parallel_tool_calls are accepted and ignored",
    Quirk.IMAGES_UNSEEN: "images in the input are accepted but the model never sees them",
    Quirk.FILES_UNSEEN: "files in the input are accepted but the model never sees them",
    Quirk.NO_ENCRYPTED_REASONING: "include reasoning.encrypted_content is accepted and nothing is returned",
    Quirk.REASONING_UNBOUND: "encrypted reasoning verifies after any messages and for any model",
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

    def strikes(self, quirk: Quirk, label: str) -> bool:
        """Whether a quirk that may name one server concerns this one."""
        named = self.arguments.get(quirk)
        return named is not None and named in ("", label)
