"""What a file may say, and what is told about one that says something else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpbridge.core.ruling import Effect
from mcpbridge.errors import ConfigurationError
from mcpbridge.policy import load_policy

from .calls import policy

HEAD = "version: 1\ndefaults: {decision: ask}\nrules:\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_policy(text, file="p.yaml")
    return [str(problem) for problem in caught.value.problems]


def problem(text: str) -> str:
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def test_a_policy_keeps_its_text_name_hash_and_rules() -> None:
    text = HEAD + "  - {id: r, effect: deny, tools: [a.b, 'c.*'], reason: ' No. '}\n"
    made = load_policy(text, file="conf/team/p.yaml")
    assert (made.name, made.file, made.text) == ("p.yaml", "conf/team/p.yaml", text)
    assert made.hash == hashlib.sha256(text.encode()).hexdigest()
    (rule,) = made.rules
    assert (rule.id, rule.effect, rule.reason, rule.line) == ("r", Effect.DENY, "No.", 4)
    assert [glob.pattern for glob in rule.tools] == ["a.b", "c.*"]


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30.0), ("15m", 900.0), ("2h", 7200.0)])
def test_durations_are_seconds_minutes_or_hours(text: str, seconds: float) -> None:
    assert policy(defaults=f"{{decision: ask, ask_timeout: {text}}}").defaults.ask_timeout == seconds


TOP = [
    ("", "p.yaml:1: write a policy (version: 1, defaults: {decision: ask} or {decision: deny}, rules: […])"),
    ("- a", "p.yaml:1: write a policy"),
    ("version: 1\ndefaults: [", "p.yaml:2: "),
    ("version: 1\nversion: 1", "p.yaml:2: the key 'version' stands twice"),
    ("\ndefaults: {decision: ask}", "p.yaml:2: write `version: 1`"),
    ("version: '1'\ndefaults: {decision: ask}", "p.yaml:1: write `version: 1`"),
    ("version: true\ndefaults: {decision: ask}", "p.yaml:1: write `version: 1`"),
    ("version: 2\ndefaults: {decision: ask}", "p.yaml:1: write `version: 1`"),
    ("version: 1", "p.yaml:1: write `defaults:` with what holds where no rule speaks"),
    (
        "version: 1\ndefaults: {}",
        "p.yaml:2: `defaults` has no `decision`; write `decision: ask` or `decision: deny`",
    ),
    ("version: 1\ndefaults: {decision: no}", "p.yaml:2: write `ask` or `deny` here, not 'no'"),
    ("version: 1\ndefaults:\n  decision: allow", "p.yaml:3: `allow` lets everything pass"),
    ("version: 1\ndefaults: {decision: allow, i_accept: yes}", "p.yaml:2: `allow` lets everything pass"),
    (
        "version: 1\ndefaults:\n  decision: ask\n  i_accept: allow_by_default",
        "p.yaml:4: `i_accept` does noth",
    ),
    ("version: 1\ndefaults: {decision: ask, unknown_tool: allow}", "p.yaml:2: write `deny` or `ask` here"),
    ("version: 1\ndefaults: {decision: ask, on_timeout: allow}", "p.yaml:2: write `deny` here, not 'allow'"),
    (
        "version: 1\ndefaults: {decision: ask, desicion: ask}",
        "p.yaml:2: unknown key of `defaults` `desicion`; did",
    ),
    (
        "version: 1\ndefaults: {decision: ask}\nrule: []",
        "p.yaml:3: unknown key `rule`; did you mean `rules`?",
    ),
    ("version: 1\ndefaults: {decision: ask}\nrules: {}", "p.yaml:3: write a list of rules here"),
    (
        "version: 1\ndefaults: {decision: ask}\nrules: [a]",
        "p.yaml:3: write a rule (id, effect, tools, …) here",
    ),
    *[
        (
            f"version: 1\ndefaults: {{decision: ask, ask_timeout: {bad}}}",
            "p.yaml:2: write a duration such as 30s",
        )
        for bad in ("900", "0s", "15 m", "1d", "-5s", "1.5h", "[]", "null")
    ],
]


@pytest.mark.parametrize(("text", "message"), TOP)
def test_the_top_of_a_file_is_checked(text: str, message: str) -> None:
    assert problem(text).startswith(message)


RULES = [
    ("effect: deny, tools: [a.b]", "write an `id` of letters, digits"),
    ("id: 7, effect: deny, tools: [a.b]", "write an `id` of letters, digits"),
    ("id: a b, effect: deny, tools: [a.b]", "write an `id` of letters, digits"),
    ("id: r, tools: [a.b]", "this rule has no `effect`; write `effect: allow`, `effect: ask` or `eff"),
    ("id: r, effect: block, tools: [a.b]", "write `allow` or `ask` or `deny` here, not 'block'"),
    ("id: r, effect: deny", "this rule has no `tools`; write `tools: [github.create_issue]`"),
    ("id: r, efect: deny, tools: [a.b]", "unknown key of a rule `efect`; did you mean `effect`?"),
    ("id: r, effect: deny, tool: [a.b]", "unknown key of a rule `tool`; did you mean `tools`?"),
    ("id: r, effect: deny, tools: []", "write a list such as [github.create_issue] here, not an empty list"),
    ("id: r, effect: deny, tools: a.b", "write a list such as [github.create_issue] here, not 'a.b'"),
    ("id: r, effect: deny, tools: [{}]", "write a text such as github.create_issue here, not an empty map"),
    ("id: r, effect: deny, tools: [a.b, a.b]", "'a.b' stands twice"),
    ("id: r, effect: deny, tools: [read]", "'read' has no label; write `label.tool`, such as `read.*`"),
    ("id: r, effect: deny, tools: [git*]", "'git*' has no label"),
    ("id: r, effect: deny, tools: [a_b.c]", "the label 'a_b' can never match"),
    ("id: r, effect: deny, tools: [.c]", "the label '' can never match"),
    ("id: r, effect: deny, tools: [a.]", "'a.' names no tool; write `a.*`"),
    ("id: r, effect: deny, tools: ['a. b']", "'a. b' is not a tool name"),
    ("id: r, effect: deny, tools: [\"a.b\\e\"]", "'a.b\\x1b' is not a tool name"),
    ("id: r, effect: deny, tools: [a.b], efect: ask", "unknown key of a rule `efect`; did you mean `eff"),
    ("id: r, effect: deny, tools: [a.b], args_schema: {}", "an empty `args_schema` says nothing"),
    ("id: r, effect: deny, tools: [a.b], args_schema: []", "write a JSON Schema, such as"),
    ("id: r, effect: deny, tools: [a.b], annotations: {}", "empty `annotations` say nothing"),
    ("id: r, effect: deny, tools: [a.b], annotations: [x]", "write {readOnlyHint: true} here, not a list"),
    ("id: r, effect: deny, tools: [a.b], annotations: {readOnlyHint: 1}", "write true or false here"),
    ("id: r, effect: deny, tools: [a.b], annotations: {readOnly: true}", "unknown annotation `readOnly`; "),
    ("id: r, effect: deny, tools: [a.b], args_schema: {type: object}, other_arguments: any", "`other_arg"),
    ("id: r, effect: deny, tools: [a.b], mode: shadow", "`mode` is not available in this version"),
    ("id: r, effect: deny, tools: [a.b], reason: ''", "write a sentence for the model here"),
    ("id: r, effect: deny, tools: [a.b], reason: null", "write a sentence for the model here"),
    ("id: r, effect: deny, tools: [a.b], reason: [x]", "write a sentence for the model here"),
    ("id: r, effect: deny, tools: [a.b], who: ana", "write a list of principals, or {principals: […]"),
    ("id: r, effect: deny, tools: [a.b], who: []", "write a list such as [ci-bot] here, not an empty list"),
    ("id: r, effect: deny, tools: [a.b], who: {}", "an empty `who` names nobody"),
    ("id: r, effect: deny, tools: [a.b], who: {group: [x]}", "unknown key of `who` `group`; did you mean"),
    ("id: r, effect: deny, tools: [a.b], who: {groups: x}", "write a list such as [ci-bot] here, not 'x'"),
    ("id: r, effect: deny, tools: [a.b], other_arguments: any", "`other_arguments` changes nothing here"),
    ("id: r, effect: allow, tools: [a.b], other_arguments: any", "`other_arguments` changes nothing here"),
    ("id: r, effect: allow, tools: [a.b], when: {x: {gt: 1}}, other_arguments: all", "write `any` here"),
    ("id: r, effect: deny, tools: [a.b], when: {}", "an empty `when` says nothing"),
    ("id: r, effect: deny, tools: [a.b], when: [x]", "write a mapping of argument names to matchers"),
    ("id: r, effect: deny, tools: [a.b], when: {'x?y': {gt: 1}}", "'x?y' is not a field"),
    ("id: r, effect: deny, tools: [a.b], when: {x..y: {gt: 1}}", "'x..y' is not a field"),
    ("id: r, effect: deny, tools: [a.b], when: {'?': {gt: 1}}", "'?' is not a field"),
    ("id: r, effect: deny, tools: [a.b], when: {any_of: [{gt: 1}]}", "write a mapping of matchers"),
    ("id: r, effect: deny, tools: [a.b], when: {x: {gt: 1}, 'x?': {lt: 1}}", "`x?` and `x` are the same"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "message"), RULES)
def test_a_rule_is_checked(rule: str, message: str) -> None:
    assert problem(f"{HEAD}  - {{{rule}}}\n").startswith(f"p.yaml:4: {message}")


MATCHERS = [
    ("EUR", "write a mapping of matchers, such as {eq: EUR} or {type: string} here, not 'EUR'"),
    ("null", "write a mapping of matchers, such as {eq: EUR} or {type: string} here, not nothing"),
    ("{}", "nothing is asked of the value"),
    (
        "{equals: 5}",
        "unknown matcher `equals`; did you mean `eq`? It is one of: eq, ne, in, not_in, gt, ge, lt, le,",
    ),
    ("{'==': 5}", "unknown matcher `==`; did you mean `eq`?"),
    ("{gte: 5}", "unknown matcher `gte`; did you mean `ge`?"),
    ("{lte: 5}", "unknown matcher `lte`; did you mean `le`?"),
    ("{maxLength: 5}", "unknown matcher `maxLength`; did you mean `max_len`?"),
    ("{zzz: 5}", "unknown matcher `zzz`; it is one of: eq, ne,"),
    ("{regex: x}", "unknown matcher `regex`; did you mean `matches`?"),
    ("{domain: x}", "unknown matcher `domain`; did you mean `email_domain`?"),
    ("{start_with: x}", "unknown matcher `start_with`; did you mean `starts_with`? It is one of: eq, ne,"),
    *[
        (f"{{{name}: {operand}}}", f"`{name}` takes a finite number, without quotes")
        for name in ("gt", "ge", "lt", "le")
        for operand in ("'5'", "true", "null", "[1]", ".nan", "-.inf", "1e999")
    ],
    *[
        (f"{{{name}: {operand}}}", f"`{name}` takes a text, a finite number, or true or false")
        for name in ("eq", "ne")
        for operand in ("null", "[1]", "{a: 1}", ".nan", ".NaN", "+.inf", "1e999")
    ],
    *[
        (f"{{{name}: {operand}}}", f"`{name}` takes {message}")
        for name in ("in", "not_in")
        for operand, message in (
            ("[]", "a list of at least one"),
            ("EUR", "a list of at least one"),
            ("[null]", "texts, finite numbers, true and false only"),
            ("[.nan]", "texts, finite numbers, true and false only"),
            ("[[1]]", "texts, finite numbers, true and false only"),
        )
    ],
    *[
        (f"{{{name}: {operand}}}", f"`{name}` takes a whole number from 0 up")
        for name in ("min_len", "max_len", "min_items", "max_items")
        for operand in ("-1", "1.5", "'1'", "true", "null")
    ],
    *[
        (f"{{{name}: {operand}}}", f"`{name}` takes a text of at least one character")
        for name in ("starts_with", "ends_with", "contains")
        for operand in ("''", "5", "null", "[a]")
    ],
    ("{type: text}", "`type` takes one of string, number, integer, boolean, array, object"),
    ("{type: [string]}", "`type` takes one of string, number, integer, boolean, array, object"),
    ("{each: 5}", "write a mapping of matchers"),
    ("{any: {}}", "nothing is asked of the value"),
    ("{all_of: {gt: 1}}", "`all_of` takes a list of matchers"),
    ("{any_of: []}", "`any_of` takes a list of matchers"),
    ("{none_of: [5]}", "write a mapping of matchers"),
    ("{eq: 5, gt: 1}", "`eq` names the one value; remove the other matchers beside it"),
    ("{gt: 1, ge: 1}", "`gt` and `ge` bound the same side; keep one"),
    ("{lt: 1, le: 1}", "`lt` and `le` bound the same side; keep one"),
    ("{gt: 5, lt: 5}", "no value is within `gt: 5` and `lt: 5`"),
    ("{ge: 6, le: 5}", "no value is within `ge: 6` and `le: 5`"),
    ("{ge: 5, lt: 5}", "no value is within `ge: 5` and `lt: 5`"),
    ("{min_len: 3, max_len: 2}", "no value is within `min_len: 3` and `max_len: 2`"),
    ("{min_items: 3, max_items: 2}", "no value is within `min_items: 3` and `max_items: 2`"),
    ("{gt: 5, starts_with: x}", "`gt`, `starts_with` speak about different types"),
    ("{type: string, gt: 5}", "`type`, `gt` speak about different types"),
    ("{in: [a], gt: 5}", "`in`, `gt` speak about different types"),
    ("{each: {gt: 1}, min_len: 1}", "`each`, `min_len` speak about different types"),
    ("{each: " * 20 + "{gt: 1}" + "}" * 20, "conditions are nested deeper than 8 levels"),
]


@pytest.mark.parametrize(("matchers", "message"), MATCHERS)
def test_operands_are_checked(matchers: str, message: str) -> None:
    text = f"{HEAD}  - id: r\n    effect: deny\n    tools: [a.b]\n    when:\n      x: {matchers}\n"
    assert problem(text).startswith(f"p.yaml:8: {message}")


@pytest.mark.parametrize("matchers", ["{ge: 5, le: 5}", "{type: integer, gt: 0}", "{ne: 3, in: [1, 2]}"])
def test_matchers_that_can_hold_together_are_fine(matchers: str) -> None:
    assert policy(f"  - {{id: r, effect: deny, tools: [a.b], when: {{x: {matchers}}}}}").rules


EXAMPLES = [
    (
        "match: [{x: 500}]",
        "this example of `r` should match, but does not match: `x <= 100` is false; change",
    ),
    ("match: [{}]", "this example of `r` should match, but does not match: `x <= 100` cannot be evaluated"),
    (
        "match: [{x: 5, y: 1}]",
        "this example of `r` should match, but does not match: it has arguments that `when`",
    ),
    (
        "not_match: [{x: 5}]",
        "this example of `r` should not match, but matches: everything it asks for holds",
    ),
    (
        "match: [{x: 5, $tool: b.c}]",
        "this example of `r` should match, but does not match: `tools` does not name b.c",
    ),
    ("match: []", "write a list of example arguments here"),
    ("match: {x: 5}", "write a list of example arguments here"),
    ("match: [5]", "write a call's arguments, such as {amount: 5} here, not 5"),
    ("matches: [{x: 5}]", "unknown key of `examples` `matches`; did you mean `match`?"),
    ("match: [{x: 5, $user: 7}]", "write a text or a list of texts as `$user`"),
    ("match: [{x: 5, $user: []}]", "write a text or a list of texts as `$user`"),
    ("match: [{x: 5, $groups: [7]}]", "write a text or a list of texts as `$groups`"),
    ("match: [{x: 5, $principal: [ana]}]", "write a text as `$principal`"),
    ("match: [{x: 5, $principal: bob}]", "this example of `r` should match, but does not match: `who: "),
    ("match: [{x: 5, $annotations: {readOnly: true}}]", "unknown annotation `readOnly`; did you mean"),
    ("match: [{x: 5, $who: ana}]", "`$who` is reserved"),
    ("match: [{x: 5, $tool: pay}]", "'pay' is not a tool name"),
    ("match: [{x: 5, $tool: 7}]", "write a text as `$tool`"),
]


@pytest.mark.parametrize(("examples", "message"), EXAMPLES)
def test_examples_are_checked_at_every_load(examples: str, message: str) -> None:
    rule = "  - id: r\n    effect: allow\n    tools: [a.b]\n    who: [ana]\n    when: {x: {le: 100}}\n"
    found = problem(f"{HEAD}{rule}    examples:\n      {examples}\n")
    assert found.startswith(f"p.yaml:10: {message}")


def test_examples_need_a_mapping_that_says_something() -> None:
    rule = HEAD + "  - {id: r, effect: allow, tools: [a.b], examples: %s}"
    assert "empty `examples` show nothing" in problem(rule % "{}")
    assert "write {match: " in problem(rule % "[]")


def test_an_example_of_a_deny_rule_may_match_because_it_is_undecided() -> None:
    rule = HEAD + "  - {id: r, effect: deny, tools: [a.b], when: {x: {gt: 1}}, examples: {%s: [{x: %s}]}}"
    assert load_policy(rule % ("match", "null"), file="p.yaml")
    found = problem(rule % ("not_match", "'2'"))
    assert "but matches: `x > 1` cannot be evaluated, which counts as a match for deny" in found
    assert "`x > 1` is false" in problem(rule % ("match", "0"))


def test_ids_are_unique() -> None:
    text = HEAD + "  - {id: r, effect: deny, tools: [a.b]}\n  - {id: s, effect: ask, tools: [a.b]}\n" * 1
    assert load_policy(text, file="p.yaml")
    twice = text + "  - effect: ask\n    tools: [a.b]\n    id: r\n"
    assert problem(twice) == "p.yaml:8: the id `r` is taken by the rule in line 4; choose another"


def test_everything_wrong_is_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        "version: 3\n"
        "rules:\n"
        "  - id: one\n"
        "    effect: permit\n"
        "    tools: [pay]\n"
        "    when:\n"
        "      amount: {le: '100', grounded_in: user_text}\n"
        "  - id: two\n"
        "    effect: deny\n"
        "    tools: [a.b]\n"
        "    who: {teams: [x]}\n"
        "defaults:\n"
        "  decision: maybe\n"
        "pinz: {}\n"
    )
    assert [line.split(": ")[0] for line in problems(text)] == [
        f"p.yaml:{line}" for line in (1, 4, 5, 7, 7, 11, 13, 14)
    ]


def test_long_values_are_not_repeated_in_full() -> None:
    assert problem(f"version: 1\ndefaults: {{decision: {'x' * 500}}}").endswith("not a long text")
    assert "not a list" in problem("version: 1\ndefaults: [1]")
    assert "not a mapping" in problem(HEAD + "  - {id: r, effect: {a: 1}, tools: [a.b]}")


def test_long_operands_are_shortened_for_people() -> None:
    names = ", ".join(f"n{number}" for number in range(20))
    made = policy(
        f"  - {{id: r, effect: deny, tools: [a.b], when: {{x: {{in: [{names}]}}, y: {{eq: {'z' * 200}}}}}}}"
    )
    many, long = made.rules[0].match.predicates
    assert many.endswith('"n7", … 12 more]')
    assert len(long) < 100


def test_predicates_read_as_sentences() -> None:
    made = policy(
        "  - id: r\n    effect: deny\n    tools: [a.b]\n    who: {principals: [ana], groups: [ops]}\n"
        "    when:\n      a: {gt: 0, le: 1.5}\n      b.c?: {each: {min_len: 1, max_len: 2}}\n"
        "      d: {none_of: [{eq: x}, {in: [1, true]}]}\n"
    )
    assert made.rules[0].match.predicates == (
        "who: principal ana, group ops",
        "a > 0",
        "a <= 1.5",
        "b.c each (is at least as long as 1 and is at most as long as 2) (where given)",
        'd none of (= "x"), (in [1, true])',
    )


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="versiondfault:123{}[]- \n'\"&*!|>?#%,.$", max_size=80))
def test_no_text_makes_the_loader_fail_in_another_way(text: str) -> None:
    for whole in (
        text,
        HEAD + text,
        HEAD + "  - {id: r, effect: deny, tools: [a.b], when: {x: " + text + "}}",
    ):
        try:
            load_policy(whole, file="p.yaml")
        except ConfigurationError:
            continue
