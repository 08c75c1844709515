"""The keys of `oauth:` in a server's declaration."""

from __future__ import annotations

from typing import Final, get_args

from mcpbridge.config.oauth import GrantType, KeyAlgorithm, TokenStore
from mcpbridge.config.shapes import TEMPLATE, TEXT, Key, Keys, choice, count, listed

OAUTH: Final[Keys] = {
    "grant": Key(
        shape=choice(get_args(GrantType)),
        meaning="authorization_code: a person logs in (`mcpbridge servers login`); client_credentials: "
        "mcpbridge proves who it is. Default: authorization_code.",
    ),
    "client_id": Key(shape=TEXT, meaning="Default: mcpbridge registers itself at a login."),
    "client_secret": Key(shape=TEMPLATE, meaning="A reference, such as ${env:NAME}."),
    "private_key": Key(
        shape=TEMPLATE, meaning="PEM, for client_credentials instead of a secret: a reference, ${file:NAME}."
    ),
    "algorithm": Key(shape=choice(get_args(KeyAlgorithm)), meaning="Of the private key. Default: ES256."),
    "scopes": Key(
        shape=listed(TEXT),
        meaning="What is asked for. Default: at a login what the server names; for "
        "client_credentials nothing, so that the authorization server decides.",
    ),
    "step_up": Key(
        shape=listed(TEXT),
        meaning="For client_credentials: what is asked for too when the server wants more rights. No other "
        "scope that it names is ever asked for.",
    ),
    "issuer": Key(
        shape=TEXT,
        meaning="The authorization server's URL; tokens are asked of no other. client_credentials needs it.",
    ),
    "redirect_port": Key(shape=count(0), meaning="Of 127.0.0.1, at a login. Default: any."),
    "store": Key(
        shape=choice(get_args(TokenStore)),
        meaning="Where the tokens of a login are kept: keyring, or an encrypted file. Default: auto.",
    ),
}
