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


PROMISES: Final[tuple[Promise, ...]] = (
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
        "edited-arguments-unfit",
        "docs/policy-operations.md",
        "Edited arguments that do not fit decide nothing.",
    ),
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
    _promise(
        "oauth-renewal", "MCP traps", "Calls refused at once ask for one new token; none waits for a call."
    ),
    _promise(
        "oauth-bound", "issue: bridged", "A token is for one server, and is asked of its own authority."
    ),
    _promise(
        "oauth-restart", "issue: bridged", "A login outlives the process and is renewed where it came from."
    ),
    _promise("oauth-login", "issue: bridged", "A person logs in once, with PKCE over a loopback redirect."),
    _promise(
        "oauth-quiet", "SECURITY", "What an authorization server answers is told without the secrets in it."
    ),
    _promise(
        "oauth-step-up", "issue: bridged", "More rights are asked of a person, and cost none there were."
    ),
    _promise("oauth-named-scopes", "SECURITY", "A program asks for no scope but those its file names."),
    _promise(
        "bridged-reader", "issue: bridged", "Code of the owner reads resources and prompts, each on record."
    ),
    _promise("bridged-probe-offer", "acceptance", "A probe and a lock show what a run offers, and no more."),
    _promise(
        "bridged-left-out",
        "issue: bridged",
        "A tool that cannot be told apart is left out, and people are told.",
    ),
    _promise("oauth-key", "issue: bridged", "A key in a PEM file, named in the YAML, signs for a token."),
    _promise("oauth-hosted", "issue: bridged", "Our token serves hosted servers' authorization too."),
    _promise("gateway-gate", "issue: bridged", "Calls through the gateway meet the same policy and audit."),
    _promise("gateway-callers", "issue: bridged", "Over HTTP a token says on whose behalf a call is made."),
    _promise(
        "gateway-client-token-unsaid",
        "SECURITY",
        "What stands in --client is not repeated: it may be a token.",
    ),
    _promise("gateway-asks-client", "issue: bridged", "A trusted client's person is asked, in both eras."),
    _promise("gateway-sealed-state", "issue: bridged", "A yes is good once, for one call of one caller."),
    _promise(
        "gateway-cancels", "issue: bridged", "A call that its client cancels is cancelled at the server."
    ),
    _promise("gateway-announces", "issue: bridged", "Clients are told when a server's tools change."),
    _promise("gateway-structured", "MCP", "A structured result fits the schema its client was shown."),
    _promise("gateway-bounds", "issue: bridged", "What one caller can keep busy at the gateway is bounded."),
    _promise("gateway-tells-no-secret", "issue: bridged", "No failure tells a client a credential."),
    _promise("gateway-honest-outcome", "issue: bridged", "No call that ran is told as one that did not."),
    _promise(
        "gateway-inspector", "issue: bridged", "The Model Context Protocol Inspector works with the gateway."
    ),
    _promise(
        "gateway-conformance",
        "issue: bridged",
        "The suite's server scenarios pass, but for what is explained.",
    ),
    _promise(
        "explain-functions", "docs/policy-commands.md", "A function call is explained as the tool it is."
    ),
    _promise("mcp-traps", "MCP traps", "Every trap of the table bites naive code, and is answered here."),
    _promise(
        "bridged-restarts", "issue 6", "A server that comes back is connected, listed and compared anew."
    ),
    _promise("bridged-contained", "issue 6", "What a hostile server does is on record, and ends no run."),
    _promise("bridged-apart", "MCP traps", "A bridged call that fails ends no other call on its connection."),
    _promise("bridged-asked", "MCP", "A server's question in a call is put to a person, within bounds."),
    _promise(
        "bridged-cancelled", "issue: bridged", "A bridged call that is given up is cancelled at its server."
    ),
    _promise(
        "bridged-changed", "issue: bridged", "Announced changes are listed before the next bridged call."
    ),
    _promise(
        "bridged-conformance", "MCP", "The suite's required client scenarios pass through our connections."
    ),
    _promise("bridged-cut", "MCP traps", "A bridged result that is too large is cut, and the cut is told."),
    _promise("bridged-deadline", "MCP traps", "A mute server is given up after our own deadline."),
    _promise("bridged-errors", "MCP traps", "isError and JSON-RPC errors are both failures, told apart."),
    _promise(
        "bridged-hostile", "issue: bridged", "Hostile lists, streams and redirects end in one named error."
    ),
    _promise(
        "bridged-invalid", "MCP traps", "A result that breaks its promise was executed: it is not retried."
    ),
    _promise(
        "bridged-lost", "MCP traps", "A server lost in a call leaves it unknown; the next listing reconnects."
    ),
    _promise(
        "bridged-nothing-left", "issue: bridged", "Killed servers leave no task, descriptor or process."
    ),
    _promise(
        "bridged-parts", "issue: bridged", "Everything in a bridged result becomes content parts, once."
    ),
    _promise("bridged-private", "MCP", "A remote server leads to no private address that was not allowed."),
    _promise("bridged-real", "issue: bridged", "Real servers are listed, called, killed and used again."),
    _promise("bridged-refresh", "MCP traps", "Twenty calls that need a new token ask for it once."),
    _promise(
        "bridged-status", "MCP traps", "The HTTP status of a refused call becomes an error of its kind."
    ),
    _promise("bridged-stderr", "MCP traps", "A program's standard error comes without control characters."),
    _promise("bridged-unreadable", "MCP", "An answer that cannot be read leaves its call unknown at once."),
    _promise(
        "bridged-hurried", "docs/bridged.md", "A second signal kills programs, and leaves no record out."
    ),
    _promise(
        "bridged-unsent", "MCP traps", "A call that was provably not sent is told apart from a lost one."
    ),
    _promise(
        "bridged-gate", "docs/bridged.md", "A bridged call is decided, recorded and told like a hosted one."
    ),
    _promise(
        "bridged-same-decisions", "issue 6", "One server declared both ways: the same decisions and records."
    ),
    _promise(
        "bridged-change-caught", "issue 4", "A bridged tool that changes is caught before its next call."
    ),
    _promise("bridged-names", "MCP", "Names of bridged tools fit the wire, and no two tools share one."),
    _promise("bridged-names-refused", "MCP", "No Python function is called like a bridged tool."),
    _promise("bridged-routes", "issue 6", "A saved call never reaches another server than it named."),
    _promise(
        "bridged-arguments-checked", "MCP", "Arguments that do not fit reach no policy, person or server."
    ),
    _promise("bridged-no-network-ref", "MCP", "No $ref of a tool's schema is ever fetched."),
    _promise("bridged-failures-told", "MCP", "Failures of tools and servers are told, and kept apart."),
    _promise("bridged-dead-server", "DESIGN", "A server that dies in a conversation does not end it."),
    _promise("bridged-unknown", "issue 6", "A server lost in a call leaves it unknown; a person decides."),
    _promise("bridged-killed", "issue 6", "Killed in a bridged call, it is unknown when the run goes on."),
    _promise("bridged-resumable", "DESIGN", "Cancelled at any step, a conversation can go on."),
    _promise("bridged-idempotent", "issue 6", "Only what is declared idempotent is made again by itself."),
    _promise("bridged-max-tools", "issue 6", "Too many tools of a server are refused with what to write."),
    _promise("bridged-decision-id", "issue 6", "The decision's id of the audit travels in _meta."),
    _promise(
        "bridged-elicitation", "issue 6", "A server's question meets a person, on record, or is refused."
    ),
    _promise(
        "bridged-elicitation-nothing-made-up",
        "docs/bridged.md",
        "A yes to a server's form sends its own defaults, and nothing that was made up here.",
    ),
    _promise(
        "bridged-elicitation-told",
        "docs/bridged.md",
        "A question that nobody could be asked is a notice, with how to be asked.",
    ),
    _promise(
        "explain-server-question",
        "docs/audit/reviewing.md",
        "What a server asked in a call is explained by itself, not by the decision on the call.",
    ),
    _promise("bridged-elicitation-choices", "issue 6", "Every choice of a server's form is on the screen."),
    _promise(
        "bridged-elicitation-edited", "issue 6", "What a person may write is offered, and checked at once."
    ),
    _promise(
        "bridged-schema-cost",
        "issue 6",
        "A schema that is made to be costly costs its server a tool, no more.",
    ),
    _promise("bridged-offer", "issue 6", "The model reads resources and prompts where that was opted in."),
    _promise(
        "bridged-offer-gated",
        "issue 6",
        "Reading a resource meets the same policy, person and audit as a call.",
    ),
    _promise(
        "bridged-offer-names",
        "issue 6",
        "No tool of a server stands for a function of ours, nor is it hidden.",
    ),
    _promise(
        "bridged-offer-hostile",
        "issue 6",
        "Endless lists and huge or lying resources are contained and told.",
    ),
    _promise(
        "bridged-callable-headers", "issue: bridged", "A header may be a function, asked for each request."
    ),
    _promise(
        "bridged-sampling-failure-told", "issue 6", "Who said yes hears that the model failed, and why."
    ),
    _promise("bridged-fallback-told", "issue: bridged", "A server that falls back to being bridged is told."),
    _promise("allowed-tools-unlisted-told", "DESIGN", "A name in allowed_tools that nothing has is told."),
    _promise("bridged-sampling", "issue 6", "A server gets words of the model where a person said so."),
    _promise("bridged-sampling-refused", "issue 6", "Sampling is refused, on record, unless configured."),
    _promise("bridged-questions-freeze", "issue 6", "A freeze also stops what servers ask during calls."),
    _promise("bridged-questions-approvers", "issue 6", "Named approvers also answer what servers ask."),
    _promise("credentials-masked-questions", "issue 6", "What servers say tells nobody a credential."),
    _promise("bridged-roots", "issue 6", "A server is told the configured roots, on record, and no others."),
    _promise("bridged-mixed", "issue 6", "Hosted, bridged and local tools work in one conversation."),
    _promise("bridged-auto", "issue 6", "via: auto bridges, on record, where approvals are not honoured."),
    _promise("bridged-gate-alone", "issue 6", "The gate alone offers and runs bridged tools."),
    _promise(
        "index-same-answers", "docs/audit/reviewing.md", "With an index and without one, the same is found."
    ),
    _promise(
        "index-fits-or-is-not-used",
        "docs/audit/reviewing.md",
        "An index that does not fit its log is told, not used, and made anew.",
    ),
    _promise(
        "evidence-own-fields",
        "docs/audit/reviewing.md",
        "A record that is no decision is shown with the fields of its type.",
    ),
    _promise(
        "evidence-whole",
        "docs/audit/reviewing.md",
        "One decision comes with its question, screen, policy, definition and outcome.",
    ),
    _promise("evidence-proof", "docs/audit/reviewing.md", "And with the proof that a checkpoint covers it."),
    _promise("tail-follows", "docs/audit/reviewing.md", "Following tells each record once, over rotations."),
    _promise(
        "audit-screens-inert", "AUDIT", "Nothing in a log reaches the terminal raw, whatever the command."
    ),
    _promise("explain-past-policy", "AUDIT", "A past decision is explained by the policy of its time."),
    _promise(
        "reconcile-finds-holes", "AUDIT", "Requests, decisions and outcomes that do not add up are found."
    ),
    _promise("signoff-binds", "AUDIT", "A sign-off stands in the log and holds for exactly its lines."),
    _promise("million", "AUDIT", "From a report to one decision's evidence: two commands, flat in memory."),
    _promise(
        "audit-crash", "AUDIT, writing", "No crash loses an acknowledged record, and repair cuts no other."
    ),
    _promise(
        "audit-rotation", "AUDIT, format", "Rotation loses nothing, whoever writes and wherever it stops."
    ),
    _promise("audit-goes-on", "AUDIT, writing", "After a failed sync, work goes on in a file of new pages."),
    _promise(
        "audit-fast-open", "AUDIT, targets", "A long log is opened by its end, from the last checkpoint."
    ),
    _promise(
        "audit-sealed-in-time", "AUDIT, format", "A second or 1,000 records later a checkpoint seals them."
    ),
    _promise(
        "audit-anchor-told", "AUDIT, format", "Anchors get each checkpoint; one that fails is on record."
    ),
    _promise(
        "audit-schema", "AUDIT, records", "Each record fits one documented schema; no field is unknown."
    ),
    _promise("audit-levels", "AUDIT, secrets", "What the log keeps of a call is decided tool by tool."),
    _promise("audit-sealed", "AUDIT, secrets", "Sealed arguments open for a reviewer and for nobody else."),
    _promise(
        "audit-erase", "AUDIT, secrets", "Erased records are unreadable, on record; the chain verifies."
    ),
    _promise(
        "audit-hash", "AUDIT, secrets", "Whether a value ever occurred is found, also where it is hidden."
    ),
    _promise("audit-hold", "AUDIT, secrets", "Under a legal hold nothing is erased or removed."),
    _promise(
        "audit-retention", "AUDIT, secrets", "Old segments go on record, and what is left still verifies."
    ),
    _promise("audit-copies", "AUDIT, trust", "A copy is no cut where the log goes on from it, and says so."),
    _promise(
        "audit-retention-said", "AUDIT, secrets", "What a dry run of retention says is what a yes does."
    ),
    _promise(
        "audit-tamper-anchored",
        "AUDIT, targets",
        "An anchor outside the writing account finds every tampering.",
    ),
    _promise(
        "audit-tamper-unanchored", "AUDIT, targets", "Without one, what is unsealed is named, and is never 0."
    ),
    _promise(
        "audit-anchor-signed", "docs/audit/trust.md", "An anchor seals by what a key of the log signed only."
    ),
    _promise("audit-anchor-place", "docs/audit/trust.md", "No anchor writes into the folder of its own log."),
    _promise(
        "audit-anchor-deadline", "docs/audit/trust.md", "An answer of a witness that never ends is given up."
    ),
    _promise(
        "audit-every-line-is-read",
        "docs/audit/trust.md",
        "A line whose hashes fit and that is no record is named with its place.",
    ),
    _promise("audit-bit-flip", "AUDIT, targets", "A bit flipped at any byte of a log is found."),
    _promise(
        "audit-second-process",
        "AUDIT, targets",
        "A second process makes verifying quicker and never less strict, whatever becomes of it.",
    ),
    _promise("audit-key-rotation", "docs/audit/trust.md", "A new signing key is vouched for by the old one."),
    _promise(
        "index-refuses-a-changed-log",
        "docs/audit/reviewing.md",
        "No index goes on over a log whose indexed lines were changed or lost.",
    ),
    _promise(
        "audit-close-seals",
        "docs/audit/writing.md",
        "Closing a log seals its end, also when whoever closes it is cancelled.",
    ),
    _promise(
        "audit-archive",
        "docs/audit/trust.md",
        "An archive that is held against the anchors of its log is judged as one, and is no cut.",
    ),
    _promise(
        "report-questions",
        "docs/audit/report.md",
        "A report says what servers asked people for, and what they were given.",
    ),
    _promise(
        "audit-gone",
        "docs/audit/trust.md",
        "A log that was seen and is gone is tampering, not nothing to check.",
    ),
    _promise(
        "audit-remembers", "docs/audit/trust.md", "A verifier notices what changed since it last looked."
    ),
    _promise(
        "audit-new-keys-hide-nothing",
        "AUDIT",
        "Whoever replaces a log and its keys is found by an anchor that saw it.",
    ),
    _promise("audit-poison", "AUDIT", "No arguments break the writer, the reader or the terminal."),
    _promise("audit-canary", "AUDIT, targets", "No credential is in the log or in anything made from it."),
    _promise(
        "verdict-kept", "docs/audit/trust.md", "No reader who left and no full disk makes another verdict."
    ),
    _promise("any-encoding", "AUDIT", "No character set of a terminal or a pipe stops a command."),
    _promise("report-figures", "docs/audit/report.md", "A report counts what the log holds of its period."),
    _promise("report-fatigue", "AUDIT, reviewing", "Who answers in no time, or always yes, is marked."),
    _promise(
        "report-commands", "docs/audit/report.md", "Each figure's command prints the records it counts."
    ),
    _promise("report-hostile", "docs/audit/report.md", "No name from outside becomes markup in a report."),
    _promise("report-html", "docs/audit/report.md", "The page asks nobody, runs nothing, and prints on A4."),
    _promise("export-ocsf", "docs/audit/export.md", "Events fit the published OCSF class API Activity."),
    _promise("export-otel", "docs/audit/export.md", "Log records fit the published OTLP protocol."),
    _promise("export-csv", "docs/audit/export.md", "No cell of a CSV is a formula."),
    _promise("export-parquet", "docs/audit/export.md", "Parquet has typed columns, and loses nothing."),
    _promise(
        "export-streams", "docs/audit/export.md", "An export holds a bounded part of the log in memory."
    ),
    _promise("export-no-secret", "AUDIT, targets", "No secret is in an export or a report."),
    _promise("otel-spans", "docs/audit/telemetry.md", "A turn's requests, questions and calls are spans."),
    _promise("otel-ids", "docs/audit/telemetry.md", "Records and spans name each other."),
    _promise("otel-no-content", "docs/audit/telemetry.md", "No content is in a span or a metric."),
    _promise("otel-apart", "AUDIT", "Whatever telemetry does, the same is decided, done and recorded."),
    _promise("otel-free", "docs/audit/telemetry.md", "Without an SDK nothing of OpenTelemetry is loaded."),
    _promise("otel-not-sent", "docs/audit/telemetry.md", "Trace ids do not leave for hosted servers."),
)
