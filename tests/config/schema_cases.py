"""Configurations that load, and mistakes, for the comparison of schema and loader."""

from __future__ import annotations

from typing import Final

BASE = "model: {name: m, endpoint: openai}\npolicy: ask-before-write\n"
SERVER = "servers:\n  - {label: docs, url: 'https://d.example/mcp'"

FULL: Final[tuple[str, ...]] = (
    """\
model:
  name: gpt-5.6
  endpoint: openai
  api_key: ${env:KEY}
  headers: {X-Team: a, X-Key: "a ${file:~/key} $${ $x"}
  query: {api-version: v1}
  proxy: http://user:${env:PASSWORD}@proxy.example
  instructions: Be brief.
  reasoning: {effort: low, summary: auto}
  max_output_tokens: 2000
  stream: true
  timeout: 1h30m
  retries: 0
  allow_http: false
servers:
  - use: deepwiki
    allowed_tools: [ask_question]
  - label: docs
    url: https://docs.example.com/mcp
    description: Documents
    headers: {Authorization: "Bearer ${env:DOCS_TOKEN}"}
    authorization_in: header
    allowed_tools: [search, read]
    on_unavailable: continue
    defer_loading: true
    observe: false
    trust_annotations: true
    via: hosted
    source: https://docs.example.com
    checked: 2026-11-21
  - {label: mail, connector_id: connector_gmail, authorization: "${keyring:mail/ana}"}
  - {label: inside, tunnel_id: tunnel-1}
policy: [ask-before-write, read-only]
policy_reload: false
approvals: {ask: deny, timeout: 0.5h}
audit:
  path: log
  levels: {docs.search: metadata, "docs.*": none, "mail.*": sealed, "inside.*": full}
  allow_full: true
  secrets: [{tool: "docs.*", fields: [pin, card.number]}, {tool: "*", fields: ["*_iban"]}]
  recipients: [age1jm7ju5kvsx79p7wgr2zvpurdqwcafqz297k4qts5u2djclth6ghs5hw2hw]
  retention: 400d
  rotate: 256MiB
  keys: {signing: "${keyring:mcpbridge/signing}", hmac: "${env:HMAC}"}
  anchors:
    - {file: heads.jsonl, every: 1m}
    - {syslog: local}
    - {stderr: true}
    - witness: https://witness.example
      key: witness.example+e03ff21e+AaswBJVzwPXvBmrpXXLY7qyHQ3VueJ+Bd9FdCTv4XZS1
    - {timestamps: 'http://tsa.example', roots: tsa.pem, every: 1h}
replay: {mcp_results: native}
limits: {max_rounds: 3, max_parallel_tools: 1, tool_timeout: 500ms, repeated_requests: 1}
accept_ungated: [web_search]
hosted_tools: [{type: web_search, search_context_size: low}]
principal: ci-bot
groups: {robots: [ci-bot], nobody: []}
logging: {format: json, level: debug}
""",
    """\
model:
  name: m
  endpoint: http://127.0.0.1:1/v1
  profile: {extends: openai, hosted_mcp: false, approvals_honoured: false, authorization_in: field,
    mcp_results: native, encrypted_reasoning: false, allowed_callers: false}
policy: read-only
""",
    "model: {name: m, endpoint: azure, resource: my-resource, profile: azure}\npolicy: read-only\n",
    "model: {name: m, endpoint: local, url: 'http://127.0.0.1:1/v1'}\npolicy: read-only\n",
)

EMPTY: Final = "\n".join(
    [
        "model: {name: m, endpoint: local, headers: , profile: , timeout: , stream: , reasoning: {effort: }}",
        "policy: read-only",
        "servers: [{label: a, url: 'https://a.example', connector_id: , use: , allowed_tools: , via: }]",
        "approvals: {ask: }",
        "audit: {levels: {a.*: }}",
        "groups: {a: }",
        *("limits: ", "hosted_tools: ", "accept_ungated: ", "policy_reload: ", "logging: "),
    ]
)

