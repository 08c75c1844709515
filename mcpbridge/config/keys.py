"""Every key of a configuration and of a server declaration: the shape of its value, and what it means.

The readers refuse each key that is not in these tables; schema.py writes them for editors.
"""

from __future__ import annotations

from typing import Final, get_args

from mcpbridge.config.connection import Via
from mcpbridge.config.connection_keys import CONNECTION
from mcpbridge.config.declaration import IDENTIFIER, LABEL, LOCAL_LABEL, OnUnavailable
from mcpbridge.config.models import AuditLevel, Endpoint, LogFormat, LogLevel, Replayed, Summary, WhoIsAsked
from mcpbridge.config.oauth_keys import OAUTH
from mcpbridge.config.profiles import PROFILES
from mcpbridge.config.profiles_model import AuthorizationIn, McpResults
from mcpbridge.config.read_endpoint import RESOURCE
from mcpbridge.config.read_tools import UNGATED
from mcpbridge.config.shapes import (
    BASE_URL,
    DURATION,
    FILE,
    FLAG,
    HEADERS,
    SECRET,
    TEMPLATE,
    TEMPLATES,
    TEXT,
    URL,
    Key,
    Keys,
    Schema,
    absent,
    choice,
    count,
    given,
    listed,
    matching,
    one_of,
    or_empty,
    section,
    when,
)
from mcpbridge.config.size import SIZE
from mcpbridge.config.urls import PROXY

PROFILE: Final[Keys] = {
    "extends": Key(shape=choice(PROFILES), meaning="A shipped profile that this mapping stands over."),
    "hosted_mcp": Key(shape=FLAG, meaning="The endpoint connects to MCP servers itself."),
    "approvals_honoured": Key(shape=FLAG, meaning="`require_approval: always` really asks before each call."),
    "authorization_in": Key(
        shape=choice(get_args(AuthorizationIn)), meaning="Where the endpoint wants a server's credential."
    ),
    "mcp_results": Key(shape=choice(get_args(McpResults)), meaning="How finished hosted calls are replayed."),
    "encrypted_reasoning": Key(shape=FLAG, meaning="The endpoint returns encrypted reasoning."),
    "allowed_callers": Key(shape=FLAG, meaning="The endpoint understands `allowed_callers`."),
}

REASONING: Final[Keys] = {
    # Efforts differ from model to model and grow in number, so that word is the endpoint's to refuse.
    "effort": Key(shape=TEXT, meaning="How much the model reasons; the words are the model's."),
    "summary": Key(shape=choice(get_args(Summary)), meaning="How the reasoning is summarised."),
}

NAMED_ENDPOINTS: Final = tuple(word for word in get_args(Endpoint) if word != "url")

MODEL: Final[Keys] = {
    "name": Key(shape=TEXT, meaning="The model; on Azure the deployment.", required=True),
    "endpoint": Key(
        shape=one_of(choice(NAMED_ENDPOINTS), BASE_URL),
        meaning="openai, azure, local (mcpbridge's own service), or a base URL.",
        required=True,
    ),
    "profile": Key(
        shape=one_of(choice(PROFILES), FILE, section(PROFILE)),
        meaning="What the endpoint can do; required for a base URL.",
    ),
    "api_key": Key(shape=SECRET, meaning="A reference such as ${env:NAME}; a base URL has no default."),
    "resource": Key(
        shape=one_of(matching(RESOURCE.pattern), BASE_URL),
        meaning="Azure only: the resource's name, or its URL. Default: AZURE_OPENAI_ENDPOINT.",
    ),
    "url": Key(
        shape=BASE_URL, meaning="local only. Default: MCPBRIDGE_LOCAL_URL, else http://127.0.0.1:8788/v1."
    ),
    "allow_http": Key(shape=FLAG, meaning="http to hosts other than this machine."),
    "headers": Key(shape=HEADERS, meaning="Sent with every request; credentials as references."),
    "query": Key(shape=TEMPLATES, meaning="Sent with every request; credentials as references."),
    "proxy": Key(
        shape={**TEMPLATE, "allOf": [{"pattern": rf"^(\$|{PROXY.pattern})"}]},
        meaning="http://, https:// or socks5://. Default: the environment's.",
    ),
    "ca_file": Key(shape=TEXT, meaning="A PEM file. Default: the system's."),
    "timeout": Key(
        shape=DURATION,
        meaning="Between two events of a stream; three times that for a whole answer. Default: 10m.",
    ),
    "retries": Key(
        shape=count(0), meaning="Of requests by which nothing can have been executed. Default: 4."
    ),
    "stream": Key(shape=FLAG, meaning="Default: by use."),
    "instructions": Key(shape=TEXT, meaning="What the model is told before everything else."),
    "reasoning": Key(shape=section(REASONING), meaning="Default: the model's."),
    "max_output_tokens": Key(shape=count(), meaning="Default: the model's."),
}

