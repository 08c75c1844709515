"""A server with resources and prompts, over HTTP, that answers as a test tells it; and a scene with it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer

from mcpbridge import Approver
from mcpbridge.testing import FakeToolbox, Step, function_call, message, response
from tests.bridged.scene import ALL, Scene
from tests.mcp_servers.web import Web

SHELF = [
    {
        "uri": "demo://tides",
        "name": "tides",
        "mimeType": "text/plain",
        "icons": [{"src": "https://x.example"}],
    },
    {"uri": "demo://chart.png", "name": "chart", "mimeType": "image/png"},
]
GREET = {"name": "greet", "arguments": [{"name": "who", "required": True}]}
FUNCTIONS = (
    "lib__list_resources",
    "lib__list_resource_templates",
    "lib__read_resource",
    "lib__list_prompts",
    "lib__get_prompt",
)


@dataclass(slots=True)
class Library:
    """`web.on` says how it answers; `asked` is what came, by method."""

    web: Web
    asked: list[dict[str, Any]]

    def scene(
        self,
        folder: Path,
        *calls: tuple[str, Mapping[str, Any]],
        offer: str = "[resources, prompts]",
        extra: str = "",
        via: str = "bridge",
        policy: str = ALL,
        approver: Approver | None = None,
        profile: str = "local",
    ) -> Scene:
        """A conversation in which the model makes these calls, one in each response, and ends."""
        steps: list[Step] = [
            response(function_call(f"lib__{name}", arguments, call_id=f"call_{number}"))
            for number, (name, arguments) in enumerate(calls, start=1)
        ]
        boxes: dict[str, FakeToolbox] = {}
        servers = f'\n  - {{label: lib, via: {via}, url: "{self.web.url}", offer: {offer}{extra}}}\n'
        steps.append(response(message("read")))
        return Scene(
            folder=folder,
            boxes=boxes,
            steps=steps,
            servers=servers,
            policy=policy,
            approver=approver,
            profile=profile,
        )

    def answers(self, method: str, result: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """From now on the server answers `method` with what `result` makes of its parameters."""

        def answer(message: dict[str, Any], _: object) -> Mapping[str, Any]:
            self.asked.append(message)
            return result(message.get("params") or {})

        self.web.on[method] = answer

    def sent(self, method: str) -> list[Mapping[str, Any]]:
        """The parameters of each such request."""
        return [message.get("params") or {} for message in self.asked if message["method"] == method]


def _read(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"contents": [{"uri": asked["uri"], "text": f"inside {asked['uri']}"}]}


def _greeting(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    words = {"type": "text", "text": f"Hello {asked['arguments']['who']}"}
    return {"messages": [{"role": "user", "content": words}]}


@contextmanager
def library(*, capabilities: Mapping[str, Any] | None = None) -> Generator[Library, None, None]:
    site = HTTPServer(host="127.0.0.1", port=0, threaded=True)
    site.start()
    has: Mapping[str, Any] = {"tools": {}, "resources": {}, "prompts": {}}
    about: Mapping[str, Any] = {
        "protocolVersion": "2025-11-25",
        "capabilities": has if capabilities is None else capabilities,
        "serverInfo": {"name": "library", "version": "1"},
    }
    templates = [{"uriTemplate": "demo://{day}", "name": "day"}]
    try:
        lib = Library(web=Web(site), asked=[])
        lib.answers("initialize", lambda _: about)
        lib.answers("resources/list", lambda _: {"resources": SHELF})
        lib.answers("resources/templates/list", lambda _: {"resourceTemplates": templates})
        lib.answers("resources/read", _read)
        lib.answers("prompts/list", lambda _: {"prompts": [GREET]})
        lib.answers("prompts/get", _greeting)
        yield lib
    finally:
        site.clear()
        if site.is_running():
            site.stop()
