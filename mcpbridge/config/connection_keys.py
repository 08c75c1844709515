"""The keys of a server's declaration that are about how mcpbridge itself connects to it."""

from __future__ import annotations

from typing import Final, get_args

from mcpbridge.config.connection import HOST, VARIABLE, Protocol, Transport, WhoAnswers, WhoSamples
from mcpbridge.config.shapes import DURATION, TEMPLATES, TEXT, Key, Keys, choice, count, listed, matching
from mcpbridge.core.offered import Offer

CONNECTION: Final[Keys] = {
    "env": Key(
        shape={**TEMPLATES, "propertyNames": {"pattern": f"^{VARIABLE.pattern}$"}},
        meaning="For a command: variables of its process; credentials as references.",
    ),
    "cwd": Key(shape=TEXT, meaning="For a command: its folder. Default: that of this file."),
    "transport": Key(
        shape=choice(get_args(Transport)),
        meaning="For a url of a bridged server. Default: streamable-http.",
    ),
    "protocol": Key(
        shape=choice(get_args(Protocol)),
        meaning="legacy: up to 2025-11-25; auto (the default) asks the bridged server.",
    ),
    "connect_timeout": Key(shape=DURATION, meaning="Until a bridged server lists its tools. Default: 30s."),
    "call_timeout": Key(
        shape=DURATION, meaning="For one call of a bridged tool. Default: limits.tool_timeout."
    ),
    "max_tools": Key(
        shape=count(), meaning="Of a bridged server that lists more, nothing is offered. Default: 128."
    ),
    "max_result": Key(
        shape=count(), meaning="Bytes of a bridged tool's result; the rest is cut. Default: 262144."
    ),
    "idempotent": Key(
        shape={**listed(TEXT), "uniqueItems": True},
        meaning="Bridged tools whose call of unknown outcome may simply be made again.",
    ),
    "allow_private": Key(
        shape=listed(matching(HOST.pattern)),
        meaning="Hosts that may resolve to a private address, for a bridged server.",
    ),
    "elicitation": Key(
        shape=choice(get_args(WhoAnswers)),
        meaning="What a bridged server asks for during a call is put to a person (ask), or refused.",
    ),
    "offer": Key(
        shape={**listed(choice(get_args(Offer))), "uniqueItems": True},
        meaning="What the model may read of a bridged server through functions of ours, such as "
        "`LABEL__read_resource`. Default: nothing.",
    ),
    "roots": Key(
        shape=listed(TEXT),
        meaning="Folders and files that a bridged server is told it may work in. Default: it may not ask.",
    ),
    "sampling": Key(
        shape=choice(get_args(WhoSamples)),
        meaning="A bridged server that wants words of the model: refuse (the default), ask a person, or "
        "review: ask, and show the model's words before the server gets them.",
    ),
    "sampling_max_tokens": Key(
        shape=count(), meaning="Of the model's words for a server; it gets no more. Default: 1024."
    ),
    "sampling_max_requests": Key(
        shape=count(), meaning="Wishes for words of the model in one call. Default: 3."
    ),
}