DECLARATION: Final[Keys] = {
    "label": Key(
        shape={**matching(LABEL.pattern), "not": {"const": LOCAL_LABEL}},
        meaning="1 to 64 letters, digits and -; unique; not local.",
    ),
    "url": Key(
        shape=URL,
        meaning="https; http to this machine only, or with allow_http. No user, no fragment, no credential.",
    ),
    "connector_id": Key(shape=matching(IDENTIFIER.pattern), meaning="A connector, instead of url."),
    "tunnel_id": Key(shape=matching(IDENTIFIER.pattern), meaning="A tunnel, instead of url."),
    "headers": Key(shape=HEADERS, meaning='Sent to the server: {Authorization: "Bearer ${env:NAME}"}.'),
    "authorization": Key(
        shape=SECRET,
        meaning="An access token as a reference, without Bearer; not beside an Authorization header.",
    ),
    "authorization_in": Key(
        shape=choice(get_args(AuthorizationIn)),
        meaning="Where the credential travels. Default: the profile's.",
    ),
    "allowed_tools": Key(
        shape={**listed(TEXT, minimum=1), "uniqueItems": True},
        meaning="Names of tools; no others can be called. Default: all.",
    ),
    "description": Key(shape=TEXT, meaning="For the model."),
    "defer_loading": Key(shape=FLAG, meaning="The tools are loaded when the model searches for them."),
    "observe": Key(shape=FLAG, meaning="Calls run WITHOUT ASKING and are marked as observed."),
    "trust_annotations": Key(
        shape=FLAG,
        meaning="Rules with `annotations:` may believe what the server says about its tools.",
    ),
    "on_unavailable": Key(
        shape=choice(get_args(OnUnavailable)),
        meaning="Stop, or continue without the server, when the provider cannot list its tools.",
    ),
    "via": Key(
        shape=choice(get_args(Via)),
        meaning="hosted: the provider connects to the server; bridge: mcpbridge does; auto: the provider "
        "where its endpoint honours approvals, else mcpbridge. Default: hosted.",
    ),
    "command": Key(
        shape=listed(TEXT, minimum=1),
        meaning="via: bridge only: a program and its arguments, instead of url. Credentials go into env.",
    ),
    **CONNECTION,
    "oauth": Key(
        shape=section(OAUTH), meaning="mcpbridge gets the server's access token itself (OAuth 2.1)."
    ),
    "allow_http": Key(shape=FLAG, meaning="http to hosts other than this machine."),
    "source": Key(shape=TEXT, meaning="Where the declaration was read."),
    "checked": Key(shape=TEXT, meaning="When it was read there."),
}

SERVER: Final[Keys] = {
    "use": Key(
        shape=TEXT,
        meaning="A declaration shipped with mcpbridge, or a file (with / or .yaml); the keys beside it "
        "replace those of the declaration, each whole.",
    ),
    **DECLARATION,
}

APPROVALS: Final[Keys] = {
    "ask": Key(shape=choice(get_args(WhoIsAsked)), meaning="Who is asked; deny: nobody."),
    "timeout": Key(shape=DURATION, meaning="Then the answer is no; a policy's own wins. Default: 15m."),
}

