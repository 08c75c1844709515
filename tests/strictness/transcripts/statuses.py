"""Statuses of responses and items, and failures that are reported."""

from __future__ import annotations

from typing import Any, Final

from tests.strictness.transcript import (
    MISSING,
    Transcript,
    adds,
    asks,
    called,
    notes,
    says,
    talk,
    text,
    thinks,
)

_FAILED: Final[dict[str, Any]] = {
    "a protocol error": {"type": "mcp_protocol_error", "code": -32602, "message": "no such file"},
    "an execution error": {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": "no"}]},
    "an HTTP error": {"type": "http_error", "code": 502, "message": "bad gateway"},
    "an error in plain text": "no such file",
    "an empty error": "",
    "an error that is an empty object": {},
    "an error that is a list": ["no"],
    "an error that is false": False,
}


def _response(status: Any) -> Transcript:
    name = "missing" if status is MISSING else repr(status)
    return talk(
        f"a function and a request in a response whose status is {name}", says(adds(), asks(), status=status)
    )


def _call(status: Any) -> Transcript:
    return talk(f"a call whose status is {status!r}", says(asks()), says(called(status=status), notes("x")))


STATUSES: Final = (
    *map(
        _response,
        (
            "failed",
            "incomplete",
            "cancelled",
            "in_progress",
            "queued",
            MISSING,
            None,
            "",
            "COMPLETED",
            "done",
            True,
            ["completed"],
        ),
    ),
    talk(
        "a response that failed, with its error",
        says(adds(), status="failed", error={"code": "server_error", "message": "no"}),
    ),
    talk(
        "a response that is incomplete, with its reason",
        says(adds(), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
    ),
    talk("a response that failed after an approval", says(asks()), says(called(), status="failed")),
    talk(
        "a response that is cancelled after an approval",
        says(asks()),
        says(called(), text(), status="cancelled"),
    ),
    *map(_call, ("incomplete", "in_progress", "calling", "queued", "cancelled", "unknown", "", 7)),
    talk("a call that is completed, in words", says(asks()), says(called(status="completed"), text())),
    talk("a call whose status is null", says(asks()), says(called(status=None), text())),
    talk(
        "a call that failed, by its status alone",
        says(asks()),
        says(called(status="failed", output=None), adds()),
        says(text()),
        goes_on="reported-failure",
    ),
    *(
        talk(
            f"a call that reports {name}",
            says(asks()),
            says(called(error=error, output=None), adds()),
            says(text()),
            goes_on="reported-failure",
        )
        for name, error in _FAILED.items()
    ),
    talk(
        "a call that reports an error and a result",
        says(asks()),
        says(called(error="half", output="half"), adds()),
        says(text()),
        goes_on="reported-failure",
    ),
    *(
        talk(f"a function call whose status is {status!r}", says(adds(status=status), notes("x")))
        for status in ("incomplete", "in_progress", "failed", "queued", "", 7)
    ),
    talk("a function call that is completed, in words", says(adds(status="completed")), says(text())),
    *(
        talk(f"a request whose status is {status!r}", says(asks(status=status), notes("x")))
        for status in ("incomplete", "failed", "in_progress")
    ),
    talk("a request with an error", says(asks(error="no"), notes("x"))),
    *(
        talk(f"a message whose status is {status!r}", says(text(status=status), notes("x")))
        for status in ("incomplete", "in_progress", "failed")
    ),
    talk(
        "a message without a status",
        says(text(status=MISSING), notes("x")),
        says(text()),
        goes_on="lenient-message",
    ),
    *(
        talk(
            f"reasoning whose status is {status!r}",
            says(thinks(status=status), notes("x")),
            says(text()),
            stops="unfinished-reasoning",
        )
        for status in ("incomplete", "in_progress")
    ),
    talk("reasoning whose status is 'failed'", says(thinks(status="failed"), notes("x"))),
    talk(
        "a function that fails",
        says({"type": "function_call", "call_id": "call_f", "name": "fail", "arguments": "{}"}),
        says(notes("after it")),
        says(text()),
        goes_on="failing-function",
    ),
    talk(
        "a built-in tool that failed",
        says(
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "failed",
                "action": {"type": "search", "query": "q"},
            },
            adds(),
        ),
        says(text()),
        goes_on="reported-failure",
    ),
    talk(
        "a built-in tool that is still searching",
        says(
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "searching",
                "action": {"type": "search", "query": "q"},
            },
            adds(),
        ),
    ),
)
