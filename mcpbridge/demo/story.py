"""The demo: a real service, a real MCP server, two turns through the gate, and the proof afterwards.

Everything goes through the public Bridge; what is special here is only that the service is scripted.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mcpbridge import Bridge, Conversation, SecretSources, load_config, tool
from mcpbridge.config import Configuration, process_sources
from mcpbridge.demo import proof, server
from mcpbridge.demo.narrator import Narrator
from mcpbridge.demo.screen import Screen
from mcpbridge.ports import Approver
from mcpbridge.service.endpoint import LocalEndpoint
from mcpbridge.service.running import running

FILES: Final = Path(__file__).parent
"""Where the demo's configuration, policy and script are: mcpbridge.yaml, policy.yaml, script.yaml."""
_DECLARED: Final = "http://127.0.0.1:8799/mcp"
_FIRST: Final = "The CSV export is slow. Open a follow-up issue for whoever is on call."
_SECOND: Final = "And what did you think the next step would be?"
_ON_CALL: Final[Mapping[str, str]] = {"platform": "Mira"}


@tool
def who_is_on_call(team: str) -> str:
    """Name the person who is on call.

    Args:
        team: The team, such as platform.
    """
    return f"on call: {_ON_CALL.get(team, 'nobody')}"


async def tell(screen: Screen, approver: Approver, folder: Path) -> None:
    """The whole demo, in `folder`. Raises DemoFailed where something is not as promised."""
    token, key = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    async with (
        server.running(token=token) as tracker,
        running(FILES / "script.yaml", api_key=key) as service,
    ):
        sources = _sources(service.base_url, key, token)
        config = prepare(folder, tracker.url, sources)
        _introduce(screen, service, tracker)
        async with Bridge.from_yaml(
            config, tools=[who_is_on_call], approver=approver, sources=sources
        ) as bridge:
            await _converse(screen, bridge, service)
        screen.heading("4. What really happened")
        proof.show_effects(screen, tracker)
    screen.write("")
    screen.say("The audit trail, one line a record (without the long ids):")
    screen.write("")
    proof.show_trail(screen, config.audit.path, credentials=(token, key))
    screen.heading("5. Can the trail be trusted?")
    proof.show_verification(screen, config.audit.path)
    screen.write("")
    proof.show_forgery(screen, config.audit.path, folder / "forged-audit")


def prepare(folder: Path, tracker_url: str, sources: SecretSources) -> Configuration:
    """Copy the demo's files into `folder`, with the tracker's address in them, and load them."""
    for name in ("policy.yaml", "script.yaml"):
        shutil.copyfile(FILES / name, folder / name)
    text = (FILES / "mcpbridge.yaml").read_text(encoding="utf-8")
    written = folder / "mcpbridge.yaml"
    written.write_text(text.replace(_DECLARED, tracker_url), encoding="utf-8")
    return load_config(written, sources=sources)


def _sources(base_url: str, key: str, token: str) -> SecretSources:
    """What would come from the environment; nothing is put there."""
    env = {"MCPBRIDGE_LOCAL_URL": base_url, "MCPBRIDGE_DEMO_KEY": key, "MCPBRIDGE_DEMO_TOKEN": token}
    real = process_sources()
    return SecretSources(env=env, read_file=real.read_file, keyring=real.keyring)


def _introduce(screen: Screen, service: LocalEndpoint, tracker: server.Tracker) -> None:
    screen.heading("1. What is running")
    screen.entry("service", f"{service.base_url}  the Responses API, played from a script")
    screen.entry("server", f"{tracker.url}  a real MCP server, wants a bearer token")
    screen.entry("policy", "reading runs, opening an issue asks you, mail never leaves the house")
    screen.entry("audit", "every decision is on disk before it takes effect")


async def _converse(screen: Screen, bridge: Bridge, service: LocalEndpoint) -> None:
    screen.heading("2. A conversation through the gate")
    conversation = await _turn(screen, bridge, _FIRST, None)
    screen.heading("3. A second turn, from memory that only the service can read")
    conversation = await _turn(screen, bridge, _SECOND, conversation)
    replayed = encrypted_reasoning(service.bodies[-1])
    if not replayed or "profile the database" not in conversation.text:
        raise proof.DemoFailed("the second turn did not remember the first")
    screen.write("")
    screen.say(
        f"Nothing is stored at the service: mcpbridge kept {replayed} encrypted reasoning items from turn 1 "
        "and sent them back. The service verified all of them (a changed one would be refused), and the "
        "answer quotes a thought that stands nowhere else."
    )


async def _turn(
    screen: Screen, bridge: Bridge, prompt: str, conversation: Conversation | None
) -> Conversation:
    screen.entry("you", prompt)
    narrator = Narrator(screen=screen)
    turn = bridge.turn(prompt, conversation=conversation, stream=True)
    async for event in turn:
        narrator.tell(event)
    return turn.conversation


def encrypted_reasoning(body: Mapping[str, Any]) -> int:
    """How many encrypted reasoning items a request carries."""
    return sum(
        item.get("type") == "reasoning" and bool(item.get("encrypted_content")) for item in body["input"]
    )