AUDIT_SECRET: Final[Keys] = {
    "tool": Key(shape=matching(r".*[.*].*"), meaning="label.tool or a glob.", required=True),
    "fields": Key(
        shape=listed(TEXT, minimum=1),
        meaning="Names of arguments: pin at any depth, card.number from the top, * for any name.",
        required=True,
    ),
}

AUDIT_KEYS: Final[Keys] = {
    "signing": Key(shape=SECRET, meaning="A reference to the key that signs checkpoints."),
    "hmac": Key(shape=SECRET, meaning="A reference to the key that hides values: 64 hex digits, or base64."),
}

AUDIT_ANCHOR: Final[Keys] = {
    "file": Key(shape=TEXT, meaning="A second file, best where this account can only append to it."),
    "syslog": Key(
        shape=matching(r"local|(udp|tcp)://.+|/.+"),
        meaning="local, udp://host:514, tcp://host:514, or a path.",
    ),
    "stderr": Key(shape={"enum": [True]}, meaning="true: standard error, for whoever collects it."),
    "witness": Key(shape=BASE_URL, meaning="An HTTP witness (c2sp.org/tlog-witness); needs key."),
    "timestamps": Key(shape=URL, meaning="An RFC 3161 authority; needs roots, and the extra timestamps."),
    "key": Key(shape=TEXT, meaning="The witness's public key, NAME+ID+BASE64."),
    "roots": Key(shape=TEXT, meaning="A PEM file with the certificates that the authority's leads to."),
    "every": Key(shape=DURATION, meaning="Between two checkpoints there. Default: by kind."),
}
ANCHOR_KINDS: Final = ("file", "syslog", "stderr", "witness", "timestamps")
_ANCHOR: Final[Schema] = {
    **section(AUDIT_ANCHOR),
    "oneOf": [given(kind) for kind in ANCHOR_KINDS],
    "allOf": [
        {"if": given("witness"), "then": given("key"), "else": absent("key")},
        {"if": given("timestamps"), "then": given("roots"), "else": absent("roots")},
    ],
}
"""One kind each."""

RECIPIENT: Final[Schema] = {"type": "string", "pattern": "^(age1|ssh-ed25519 |ssh-rsa )"}

AUDIT: Final[Keys] = {
    "path": Key(shape=TEXT, meaning="The log's folder. Default: audit/."),
    "levels": Key(
        shape={
            "type": "object",
            "propertyNames": {"pattern": "[.*]"},
            "additionalProperties": or_empty(choice(get_args(AuditLevel))),
        },
        meaning="label.tool or a glob → how much is kept; the first that fits counts. Default: arguments.",
    ),
    "allow_full": Key(
        shape=FLAG, meaning="A level may be full: whole results of tools are kept. Default: false."
    ),
    "secrets": Key(
        shape=listed(section(AUDIT_SECRET)), meaning="Fields of arguments that are never kept in clear."
    ),
    "recipients": Key(
        shape=listed(RECIPIENT, minimum=1),
        meaning="Public keys, age1… or ssh-…, of those who may read what is sealed.",
    ),
    "retention": Key(
        shape=DURATION,
        meaning="`mcpbridge audit retain` removes closed segments older than this. Default: never.",
    ),
    "rotate": Key(
        shape=matching(SIZE.pattern),
        meaning="A segment of this size is closed and a new one begun. Default: 256MiB.",
    ),
    "keys": Key(shape=section(AUDIT_KEYS), meaning="Keys that are kept elsewhere than beside the log."),
    "anchors": Key(shape=listed(_ANCHOR), meaning="Where checkpoints are taken to, so that a cut shows."),
}

REPLAY: Final[Keys] = {
    "mcp_results": Key(
        shape=choice(get_args(Replayed)),
        meaning="How finished hosted calls go back to the model; auto follows the profile.",
    )
}

