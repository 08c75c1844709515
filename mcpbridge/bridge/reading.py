"""A bridged server's resources and prompts, for the owner's own code.

No model asks here, so no policy decides: whoever writes this code could reach the server without us. What is
kept is the record, the freeze, the bounds and the masking.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mcpbridge.bridge.bridged import is_bridged
from mcpbridge.errors import Frozen, ServerError, UsageError
from mcpbridge.ports import Json, Library, Record, ResultKeeper

if TYPE_CHECKING:
    from mcpbridge.bridge.assembly import Assembly
    from mcpbridge.config import ServerDeclaration

Content = str | Sequence[Json]
"""Text, or content parts of the Responses API: `input_text`, `input_image`, `input_file`."""


class ServerReader:
    """What a bridged server has besides tools. Made by `Bridge.server(label)`, over the bridge's connection.

    Each reading is in the audit log before anything is sent (`read_asked`) and before you have the answer
    (`read_answered`). Credentials of the configuration are masked in it. All methods raise ServerError where
    the server fails, Frozen after `mcpbridge freeze`, and AuditUnavailable where nothing can be recorded.
    """

    def __init__(self, assembly: Assembly, label: str, *, principal: str | None = None) -> None:
        self._assembly, self.label = assembly, label
        self._principal = assembly.config.principal if principal is None else principal
        self._declared()

    async def resources(self) -> tuple[Json, ...]:
        """`resources/list`, all pages: `uri`, `name`, `description`, `mimeType`, … as the server says."""
        return tuple(
            await self._read("list_resources", "resources/list", {}, lambda server: server.resources())
        )

    async def templates(self) -> tuple[Json, ...]:
        """`resources/templates/list`, all pages: `uriTemplate` (RFC 6570), `name`, … as the server says."""
        return tuple(
            await self._read(
                "list_resource_templates", "resources/templates/list", {}, lambda server: server.templates()
            )
        )

    async def read(self, uri: str) -> Content:
        """`resources/read`, cut at `max_result` like a tool's result. Only this server is asked."""
        found: Content = await self._read(
            "read_resource", "resources/read", {"uri": uri}, lambda server: server.read(uri)
        )
        return found

    async def prompts(self) -> tuple[Json, ...]:
        """`prompts/list`, all pages: `name`, `description`, `arguments`, … as the server says."""
        return tuple(await self._read("list_prompts", "prompts/list", {}, lambda server: server.prompts()))

    async def prompt(
        self, name: str, arguments: Mapping[str, str] | None = None
    ) -> tuple[tuple[str, Content], ...]:
        """`prompts/get`: the messages, each as (role, content). The server wrote them, whatever the role."""
        given = dict(arguments or {})
        found = await self._read(
            "get_prompt",
            "prompts/get",
            {"name": name, "arguments": given},
            lambda server: server.prompt(name, given),
        )
        return tuple((role, content) for role, content in found)

    def _declared(self) -> ServerDeclaration:
        servers = self._assembly.servers
        found = servers.get(self.label)
        if found is None:
            there = ", ".join(servers) or "none"
            raise UsageError(f"no server {self.label!r} is declared; there are: {there}")
        if not is_bridged(found, self._assembly.config.model.profile):
            raise UsageError(
                f"the server {self.label!r} is hosted: the model provider connects to it, and mcpbridge does "
                "not; declare it with via: bridge to read it from here"
            )
        return found

    def _library(self) -> Library:
        box = self._assembly.toolboxes.box(self.label)
        if not isinstance(box, Library):
            raise UsageError(
                f"the toolbox given for {self.label!r} reads no resources and prompts; give it the methods "
                "of mcpbridge.Library"
            )
        return box

    async def _read(
        self, tool: str, method: str, arguments: Json, ask: Callable[[Library], Awaitable[Any]]
    ) -> Any:
        """One reading, on record before and after. What is returned holds no credential of ours."""
        parts = self._assembly
        about = {
            "principal": self._principal,
            "request_id": parts.clock.new_id("read"),
            "server_label": self.label,
            "server_identity": self._declared().identity,
            "tool": tool,
            "method": method,
        }
        library = self._library()
        await parts.announce()
        frozen = parts.judge().frozen()
        if frozen is not None:
            raise Frozen(f"{frozen} {self.label}: nothing was sent; `mcpbridge thaw` ends it")
        await parts.audit.append(
            Record(type="read_asked", phase="pre", fields=about | {"arguments": dict(arguments)})
        )
        began = time.perf_counter()
        try:
            found = parts.mask.value(await ask(library))
        except BaseException as error:  # boundary: whatever ended it is on record, and goes on its way
            await asyncio.shield(self._answered(about, began, _failure(error)))
            raise
        await self._answered(
            about, began, {"status": "completed", "is_error": False} | self._kept(tool, found)
        )
        return found

    async def _answered(self, about: Json, began: float, facts: Json) -> None:
        latency = round((time.perf_counter() - began) * 1000, 3)
        fields = {**about, "latency_ms": latency, **facts}
        await self._assembly.audit.append(Record(type="read_answered", phase="post", fields=fields))

    def _kept(self, tool: str, found: Any) -> dict[str, Any]:
        content = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=dict)
        data = content.encode("utf-8", "surrogatepass")
        facts: dict[str, Any] = {"result_size": len(data), "result_sha256": hashlib.sha256(data).hexdigest()}
        sink = self._assembly.audit
        if isinstance(sink, ResultKeeper) and sink.keeps_results(f"{self.label}.{tool}"):
            facts["result"] = content
        return facts


def _failure(error: BaseException) -> dict[str, Any]:
    status = "stopped" if isinstance(error, asyncio.CancelledError) else "failed"
    said = str(error)[:500] if isinstance(error, ServerError) else type(error).__name__
    return {"status": status, "is_error": True, "error": said}
