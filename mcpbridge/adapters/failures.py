"""What a failed request means: can something have been executed, and may it be sent again? (WIRE §6)"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import httpx2
import openai

from mcpbridge.core.raw import mapping
from mcpbridge.errors import ModelError, ModelUnavailable, OutcomeUnknown, ToolListUnavailable

Kind = Literal["never_sent", "limited", "refused", "uncertain"]
"""`never_sent`: the connection was never made. `limited`: 429. `refused`: a 4xx that no retry helps.
`uncertain`: anything else; the request may have been carried out."""

_NEVER_SENT: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
)
_UNCERTAIN_4XX: Final = frozenset({408, 409, 424, 425, 499})
_BEFORE_ANYTHING: Final = frozenset({401, 403, 404, 413, 415})
"""Authentication, routing and size are looked at before a request is acted on."""
_SERVER_IN_QUOTES: Final = re.compile(r"'([A-Za-z0-9-]{1,64})'")
_IN_HEADERS: Final = re.compile(r"(?i)\bauthorization\b.*\bheaders\b")
_FIELD_HINT: Final = " (for that server, write `authorization_in: field`)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed attempt."""

    kind: Kind
    message: str
    status_code: int | None = None
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None
    """Seconds the service asked for."""
    in_words: bool = False
    """Code and parameter were read out of a sentence: a gateway stands in between, and it may have called a
    server before the service behind it refused the request."""

    @property
    def executed_nothing(self) -> bool:
        """Whether the request provably had no effect, live approvals included. The two checks of the
        input's form (WIRE §4.1, §4.6) come before a model or a server is called; a context overflow,
        for one, may come after a tool has run."""
        return self.kind in ("never_sent", "limited") or (
            self.kind == "refused" and (self.status_code in _BEFORE_ANYTHING or self.checks_form)
        )

    @property
    def checks_form(self) -> bool:
        """The service refused a parameter or a ciphertext of ours."""
        told = self.refuses_include or self.code == "invalid_encrypted_content"
        return self.status_code == 400 and told and not self.in_words

    @property
    def refuses_include(self) -> bool:
        return self.status_code == 400 and (self.param or "").startswith("include")

    def repeatable(self, *, may_execute: bool) -> bool:
        """Whether sending the request again can do no harm and may help."""
        if self.kind == "limited":
            return self.code != "insufficient_quota"
        return self.kind == "never_sent" or (
            self.kind == "uncertain" and self.status_code != 424 and not may_execute
        )

    def error(self, *, may_execute: bool, labels: frozenset[str]) -> ModelError:
        """The typed error for the caller, once no retry is left."""
        if may_execute and not self.executed_nothing:
            return OutcomeUnknown(
                f"{self.message}; what was approved may have run, so the request is not repeated",
                status_code=self.status_code,
                code=self.code,
            )
        kind = ModelUnavailable if self.kind != "refused" else ModelError
        if self.status_code == 424:
            return self._tool_list(labels)
        return kind(self.message, status_code=self.status_code, code=self.code, param=self.param)

    def _tool_list(self, labels: frozenset[str]) -> ToolListUnavailable:
        label = self.server_label(labels)
        hint = f"; see `mcpbridge servers probe {label}`" if label else "; see `mcpbridge servers probe`"
        error = ToolListUnavailable(self.message + hint, status_code=424, code=self.code)
        error.server_label = label
        return error

    def server_label(self, labels: frozenset[str]) -> str | None:
        """The declared server that the message of a 424 names."""
        named = _SERVER_IN_QUOTES.findall(self.message)
        return next((label for label in named if label in labels), None)


def classify(error: openai.APIError, mask: Callable[[str], str]) -> Failure:
    """What an error of the openai client means, its text masked: our frames hold nothing else of it."""
    found = _meaning(error)
    return replace(
        found,
        message=mask(found.message),
        code=found.code and mask(found.code),
        param=found.param and mask(found.param),
    )


def _meaning(error: openai.APIError) -> Failure:
    if isinstance(error, openai.APIStatusError):
        return _status(error)
    if isinstance(error, openai.APIConnectionError):
        cause = error.__cause__
        name = type(cause).__name__ if cause is not None else "connection error"
        if isinstance(cause, _NEVER_SENT):
            return Failure(kind="never_sent", message=_unreached(error.request.url, f"{name}: {cause}"))
        what = "timed out" if isinstance(error, openai.APITimeoutError) else "broke off"
        return Failure(kind="uncertain", message=f"the request {what} ({name})")
    return Failure(
        kind="uncertain", message=f"the stream reported an error: {error.message}", code=error.code
    )


def _unreached(url: httpx2.URL, cause: str) -> str:
    here = url.host in ("localhost", "127.0.0.1", "::1")
    hint = "; is it running? (the local service: mcpbridge service)" if here else ""
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port} could not be reached ({cause}){hint}"


def _status(error: openai.APIStatusError) -> Failure:
    status, body = error.status_code, mapping(error.body)
    message = body.get("message")
    kind: Kind = "uncertain"
    if status == 429:
        kind = "limited"
    elif status < 500 and status not in _UNCERTAIN_4XX:
        kind = "refused"
    said = message if isinstance(message, str) else error.message
    code, param = _text(body, "code"), _text(body, "param")
    in_words = status == 400 and code is None and param is None
    if in_words:
        code, param = _said_in_words(said)
    hint = _FIELD_HINT if status == 400 and _IN_HEADERS.search(said) else ""
    return Failure(
        kind=kind,
        message=f"HTTP {status}: {said}{hint}",
        status_code=status,
        code=code,
        param=param,
        retry_after=_retry_after(error.response),
        in_words=in_words,
    )


def _said_in_words(message: str) -> tuple[str | None, str | None]:
    """Code and parameter of a 400 that came through a gateway which drops both (docs/endpoints.md)."""
    if "ncrypted content is not supported" in message:
        return None, "include"
    if "ncrypted content" in message and "could not be verified" in message:
        return "invalid_encrypted_content", None
    return None, None


def _text(body: Mapping[str, Any], key: str) -> str | None:
    value = body.get(key)
    return value if isinstance(value, str) else None


def _retry_after(response: httpx2.Response) -> float | None:
    """`retry-after-ms` or `retry-after` in seconds; dates are left to the backoff."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(response.headers[name]) * scale
        except (KeyError, ValueError):
            continue
        if 0 <= seconds <= 120:
            return seconds
    return None
