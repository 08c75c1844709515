"""An MCP server as a small program without the SDK: it starts at once and misbehaves as it is told.

Called as `python program.py [--mute] [--modern] [--many] …`; each tool does what its name says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

FLAGS = sys.argv[1:]
TOOLS = [
    "echo", "die", "slow", "huge", "late-huge", "noise", "twice", "child", "environment", "progress", "ask",
    "refuse", "change", "promise", "nothing",
]  # fmt: skip
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
changed = 0


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(request: dict[str, Any], result: dict[str, Any]) -> None:
    modern = {"resultType": "complete"} if "--modern" in FLAGS else {}
    send({"id": request["id"], "result": modern | result})


def text(request: dict[str, Any], words: str, **more: Any) -> None:
    answer(request, {"content": [{"type": "text", "text": words}], **more})


def definitions() -> list[dict[str, Any]]:
    tools: list[dict[str, Any]] = [
        {"name": name, "inputSchema": {"type": "object"}, "description": f"{name} {changed}"}
        for name in TOOLS
    ]
    tools[TOOLS.index("promise")]["outputSchema"] = NUMBER
    if "--typed" in FLAGS:
        typed = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
        tools[TOOLS.index("echo")]["inputSchema"] = typed
    if "--many" in FLAGS:
        tools += [{"name": f"extra-{n}", "inputSchema": {"type": "object"}} for n in range(20 - len(tools))]
    if "--names" in FLAGS:
        for name in ("evil\x1b[2Jname", "same", "same", "", "x" * 300):
            tools.append({"name": name, "inputSchema": {"type": "object"}})
    return tools


def listed(request: dict[str, Any]) -> None:
    if "--pages" in FLAGS:
        page = int(request.get("params", {}).get("cursor") or 0)
        answer(request, {"tools": [], "nextCursor": str(page + 1)})
    elif "--circle" in FLAGS:
        answer(request, {"tools": [], "nextCursor": "again"})
    else:
        answer(request, {"tools": definitions(), "ttlMs": 0, "cacheScope": "private"})


def call(request: dict[str, Any]) -> None:  # noqa: C901 # one line a tool
    global changed
    name, given = request["params"]["name"], request["params"].get("arguments", {})
    with open(os.environ.get("CALLS", os.devnull), "a", encoding="utf-8") as calls:
        calls.write(json.dumps([name, given, request["params"].get("_meta")]) + "\n")
    match name:
        case "echo":
            text(request, json.dumps(given))
        case "die":
            os._exit(3)
        case "slow":
            send({"method": "notifications/message", "params": {"level": "info", "data": "begun"}})
        case "huge":
            text(request, "x" * given["size"])
        case "late-huge":
            words = json.dumps({"content": [{"type": "text", "text": "x" * given["size"]}]})
            sys.stdout.write(f'{{"jsonrpc":"2.0","result":{words},"id":{request["id"]}}}\n')
            sys.stdout.flush()
        case "noise":
            print("this is no JSON-RPC")
            sys.stderr.write("\x1b[31mred\x1b[0m alert\n" + "y" * 10_000 + "\n")
            sys.stderr.flush()
            text(request, "noisy")
        case "child":
            child = subprocess.Popen(["sleep", "1000"])
            text(request, str(child.pid))
        case "garble":
            garble(request, given)
        case "environment":
            text(request, json.dumps(dict(os.environ)))
        case "progress":
            token = request["params"]["_meta"]["progressToken"]
            send(
                {
                    "method": "notifications/progress",
                    "params": {"progressToken": token, "progress": 1, "total": 2, "message": "half\x1b[2J"},
                }
            )
            text(request, "done")
        case "ask":
            ask(request)
        case "refuse":
            send({"id": request["id"], "error": {"code": -32602, "message": "no such\x07 thing"}})
        case "change":
            changed += 1
            send({"method": "notifications/tools/list_changed"})
            text(request, "changed")
        case "promise":
            text(request, "ran", structuredContent=given)
        case _:
            answer(request, {"content": [{"type": "nonsense"}]})


def garble(request: dict[str, Any], given: dict[str, str]) -> None:
    """Write the bytes of a line, with the request's id."""
    line = bytes.fromhex(given["line"]).replace(b"ID", str(request["id"]).encode())
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
    if "then" in given:
        text(request, given["then"])


def ask(request: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string", "default": "Ada"}}}
    send(
        {"id": "q1", "method": "elicitation/create", "params": {"message": "Who?", "requestedSchema": schema}}
    )
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("id") == "q1":
            text(request, json.dumps(message.get("result") or message["error"]["message"]))
            return


def main() -> None:
    if "--mute" in FLAGS:
        time.sleep(1000)
    for line in sys.stdin:
        request = json.loads(line)
        match request.get("method"):
            case "initialize":
                capabilities = {"tools": {"listChanged": True}}
                answer(
                    request,
                    {
                        "protocolVersion": "2025-11-25",
                        "capabilities": capabilities,
                        "serverInfo": {"name": "program", "version": "1"},
                    },
                )
            case "tools/list":
                listed(request)
            case "tools/call":
                call(request)
            case "notifications/cancelled":
                with open(os.environ.get("CALLS", os.devnull), "a", encoding="utf-8") as calls:
                    calls.write(json.dumps(["cancelled", request["params"]["requestId"]]) + "\n")
                send({"method": "notifications/message", "params": {"level": "info", "data": "stopped"}})
            case _ if "id" in request:
                send({"id": request["id"], "error": {"code": -32601, "message": "not known"}})
            case _:
                pass


if __name__ == "__main__":
    main()
