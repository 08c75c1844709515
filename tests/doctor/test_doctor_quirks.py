"""Each quirk of the local service is found by its check, and nothing is found that is not there."""

from __future__ import annotations

import pytest

from mcpbridge.doctor.registry import CHECKS
from mcpbridge.doctor.verdict import Severity
from mcpbridge.service.quirks import Quirk
from tests.doctor.looking import examined_with, names, verdict

FINDS = {
    Quirk.DROP_MCP_CALL: {"results"},
    Quirk.ECHO_SECRETS: {"echo"},
    Quirk.APPROVALS_IGNORED: {"approvals", "default", "filters", "unapproved"},
    Quirk.REJECT_ENCRYPTED_INCLUDE: {"reasoning"},
    Quirk.AUTHORIZATION_IN_HEADERS_REFUSED: {"authorization"},
    Quirk.SILENT_SERVER: {"hosted"},
    Quirk.CIPHERTEXT_EXPIRES: {"reasoning-replay"},
    Quirk.NEVER_BY_DEFAULT: {"default"},
    Quirk.EMPTY_AFTER_DENIAL: {"denied"},
    Quirk.ASKS_AGAIN_REWORDED: {"approved"},
    Quirk.APPROVAL_REUSED: {"approved", "unapproved"},
    Quirk.OTHER_STREAM_NAMES: {"stream-hosted"},
    Quirk.MCP_424: {"hosted"},
    Quirk.STORED_IMAGES_ONLY: {"image-generation"},
    Quirk.DENIAL_UNTOLD: {"denial-told"},
    Quirk.APPROVAL_FILTERS_IGNORED: {"filters"},
    Quirk.ALLOWED_TOOLS_IGNORED: {"allowed-tools"},
    Quirk.NO_BACKGROUND: {"background"},
    Quirk.TEXT_FORMAT_IGNORED: {"structured"},
    Quirk.TOOL_CHOICE_IGNORED: {"tool-choice", "parallel"},
    Quirk.IMAGES_UNSEEN: {"images"},
    Quirk.FILES_UNSEEN: {"files"},
    Quirk.NO_ENCRYPTED_REASONING: {"reasoning"},
    Quirk.REASONING_UNBOUND: {"reasoning-prefix", "reasoning-model"},
}
"""The checks that speak up, of all there are."""
_SAYS = {
    Quirk.DROP_MCP_CALL: "replay.mcp_results: function_pair",
    Quirk.AUTHORIZATION_IN_HEADERS_REFUSED: "authorization_in: field",
    Quirk.APPROVALS_IGNORED: "approvals_honoured: false",
    Quirk.SILENT_SERVER: "hosted_mcp: false",
    Quirk.REJECT_ENCRYPTED_INCLUDE: "encrypted_reasoning: false",
    Quirk.NO_ENCRYPTED_REASONING: "encrypted_reasoning: false",
}


def test_every_quirk_has_a_finding() -> None:
    assert set(FINDS) == set(Quirk)


@pytest.mark.promise("doctor-clean")
def test_a_clean_service_has_no_finding_and_nothing_is_left_unknown() -> None:
    examination = examined_with()

    assert names(examination, Severity.FINDING) == set()
    assert names(examination, Severity.UNKNOWN) == set()
    assert names(examination, Severity.OK) == {check.name for check in CHECKS}
    assert examination.safe


@pytest.mark.promise("doctor-finds")
@pytest.mark.parametrize("quirk", list(FINDS))
def test_a_quirk_is_found_and_nothing_else(quirk: Quirk) -> None:
    examination = examined_with(quirk)

    assert names(examination, Severity.FINDING) == FINDS[quirk]
    assert examination.safe is (quirk not in (Quirk.APPROVALS_IGNORED, Quirk.APPROVAL_REUSED))
    said = [verdict(examination, name).means for name in FINDS[quirk]]
    assert any(_SAYS.get(quirk, "") in means for means in said), said


def test_two_quirks_at_once_are_both_found() -> None:
    examination = examined_with(Quirk.AUTHORIZATION_IN_HEADERS_REFUSED, Quirk.DROP_MCP_CALL)

    assert names(examination, Severity.FINDING) == {"authorization", "results"}
    assert examination.profile.authorization_in == "field"
    assert examination.profile.mcp_results == "function_pair"


def test_a_check_alone_finds_the_same_as_in_the_whole_examination() -> None:
    examination = examined_with(Quirk.CIPHERTEXT_EXPIRES, Quirk.REJECT_ENCRYPTED_INCLUDE, only=["approvals"])

    assert names(examination, Severity.OK) == {"models", "responses", "approvals", "unapproved"}
