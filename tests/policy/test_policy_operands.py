"""Operands of the matchers with a grammar of their own, and what is told about wrong ones."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from mcpbridge.errors import ConfigurationError
from mcpbridge.policy import Facts, load_policy, rule

from .calls import call, policy

WRONG: list[tuple[str, str]] = [
    ("{matches: ''}", "`matches` takes a text of at least one character"),
    ("{matches: 5}", "`matches` takes a text of at least one character"),
    ("{matches: '['}", "`matches` takes a regular expression; "),
    ("{matches: 'a)|(b'}", "`matches` takes a regular expression; "),
    ("{matches: '(?=a)b'}", "`matches` takes a regular expression; look-ahead and look-behind are not avail"),
    ("{matches: '(?<!a)b'}", "`matches` takes a regular expression; look-ahead and look-behind are not avai"),
    ("{matches: '(a)\\1'}", "`matches` takes a regular expression; back-references are not available"),
    ("{matches: 'a{1000}{1000}'}", "`matches` takes a regular expression; "),
    ("{under: ''}", "`under` takes a text or a list of texts, such as [/srv/data]"),
    ("{under: [/a, 5]}", "`under` takes a text or a list of texts"),
    ("{under: [/a, /a]}", "`under` names the same text twice"),
    ("{under: ../x}", "`under` takes a plain path such as /srv/data"),
    ("{under: ~/x}", "`under` takes a plain path such as /srv/data"),
    ("{under: /srv/$HOME}", "`under` takes a plain path such as /srv/data"),
    ("{under: //srv/x}", "`under` takes a plain path such as /srv/data"),
    ("{under: /srv/%2e%2e}", "`under` takes a plain path such as /srv/data"),
    ("{under: 'C:x'}", "`under` takes a plain path such as /srv/data"),
    ("{https_host: 5}", "`https_host` takes a text or a list of texts, such as [api.example.com]"),
    ("{https_host: https://a.example}", "`https_host` takes a name in lower case"),
    ("{https_host: A.example}", "`https_host` takes a name in lower case"),
    ("{https_host: bücher.example}", "`https_host` takes a name in lower case (a non-ASCII one as xn--"),
    ("{https_host: 'a.*.example'}", "`https_host` takes a name in lower case"),
    ("{https_host: '*example.com'}", "`https_host` takes a name in lower case"),
    ("{https_host: 'a.example:443'}", "`https_host` takes a name in lower case"),
    ("{https_host: 'a.example.'}", "`https_host` takes a name in lower case"),
    ("{https_host: 0x7f.1}", "`https_host` takes a name in lower case"),
    (
        "{host: localhost}",
        "`host` names localhost, which is not public; write {hosts: [localhost], private: allow}",
    ),
    ("{host: 10.0.0.1}", "`host` names 10.0.0.1, which is not public"),
    ("{host: '::1'}", "`host` names ::1, which is not public"),
    ("{host: '*.internal'}", "`host` names *.internal, which is not public"),
    ("{host: {}}", "`host` takes hosts, or {hosts: [api.example.com], private: allow, ports: [8443]}"),
    ("{host: {hosts: [a.example], port: 5}}", "`host` takes hosts, or {hosts: [api.example.com]"),
    ("{host: {hosts: [a.example], private: true}}", "`host` takes `private: allow` or no `private` at all"),
    ("{host: {hosts: [a.example], ports: [0]}}", "`host` takes `ports` from 1 to 65535"),
    ("{host: {hosts: [a.example], ports: ['443']}}", "`host` takes `ports` from 1 to 65535"),
    ("{scheme: HTTPS}", "`scheme` takes schemes in lower case and without `:`"),
    ("{scheme: 'https:'}", "`scheme` takes schemes in lower case and without `:`"),
    ("{scheme: []}", "`scheme` takes a text or a list of texts, such as [https]"),
    ("{email_domain: '@corp.example'}", "`email_domain` takes a domain in lower case"),
    ("{email_domain: Corp.example}", "`email_domain` takes a domain in lower case"),
    ("{email_domain: ana@corp.example}", "`email_domain` takes a domain in lower case"),
    ("{email_domain: '*'}", "`email_domain` takes a domain in lower case"),
    ("{sql: select}", "`sql` takes {only: [select], dialect: postgres}"),
    ("{sql: {only: []}}", "`sql` takes `only` with some of select, insert, update, delete, merge"),
    ("{sql: {only: [drop]}}", "`sql` takes `only` with some of select, insert, update, delete, merge"),
    ("{sql: {only: [select], dialect: db2000}}", "`sql` takes a `dialect` of sqlglot: "),
    ("{sql: {only: [select], functions: []}}", "`sql` takes `functions` as a list of names"),
    ("{sql: {only: [select], function: [f]}}", "`sql` takes {only: [select], dialect: postgres}"),
    ("{grounded: tool_output}", "`grounded` takes user_text, the one text that counts"),
    ("{no_new_links: true}", "`no_new_links` takes user_text, the one text that counts"),
    ("{matches: a, gt: 5}", "`matches`, `gt` speak about different types"),
]

SCHEMAS: list[tuple[str, str]] = [
    ("{propertys: {}}", "unknown keyword `propertys`; did you mean `properties`?"),
    ("{oneOf: [{}]}", "`oneOf` is not available in `args_schema`; write `anyOf`"),
    ("{if: {}}", "`if` is not available in `args_schema`; write `anyOf` with the cases"),
    ("{$schema: x}", "`$schema` is not available in `args_schema`; remove it"),
    ("{properties: {x: {formt: date}}}", "unknown keyword `formt`; did you mean `format`?"),
    ("{properties: {x: {format: postcode}}}", "unknown format; it is one of: date,"),
    ("{properties: {x: {pattern: '(?=a)'}}}", "`pattern` takes a regular expression; look-ahead"),
    ("{properties: {x: {pattern: 5}}}", "`pattern` takes a regular expression"),
    ("{patternProperties: {'(a)\\1': {}}}", "`pattern` takes a regular expression; back-references"),
    ("{properties: {x: {$ref: 'https://evil.example/s'}}}", "`$ref` stays within the schema"),
    ("{properties: {x: {$ref: '#/$defs/gone'}}}", "`args_schema` is no JSON Schema: "),
    (
        "{properties: {x: {minLength: 1, minimum: 1}}}",
        "these keywords speak about number and string; write `type`",
    ),
    ("{properties: {x: 5}}", "write a schema here"),
    ("{properties: {x: {type: text}}}", "`args_schema` is no JSON Schema: "),
    ("{properties: {x: {minLength: -1}}}", "`args_schema` is no JSON Schema: "),
    ("{allOf: [{properties: {x: {maxi: 1}}}]}", "unknown keyword `maxi`"),
]


def problem(rule: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        policy(f"  - id: r\n    effect: deny\n    tools: [a.b]\n    {rule}")
    (found,) = caught.value.problems
    return str(found)


@pytest.mark.parametrize(("matchers", "message"), WRONG)
def test_a_wrong_operand_is_told_with_its_line(matchers: str, message: str) -> None:
    assert problem(f"when: {{x: {matchers}}}").startswith(f"p.yaml:7: {message}")


@pytest.mark.parametrize(("schema", "message"), SCHEMAS)
def test_a_wrong_schema_is_told_with_its_line(schema: str, message: str) -> None:
    assert problem(f"args_schema: {schema}").startswith(f"p.yaml:7: {message}")


@pytest.mark.parametrize(
    ("matchers", "text"),
    [
        ("{matches: 'a+'}", 'x matches "a+"'),
        ("{under: [/srv/a, /srv/b]}", 'x is under ["/srv/a", "/srv/b"]'),
        ("{https_host: api.example.com}", 'x is an https URL on ["api.example.com"]'),
        (
            "{host: {hosts: [10.0.0.1], private: allow, ports: [8080]}}",
            'x is a URL on ["10.0.0.1"] (ports 8080) (private addresses too)',
        ),
        ("{email_domain: corp.example}", 'x is an e-mail address at "corp.example"'),
        ("{sql: {only: [select]}}", 'x is one SQL statement of ["select"]'),
        ("{grounded: user_text}", "x occurs in what the user wrote"),
        (
            "{no_new_links: user_text}",
            "x has no link, address or account number that the user did not write",
        ),
    ],
)
def test_predicates_read_as_sentences(matchers: str, text: str) -> None:
    made = policy(f"  - {{id: r, effect: deny, tools: [a.b], when: {{x: {matchers}}}}}")
    assert made.rules[0].match.predicates == (text,)


def test_a_matcher_knows_its_name_its_operand_and_its_parts() -> None:
    operand: dict[str, Any] = {
        "any_of": [{"eq": "EUR"}, {"gt": 1, "le": 5}],
        "none_of": [{"each": {"eq": 1}}],
    }
    made = policy(f"  - {{id: r, effect: deny, tools: [a.b], when: {{x: {json.dumps(operand)}}}}}")
    either, neither = made.rules[0].when[0].matchers
    assert (either.name, either.operand) == ("any_of", operand["any_of"])
    assert [[(part.name, part.operand) for part in group] for group in either.parts] == [
        [("eq", "EUR")],
        [("gt", 1), ("le", 5)],
    ]
    ((each,),) = neither.parts
    assert (each.name, each.operand, each.parts[0][0].name) == ("each", {"eq": 1}, "eq")


def run(code: str) -> str:
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return found.stdout


def test_parsers_are_loaded_only_by_policies_that_use_them() -> None:
    parsers = {"jsonschema_rs", "sqlglot", "ada_url", "email"}
    assert run(f"import sys, mcpbridge.policy; print({parsers} & {{*sys.modules}})") == "set()\n"


def test_without_sqlglot_a_policy_that_needs_it_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['sqlglot'] = None; sys.modules['sqlglot.dialects'] = None\n"
        "from mcpbridge.policy import load_policy\n"
        "rule = '{id: r, effect: deny, tools: [a.b], when: {x: {sql: {only: [select]}}}}'\n"
        "try: load_policy(f'version: 1\\ndefaults: {{decision: ask}}\\nrules: [{rule}]', file='p.yaml')\n"
        "except Exception as error: print(error)"
    )
    assert "`sql` needs the package sqlglot; install mcpbridge[sql]" in run(code)


HOSTILE = {
    "one letter": "a" * 200_000,
    "brackets": "<a" * 50_000,
    "at signs": "@" * 100_000,
    "dots": "a." * 50_000,
    "spaces": " " * 100_000,
    "words": "a b " * 25_000,
    "digits": "1" * 100_000,
    "groups": "12 " * 30_000,
    "percent": "%25" * 30_000,
    "entities": "&amp;" * 20_000,
    "slashes": "/" * 100_000,
    "nested SQL": "select " + "(" * 5_000,
    "surrogate": "\ud800",
    "invisible": "\u200b" * 50_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_decided_without_an_error(name: str) -> None:
    """A pattern that is not linear would take hours here."""
    matchers = [
        *(
            "{matches: '(a+)+b'}",
            "{under: /srv}",
            "{host: '*'}",
            "{scheme: https}",
            "{email_domain: a.example}",
        ),
        *("{sql: {only: [select]}}", "{grounded: user_text}", "{no_new_links: user_text}"),
    ]
    rules = "\n".join(
        f"  - {{id: r{number}, effect: deny, tools: [a.b], when: {{x: {one}}}}}"
        for number, one in enumerate(matchers)
    )
    made = load_policy(f"version: 1\ndefaults: {{decision: ask}}\nrules:\n{rules}\n", file="p.yaml")
    text = HOSTILE[name]
    for facts in (Facts(principal="a", user_texts=(text,)), Facts(principal="a", user_texts=("pay 5",))):
        for value in (text, text[:1500]):
            assert rule(call("a.b", {"x": value}), [made], facts).reason
