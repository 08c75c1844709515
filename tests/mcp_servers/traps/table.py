"""The traps of the MCP SDK (2.3.0) that were found before this bridge was built, each with its tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """One row. Each test drives naive code into the trap, and ours through the same scene."""

    id: str
    trap: str
    """The row's first words, as `docs/traps.md` has them."""
    tests: tuple[str, ...]


def _trap(id: str, trap: str, *tests: str) -> Trap:
    return Trap(id=id, trap=trap, tests=tests)


TRAPS: Final = (
    _trap(
        "failed-post",
        "A failed POST surfaces as `CancelledError`",
        "test_a_post_that_fails_ends_the_naive_client_with_all_its_calls_and_ours_ends_one_call",
    ),
    _trap(
        "status",
        "HTTP status is lost",
        "test_every_refusal_looks_the_same_naively_and_is_an_error_of_its_kind_here",
    ),
    _trap(
        "auth-lock",
        "the SDK's OAuth provider holds its lock",
        "test_calls_wait_for_each_other_behind_the_sdk_s_oauth_and_meet_at_the_server_with_ours",
    ),
    _trap(
        "session",
        "legacy session lost after a server restart",
        "test_a_forgotten_session_refuses_the_naive_client_for_ever_and_ours_once",
    ),
    _trap(
        "event-size",
        "SSE result over 1 MiB",
        "test_a_result_over_a_mebibyte_fails_naively_and_is_read_up_to_our_own_bound",
    ),
    _trap(
        "output-schema",
        "an outputSchema mismatch raises",
        "test_a_result_that_breaks_its_schema_makes_a_naive_retry_run_the_tool_twice_and_ours_once",
    ),
    _trap(
        "response-lost",
        "a response lost on 2026-07-28",
        "test_a_lost_answer_makes_a_naive_retry_run_the_tool_twice_and_is_unknown_here",
        "test_only_what_was_declared_idempotent_is_called_again_after_a_lost_answer",
    ),
    _trap(
        "mute",
        "mute stdio server",
        "test_a_mute_program_keeps_the_naive_client_waiting_and_ours_until_its_deadline",
        "test_servers_are_connected_one_after_the_other_naively_and_side_by_side_here",
    ),
    _trap(
        "stderr",
        "server stderr goes to ours",
        "test_what_a_program_says_moves_the_cursor_of_a_naive_terminal_and_is_plain_text_here",
    ),
    _trap(
        "groups",
        "ExceptionGroups nest",
        "test_an_error_is_buried_in_groups_naively_and_names_its_server_here",
    ),
    _trap(
        "names",
        "tool names allow dots and 128 characters",
        "test_names_do_not_fit_or_collide_naively_and_each_reaches_its_own_tool_here",
    ),
    _trap(
        "duplicates",
        "duplicate names silently overwrite",
        "test_of_two_tools_of_one_name_the_wrong_server_is_called_naively_and_the_right_one_here",
    ),
    _trap(
        "schemas",
        "schemas: 43 of 322 real tools",
        "test_strict_mode_refuses_or_changes_a_schema_and_ours_passes_it_on_as_it_is",
        "test_a_naive_person_is_asked_about_what_the_server_refuses_and_nobody_here",
    ),
    _trap(
        "errors",
        "errors come in three styles",
        "test_a_failed_tool_reads_like_a_success_naively_and_failures_are_told_apart_here",
    ),
    _trap(
        "annotations",
        "annotations are claims",
        "test_a_tool_that_calls_itself_read_only_runs_unasked_naively_and_is_asked_about_here",
    ),
)
