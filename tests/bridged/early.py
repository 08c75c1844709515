"""An MCP server as a small program that asks for things as soon as it may, outside any call.

Called as `python early.py METHOD …`: asks each once it is initialised, and remembers what it is answered. Its
tool `said` returns that; its tool `roots` asks for the roots in the middle of the call.
"""

from __future__ import annotations

import json
import sys
from typing import Any

PARAMS: dict[str, Any] = {
    "sampling/createMessage": {
        "messages": [{"role": "user", "content": {"type": "text", "text": "hi"}}],
        "maxTokens": 10,
    },
    "elicitation/create": {
        "message": "Your password?",
        "requestedSchema": {"type": "object", "properties": {}},
    },
    "roots/list": {},
}
ABOUT: dict[str, Any] = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "early", "version": "1"},
}
answers: list[Any] = []
later: list[dict[str, Any]] = []
"""What came while it waited for an answer."""


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(request: dict[str, Any], result: dict[str, Any]) -> None:
    send({"id": request["id"], "result": result})


def ask(number: int, method: str) -> None:
    send({"id": f"q{number}", "method": method, "params": PARAMS[method]})
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("id") == f"q{number}":
            answers.append(message.get("result") or message["error"])
            return
        later.append(message)


def take(request: dict[str, Any]) -> None:
    match request.get("method"):
        case "initialize":
            answers.append(sorted(request["params"]["capabilities"]))
            answer(request, ABOUT)
        case "notifications/initialized":
            for number, method in enumerate(sys.argv[1:]):
                ask(number, method)
        case "tools/list":
            answer(
                request,
                {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in ("said", "roots")]},
            )
        case "tools/call":
            if request["params"]["name"] == "roots":
                ask(99, "roots/list")
            answer(request, {"content": [{"type": "text", "text": json.dumps(answers)}]})
        case _ if "id" in request:
            send({"id": request["id"], "error": {"code": -32601, "message": "not known"}})
        case _:
            pass


if __name__ == "__main__":
    for each in sys.stdin:
        take(json.loads(each))
        while later:
            take(later.pop(0))