LIMITS: Final[Keys] = {
    "max_rounds": Key(shape=count(), meaning="Model rounds in one turn. Default: 20."),
    "max_parallel_tools": Key(shape=count(), meaning="Python functions at the same time. Default: 8."),
    "tool_timeout": Key(shape=DURATION, meaning="For one call of a Python function. Default: 60s."),
    "repeated_requests": Key(
        shape=count(), meaning="Times a denied call may be asked for again. Default: 3."
    ),
}

LOGGING: Final[Keys] = {
    "format": Key(shape=choice(get_args(LogFormat)), meaning="Diagnostics on standard error."),
    "level": Key(shape=choice(get_args(LogLevel)), meaning="From here on upwards. Default: warning."),
}

_MODEL: Final[Schema] = {
    **section(MODEL),
    "allOf": [
        when("endpoint", {"type": "string", "pattern": "://"}, given("profile")),
        when("endpoint", {"const": "azure"}, {}, absent("resource")),
        when("endpoint", {"const": "local"}, {}, absent("url")),
    ],
}


def _some_level(word: str) -> Schema:
    """Levels of which one at least is `word`."""
    return {"type": "object", "not": {"additionalProperties": {"not": {"const": word}}}}


_AUDIT: Final[Schema] = {
    **section(AUDIT),
    "allOf": [
        when(
            "levels",
            _some_level("full"),
            {"required": ["allow_full"], "properties": {"allow_full": {"const": True}}},
        ),
        when("levels", _some_level("sealed"), given("recipients")),
        when(
            "recipients",
            {"type": "array"},
            {"required": ["levels"], "properties": {"levels": _some_level("sealed")}},
        ),
    ],
}
"""What is full is allowed, and what is sealed can be opened by somebody."""

WHOLE: Final[Schema] = {
    **given("label"),
    "oneOf": [given("url"), given("command"), given("connector_id"), given("tunnel_id")],
}
"""A declaration that stands alone: its label and one address."""
_SERVER: Final[Schema] = {**section(SERVER), **when("use", {"type": "string"}, {}, WHOLE)}

_HOSTED_TOOL: Final[Schema] = {
    "type": "object",
    "properties": {"type": choice(sorted(UNGATED)), "execution": {"not": {"const": "client"}}},
    "required": ["type"],
}

TOP: Final[Keys] = {
    "model": Key(shape=_MODEL, meaning="Which model, where, and how to reach it.", required=True),
    "servers": Key(
        shape=listed(_SERVER),
        meaning="MCP servers: full declarations, or `use: NAME` with keys that replace its own.",
    ),
    "policy": Key(
        shape=one_of(TEXT, listed(TEXT, minimum=1)),
        meaning="A name that is shipped, a file (with / or .yaml), or a list: the strictest ruling wins.",
        required=True,
    ),
    "policy_reload": Key(shape=FLAG, meaning="Running processes follow the policy files. Default: true."),
    "approvals": Key(shape=section(APPROVALS), meaning="Who is asked, and for how long."),
    "audit": Key(shape=_AUDIT, meaning="Where the log is kept, and how much of the calls."),
    "replay": Key(shape=section(REPLAY), meaning="How finished hosted calls go back to the model."),
    "limits": Key(shape=section(LIMITS), meaning="Where a run ends by itself."),
    "hosted_tools": Key(
        shape=listed(_HOSTED_TOOL),
        meaning="Built-in tools as the API wants them; they run at the provider and never ask.",
    ),
    "accept_ungated": Key(
        shape=listed(choice(sorted(UNGATED))),
        meaning="Types of built-in tools that may run; they never ask, so each is accepted by name.",
    ),
    "principal": Key(shape=TEXT, meaning="On whose behalf a run acts when the caller does not say."),
    "groups": Key(
        shape={"type": "object", "additionalProperties": or_empty(listed(TEXT))},
        meaning="Name → list of principals, for `who:` in policies.",
    ),
    "logging": Key(shape=section(LOGGING), meaning="Diagnostics on standard error."),
}
