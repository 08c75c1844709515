"""Every promise, with its source. A test keeps promises and tests to each other, in both directions.

A test names the promise it shows with `@pytest.mark.promise("id")`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    id: str
    source: str
    sentence: str


def _promise(id: str, source: str, sentence: str) -> Promise:
    return Promise(id=id, source=source, sentence=sentence)


PROMISES: Final = (
    _promise("demo-runs", "README", "The demo runs without a key and without a terminal, and exits 0."),
    _promise("one-post", "WIRE §6", "A request with a live approval is sent once; its failure is unknown."),
    _promise("many-at-once", "docs/decisions/0007", "Conversations at once lose no call and double none."),
    _promise("retried", "WIRE §6", "The same failure without a live approval is retried."),
    _promise(
        "unknown-decided", "docs/decisions/0001", "A person has an unknown request repeated or given up."
    ),
    _promise("no-redirect", "docs/decisions/0001", "Redirects are not followed: the body holds credentials."),
    _promise(
        "remembers", "WIRE §4.8", "A second turn knows hosted results where mcp_call items are dropped."
    ),
    _promise("reasoning-replayed", "WIRE §4.1", "Encrypted reasoning is replayed, and nothing is stored."),
    _promise("reasoning-dropped", "WIRE §4.6", "Reasoning that does not verify is dropped once, on record."),
    _promise("include-fallback", "WIRE §4.1", "A refused include is remembered, and the turn goes on."),
    _promise("no-secret", "SECURITY", "No configured credential appears in what we write, show or raise."),
    _promise("no-secret-stream", "docs/decisions/0005", "A credential in pieces is masked while streaming."),
    _promise("sealed-state", "docs/threat-model", "An edited saved conversation is refused."),
    _promise(
        "valid-requests", "issue: the spine", "Requests fit the published description and openai's types."
    ),
    _promise("unasked-stops", "WIRE §9", "A hosted call that nobody approved stops the run, on record."),
    _promise("not-completed", "WIRE §7", "No tool runs from a response that is not completed."),
    _promise("silent-server", "WIRE §7", "A declared server that is never listed is reported."),
    _promise("424-named", "WIRE §7", "A server whose tools cannot be listed is named; others can go on."),
    _promise("transformations", "WIRE §4.6", "input_transformations are surfaced."),
    _promise("empty-answer", "WIRE §7", "An empty answer after a denial is an answer, not an error."),
    _promise("unknown-kept", "WIRE §2", "Unknown inert items are replayed; unknown events are passed on."),
    _promise("unanswerable", "WIRE §2", "An item that needs an answer we cannot give stops the run by name."),
    _promise("ungated-opt-in", "DESIGN", "Built-in tools run only where the configuration accepted them."),
    _promise(
        "fuzzed", "POLICY", "100,000 generated calls get what a second, independent reading of POLICY gives."
    ),
    _promise("policy-schema", "docs/policy.md", "The JSON Schema for editors agrees with the loader."),
    _promise(
        "config-schema", "docs/configuration.md", "The JSON Schemas of the files agree with the loader."
    ),
    _promise("users-words", "POLICY", "Only what the user wrote counts as the user's words."),
    _promise("annotations-trusted", "POLICY", "A tool's annotations count only where its server is trusted."),
    _promise("vectors", "POLICY", "Every matcher decides each of its vectors as written, bypasses included."),
    _promise("lint-sound", "POLICY", "What the linter calls shadowed, vacuous or contradictory is so."),
    _promise("lint-complete", "issue: the policy engine", "Every seeded fault is found, at its line."),
    _promise("lint-quiet", "issue: the policy engine", "Ready and generated policies raise no false alarm."),
    _promise("policy-sarif", "issue: the policy engine", "Findings go to code hosts as SARIF 2.1.0."),
    _promise("policy-cases", "POLICY", "Test files decide calls by the live gate's function, with coverage."),
    _promise(
        "explain-screen", "issue: the policy engine", "One call is explained in under a screen, masked."
    ),
    _promise(
        "beside-the-rules",
        "docs/policy-commands.md",
        "Explain, test and replay name what they do not look at: limits, grants, approvers, pins, a freeze.",
    ),
    _promise("replay-honest", "POLICY", "A replay says what it could not decide, and never guesses."),
    _promise("drafted-policy", "issue: the policy engine", "A drafted policy loads, and binds what leaves."),
    _promise("annotations-only-tighten", "POLICY §6", "An annotation never loosens a drafted policy."),
    _promise("adaptive-told", "docs/threat-model", "What known attacks on a draft achieve is told as it is."),
    _promise("denial-reason", "POLICY §9", "The model is told why a call was denied."),
    _promise("record-first", "AUDIT", "Without a durable record no approval is sent and no function runs."),
    _promise("first-wins", "docs/decisions/0003", "Of copies of saved state only one decides and runs."),
    _promise("second-resume", "issue: the spine", "A second resume of a decided question is refused."),
    _promise("at-most-once", "docs/threat-model", "Cancelled, killed and resumed, nothing runs twice."),
    _promise("strict-yes", "POLICY §8", "Only an Approve is a yes; whatever else an approver does is a no."),
    _promise("examples-run", "STYLE 17", "Every example runs; a recipe adds at most ten lines."),
    _promise("tampering", "AUDIT", "A changed byte inside the log is found."),
    _promise("no-approvals-no-hosted", "DESIGN", "Hosted servers need a profile that honours approvals."),
    _promise("never-laxer", "WIRE §9", "No effect that the official runner would refuse, but for a list."),
    _promise("any-order", "docs/strictness", "Any order of events, faults and resumes keeps the invariants."),
    _promise("broken-answers", "docs/strictness", "Broken answers end in typed errors, without effects."),
    _promise("endless-answers", "docs/strictness", "An answer that does not end is given up, bounded."),
    _promise("service-stored", "API description", "The service keeps, shows and deletes stored responses."),
    _promise("service-chain", "WIRE §3", "With previous_response_id only new items are sent, none twice."),
    _promise("service-background", "API description", "Background responses are queued, made and found."),
    _promise("service-resume", "WIRE §4.11", "A lost background stream is taken up after any event."),
    _promise("service-cancel", "API description", "Cancelling stops a response, never within a hosted call."),
    _promise("service-clients", "docs/service.md", "One client sees nothing of another."),
    _promise(
        "service-bounded", "docs/service.md", "What the service keeps is bounded; the oldest goes first."
    ),
    _promise("service-allowed", "WIRE §1", "A replayed list of tools widens no filter of the service."),
    _promise(
        "service-brain-text", "docs/service.md", "Whatever a brain says, its response and its events end."
    ),
    _promise("service-log", "docs/service.md", "The access log holds no body, no key and no header."),
    _promise(
        "service-stop", "docs/service.md", "Told to stop, the service lets requests end; twice, it ends."
    ),
    _promise("doctor-finds", "issue: the service", "`doctor` finds each quirk of the local service."),
    _promise("doctor-clean", "issue: the service", "`doctor` finds nothing at a clean service."),
    _promise("doctor-inconclusive", "docs/doctor.md", "A model that does not obey is never a finding."),
    _promise("doctor-untested", "docs/doctor.md", "What could not be tested is not claimed."),
    _promise("doctor-unsafe", "docs/doctor.md", "A broken gate is found by what really ran."),
    _promise("doctor-profile", "docs/doctor.md", "A written profile decides on hosted servers."),
    _promise("doctor-late", "docs/doctor.md", "What runs unapproved is found, also after its check is over."),
    _promise("doctor-malformed", "docs/doctor.md", "An answer of odd shape is a finding and no crash."),
    _promise("doctor-paths", "docs/doctor.md", "No answer steers an authenticated request elsewhere."),
    _promise("doctor-bounded", "docs/doctor.md", "No answer is read without end."),
    _promise("doctor-shown", "docs/doctor.md", "No endpoint text moves the cursor or writes a profile."),
    _promise("doctor-environment", "docs/configuration.md", "OpenAI's headers go to OpenAI only."),
    _promise("doctor-secrets", "docs/doctor.md", "Neither keys nor tokens are shown."),
    _promise("every-quirk", "issue: the service", "What mcpbridge does about each quirk is shown by a test."),
    _promise(
        "reworded-bounded", "WIRE §7", "A server that asks again in other words is stopped; nothing runs."
    ),
    _promise("reworded-asks-anew", "WIRE §7", "Other words are another request, decided anew."),
    _promise("allowed-tools-held", "WIRE §9", "A tool outside allowed_tools stops the run, and never runs."),
    _promise("output-checked", "DESIGN", "An answer that does not fit its type is an error, nothing lost."),
    _promise("no-ciphertext", "WIRE §4.3", "Reasoning without ciphertext is not replayed; the turn goes on."),
    _promise("prefix-held", "WIRE §4.6", "What is replayed keeps the prefix that its reasoning is bound to."),
    _promise(
        "prefix-bound", "DESIGN", "The service shows reasoning in its place only, and says what it removed."
    ),
    _promise("paired-both-ways", "WIRE §2", "The service pairs each kind of call with its output."),
    _promise("planner-explains", "DESIGN", "The planner says why it chose a tool and whence its arguments."),
    _promise(
        "planner-asks", "docs/service-brains.md", "The planner asks for what it lacks; it invents nothing."
    ),
    _promise(
        "planner-faithful", "docs/service-brains.md", "The planner tells results and denials as they came."
    ),
    _promise("chat-hosted", "DESIGN", "A chat model that knows functions gets hosted tools with approvals."),
    _promise(
        "chat-errors", "docs/service-brains.md", "A chat endpoint's failures are named, without its key."
    ),
    _promise(
        "script-waits", "docs/service-script.md", "A delay keeps a stream open until the service stops."
    ),
    _promise(
        "outside-clients", "issue: the service", "Clients nobody here wrote talk to the service unchanged."
    ),
    _promise("open-responses", "issue: the service", "The Open Responses compliance tests pass."),
    _promise(
        "pin-change-caught", "issue: policy", "A tool changed between two turns is caught before it runs."
    ),
    _promise("pin-outcomes", "POLICY, pins", "A changed and an unpinned tool are outcomes of their own."),
    _promise("pin-lock", "docs/policy-operations.md", "tools.lock is deterministic, readable, and checked."),
    _promise(
        "freeze", "POLICY, semantics 10", "Frozen, everything is denied at once until thawed; on record."
    ),
    _promise(
        "policy-reload",
        "POLICY, semantics 10",
        "A reload is atomic; a broken file keeps the last good policy.",
    ),
    _promise("shadow", "POLICY, semantics 10", "A shadow policy is recorded; it neither denies nor loosens."),
    _promise("edited-arguments", "POLICY, semantics 11", "Edited arguments are ruled again; both on record."),
    _promise(
        "rule-suggestion", "issue: policy", "After three like prompts a tested rule is offered, no more."
    ),
    _promise("chat-whole", "docs/chat.md", "Allow, deny, cancel, save and resume, in one chat."),
    _promise("chat-type-ahead", "docs/chat.md", "What was typed before a question does not answer it."),
    _promise("chat-no-decision", "docs/chat.md", "Whoever leaves a question has decided nothing."),
    _promise("chat-unknown", "docs/chat.md", "Cancelled with an approval under way, it is unknown."),
    _promise("chat-undo", "docs/chat.md", "Grants and unsent approvals can be taken back, on record."),
    _promise("chat-inert", "docs/chat.md", "Nothing that a model or a tool writes reaches the terminal raw."),
    _promise("chat-scroll-back", "docs/chat.md", "Streaming touches no row that stood there before."),
    _promise("chat-plain", "docs/chat.md", "On a dumb terminal and with NO_COLOR the text is plain."),
    _promise("chat-history", "docs/chat.md", "What was typed is kept for its owner only, or not at all."),
    _promise("grant-bound", "POLICY", "A grant covers what its screen said that it binds, and nothing else."),
    _promise(
        "grant-uses", "POLICY", "Uses of a grant are counted before each call, over copies of the state."
    ),
    _promise(
        "grant-ends", "POLICY", "A grant ends with its time, its uses and the tool's definition, on record."
    ),
    _promise("grant-below-deny", "POLICY", "A grant answers for a person, and never against a denial."),
    _promise("limit-before", "POLICY", "Limits are used up before each call, also of calls side by side."),
    _promise("limit-kept", "POLICY", "Limits outlive saving and resuming."),
    _promise("limit-effects", "POLICY", "What provably never had an effect is given back to its limit."),
    _promise("limit-shared", "docs/policy-people.md", "Processes with one log share its limits, exactly."),
    _promise("limit-uncounted", "docs/policy-people.md", "Where nothing counts, a limited call is denied."),
    _promise("quorum", "POLICY", "Several people agree in any process, each once; one no denies."),
    _promise(
        "claimed-counts-nothing", "POLICY", "A name that nobody authenticated satisfies no approver rule."
    ),
    _promise("quorum-bound", "POLICY", "A yes holds for the screen that it was given for."),
    _promise("quorum-escalates", "POLICY", "After a timeout the next people may agree."),
)