MISTAKES: Final = (
    "policy: read-only",
    "model: {name: m, endpoint: openai}",
    "model: \npolicy: read-only",
    "model: {name: m, endpoint: openai}\npolicy: []",
    "model: {name: m, endpoint: openai}\npolicy: {file: p.yaml}",
    *[
        f"model: {{{model}}}\npolicy: read-only"
        for model in [
            *("endpoint: openai", "name: m", "name: ' ', endpoint: openai", "name: 5, endpoint: openai"),
            *("name: m, endpoint: opnai", "name: m, endpoint: 'ftp://a.example'"),
            "name: m, endpoint: 'https://a.example/v1'",
            "name: m, endpoint: 'https://a.example/v1?key=x', profile: openai",
            "name: m, endpoint: 'https://ana@a.example/v1', profile: openai",
        ]
    ],
    *[
        BASE.replace("openai}", f"openai, {more}}}")
        for more in [
            *("profile: opnai", "profile: {hosted: true}", "profile: {hosted_mcp: 'yes'}", "resource: r"),
            *("url: 'http://127.0.0.1:1'", "api_key: sk-123", "api_key: '${KEY}'", "api_key: '${env:A-B}'"),
            *("api_key: '$${env:KEY}'", "headers: []", "headers: {'a b': c}", "headers: {a: 5}"),
            *("headers: {a: }", "headers: {a: '${env:A'}", "query: {v: '${vault:x}'}", "proxy: a.example"),
            *("timeout: 60", "timeout: 0s", "timeout: 5 m", "timeout: 1w", "retries: -1", "retries: 1.5"),
            *("stream: 'true'", "reasoning: {summary: long}", "reasoning: high", "max_output_tokens: 0"),
            *("temperature: 0", "instructions: ''"),
        ]
    ],
    *[
        BASE + section
        for section in [
            *("server: []", "servers: {}", "servers: [docs]", "servers: [{}]", "servers: [{label: docs}]"),
            "servers: [{url: 'https://d.example'}]",
            *("policy_reload: 'no'", "approvals: terminal", "approvals: {ask: inbox}", "approvals: {who: x}"),
            *("approvals: {timeout: 900}", "audit: log", "audit: {levels: {docs: none}}", "audit: {dir: x}"),
            *("audit: {levels: {'*': full}}", "replay: {mcp_results: pair}", "limits: {max_rounds: 0}"),
            *("audit: {levels: {'*': sealed}}", "audit: {recipients: [age1x]}", "audit: {retention: 400}"),
            *("audit: {secrets: [pin]}", "audit: {secrets: [{tool: 'a.*'}]}", "audit: {rotate: 256MB}"),
            *("audit: {secrets: [{tool: a, fields: [b]}]}", "audit: {secrets: [{fields: [b]}]}"),
            *(
                "audit: {secrets: [{tool: a.b, fields: []}]}",
                "audit: {allow_full: 'yes'}",
                "audit: {rotate: 5}",
            ),
            "audit: {levels: {'*': sealed}, recipients: [mallory]}",
            *("audit: {keys: {signing: PRIVATE+KEY+x}}", "audit: {keys: {state: '${env:A}'}}"),
            *(
                "audit: {anchors: [heads.jsonl]}",
                "audit: {anchors: [{}]}",
                "audit: {anchors: [{stderr: no}]}",
            ),
            *("audit: {anchors: [{syslog: logs}]}", "audit: {anchors: [{witness: 'https://w.example'}]}"),
            *("audit: {anchors: [{file: a, stderr: true}]}", "audit: {anchors: [{file: a, key: b}]}"),
            "audit: {anchors: [{timestamps: 'https://t.example'}]}",
            *("limits: {tool_timeout: 60}", "limits: {rounds: 5}", "accept_ungated: [mcp]"),
            *("accept_ungated: web_search", "hosted_tools: [web_search]", "hosted_tools: [{name: x}]"),
            "accept_ungated: [web_search]\nhosted_tools: [{type: web_search, execution: client}]",
            *("hosted_tools: [{type: shell}]", "principal: 5", "groups: [a]", "groups: {a: b}"),
            *("groups: {a: [5]}", "logging: {level: loud}", "logging: {file: x}"),
        ]
    ],
    *[
        f"{BASE}{SERVER}, {more}}}"
        for more in [
            *("connector_id: c", "command: npx", "via: bridged", "headers: {Authorization: }", "observe: 1"),
            *("authorization: abc", "authorization_in: body", "allowed_tools: []", "allowed_tools: a"),
            *("allowed_tools: [a, a]", "allowed_tools: [5]", "on_unavailable: skip", "lable: x"),
            *("trust_annotations: all", "checked: ''"),
        ]
    ],
    *[
        f"{BASE}servers: [{{label: {label}, url: '{url}'}}]"
        for label, url in [
            *(("local", "https://d.example"), ("a_b", "https://d.example"), ("''", "https://d.example")),
            *(("docs", "d.example"), ("docs", "https://"), ("docs", "https://a@d.example/mcp")),
            *(("docs", "https://d.example/${env:X}"), ("docs", "https://d.example/a b")),
        ]
    ],
)
