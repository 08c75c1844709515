"""A bank as a server of its own process, on the official SDK: killed, and started again with other words.

python bank.py stdio|http|sse PORT LEDGER DESCRIPTION      (or @FILE, which holds it)
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvicorn
from mcp.server.mcpserver import MCPServer

HOW, PORT, LEDGER, WORDS = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
DESCRIPTION = Path(WORDS[1:]).read_text(encoding="utf-8") if WORDS.startswith("@") else WORDS
bank = MCPServer("bank")


def note(line: str) -> None:
    with LEDGER.open("a", encoding="utf-8") as ledger:
        ledger.write(f"{line}\n")


@bank.tool(description=DESCRIPTION)
def pay(to: str) -> str:
    note(f"paid {to}")
    return f"paid {to}"


@bank.tool(description=f"{DESCRIPTION} It takes a while.")
async def pay_slowly(to: str) -> str:
    note(f"paying {to}")
    await asyncio.Event().wait()
    return "never"


if HOW == "stdio":
    bank.run("stdio")
else:
    app = bank.sse_app() if HOW == "sse" else bank.streamable_http_app()
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="critical", ws="none")
