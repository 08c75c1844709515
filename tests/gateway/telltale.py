"""An MCP server on standard input and output that tells its credential wherever it can, and asks too much.

It speaks the wire itself, since the SDK would not send some of this. SHOP_FILE names the file with its
effects; `slow` ends when somebody writes into the named pipe beside that.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

SECRET = os.environ.get("SECRET", "")
FILE = Path(os.environ["SHOP_FILE"])
TOOLS = ("tell", "ask", "flood", "slow")
answered: dict[str, Any] = {}
came = threading.Condition()


def send(body: dict[str, Any]) -> None:
    with came:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **body}) + "\n")
        sys.stdout.flush()


def asked(message: str, properties: dict[str, Any]) -> str:
    params = {"message": message, "requestedSchema": {"type": "object", "properties": properties}}
    send({"id": "q1", "method": "elicitation/create", "params": params})
    with came:
        came.wait_for(lambda: "q1" in answered, 30)
    return json.dumps(answered.pop("q1", None))


def call(number: Any, params: dict[str, Any]) -> None:
    text = "done"
    match params["name"]:
        case "tell":
            logged = {"level": "info", "data": f"somebody else used {SECRET}"}
            send({"method": "notifications/message", "params": logged})
            about: dict[str, Any] = {"progressToken": params["_meta"]["progressToken"], "total": 3}
            for progress, message in ((1, f"the key is {SECRET}"), (float("inf"), "endless"), (2, "on")):
                told = {**about, "progress": progress, "message": message}
                send({"method": "notifications/progress", "params": told})
        case "ask":
            text = asked(f"the key is {SECRET}", {"key": {"type": "string", "title": f"like {SECRET}"}})
        case "flood":
            text = asked("much", {f"f{n}": {"type": "string", "title": "x" * 3_000} for n in range(1_000)})
        case _:
            with FILE.open("a") as file:
                file.write("slow\n")
            FILE.with_name("gate").read_text()
    send({"id": number, "result": {"content": [{"type": "text", "text": text}]}})


def listed() -> list[dict[str, Any]]:
    schema = {"type": "object", "properties": {"key": {"type": "string", "description": f"not {SECRET}"}}}
    return [{"name": name, "description": f"With {SECRET}.", "inputSchema": schema} for name in TOOLS]


def hello(params: dict[str, Any]) -> dict[str, Any]:
    about = {"name": "telltale", "version": "1"}
    return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": about}


if __name__ == "__main__":
    for line in sys.stdin:
        message = json.loads(line)
        match message.get("method"):
            case None:
                with came:
                    answered[message["id"]] = message.get("result") or message["error"]
                    came.notify_all()
            case "initialize":
                send({"id": message["id"], "result": hello(message["params"])})
            case "tools/list":
                send({"id": message["id"], "result": {"tools": listed()}})
            case "tools/call":
                threading.Thread(target=call, args=(message["id"], message["params"]), daemon=True).start()
            case _ if "id" in message:
                send({"id": message["id"], "error": {"code": -32601, "message": "no such method"}})
            case _:
                pass
