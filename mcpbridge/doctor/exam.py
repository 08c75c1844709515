"""One examination: what all checks share, and the pieces of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from mcpbridge.doctor import words
from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.asking import Asker
from mcpbridge.doctor.ledger import Ledger
from mcpbridge.doctor.throwaway import Ran, Throwaway

Item = dict[str, Any]
ENCRYPTED: Final = "reasoning.encrypted_content"
LABEL: Final = "mcpbridge-doctor"
Place = Literal["header", "field"]
PLACES: Final[tuple[Place, Place]] = ("header", "field")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One try to have the endpoint connect: its answer, and whether the token came to our server."""

    answer: Answer
    arrived: bool
    visited: bool
    """Somebody came, with or without the token."""


@dataclass(slots=True, kw_only=True)
class Exam:
    """What is examined, by what means, and what was learned on the way."""

    asker: Asker
    model: str
    """Empty until the endpoint has named its only one."""
    nonce: Callable[[], str]
    other_model: str = ""
    throwaway: Throwaway | None = None
    why_no_server: str = "the endpoint cannot reach this machine"
    by_configuration: bool = False
    """A file names the endpoint; else the command line does."""
    grace: float = 0.0
    """Seconds to wait at the end for calls that come late."""
    ledger: Ledger = field(default_factory=Ledger)
    """What was asked and approved, for the whole examination."""
    include: bool = True
    """Encrypted reasoning is asked for; turned off where that is refused."""
    ways: dict[Place, Arrival] = field(default_factory=dict[Place, Arrival])
    """How the throw-away server's token was tried to be sent."""
    thought: Answer | None = None
    """The answer whose reasoning the checks of ciphertext replay."""
    echoed: bool | None = None
    """Whether a token of ours came back; None where none was sent."""

    @property
    def place(self) -> Place | None:
        """Where the token travels, as far as it arrives."""
        return next((place for place in PLACES if place in self.ways and self.ways[place].arrived), None)

    async def ask(self, items: Sequence[Item], **options: Any) -> Answer:
        """A stateless request; a refused include or ciphertext is left out once, as mcpbridge does."""
        answer = await self._ask(items, options)
        if answer.status == 400 and answer.param.startswith("include") and self.include:
            self.include = False
            answer = await self._ask(items, options)
        if answer.code == "invalid_encrypted_content":
            answer = await self._ask(items, options)
        return answer

    async def _ask(self, items: Sequence[Item], options: Item) -> Answer:
        body: Item = {"model": self.model, "input": list(items), "store": False}
        if self.include:
            body["include"] = [ENCRYPTED]
        answer = await self.asker.post(body | options)
        if any(tool.get("type") == "mcp" for tool in options.get("tools", ())):
            self.echoed = bool(self.echoed) or answer.echoes
        return answer

    def server(self, place: Place | None = None, **changes: Any) -> Item:
        """The throw-away server as a hosted tool, with a new token; `...` leaves a key out."""
        assert self.throwaway is not None, "the runner asks for a server before a check that needs one"
        token = self.throwaway.issue()
        tool: Item = {"type": "mcp", "server_label": LABEL, "server_url": self.throwaway.url}
        if (place or self.place or "header") == "header":
            tool["headers"] = {"Authorization": f"Bearer {token}"}
        else:
            tool["authorization"] = token
        tool |= {"require_approval": "always"} | changes
        self.ledger.declared(token, tool["require_approval"])
        return {key: value for key, value in tool.items() if value is not ...}

    def ran(self) -> list[Ran]:
        """Every execution so far, of whatever attempt."""
        return self.throwaway.ran if self.throwaway is not None else []


@dataclass(slots=True, kw_only=True)
class Talk:
    """A stateless conversation; what was said and answered is kept and sent again."""

    exam: Exam
    tools: Sequence[Item] = ()
    items: list[Item] = field(default_factory=list[Item])

    async def say(self, *new: Item, **options: Any) -> Answer:
        """Send the items so far and the new ones; both and the output are kept if it answers."""
        items = [*self.items, *new]
        self._approve(new)
        tools = {"tools": list(self.tools)} if self.tools else {}
        answer = await self.exam.ask(items, **(tools | options))
        if not answer.problem:
            self.items = [*items, *replayable(answer.items)]
            self.exam.ledger.asked(answer.of("mcp_approval_request"))
        return answer

    def _approve(self, new: Sequence[Item]) -> None:
        approved = {item["approval_request_id"] for item in new if item.get("approve") is True}
        self.exam.ledger.approved(item for item in self.items if item.get("id") in approved)

    def without_messages(self) -> list[Item]:
        """The items without what the model said itself, nor the reasoning that led to it."""
        kept: list[Item] = []
        for item in self.items:
            if item.get("type") == "message" and item.get("role") == "assistant":
                while kept and kept[-1].get("type") == "reasoning":
                    kept.pop()
            else:
                kept.append(item)
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A model was told to call a tool: what it answered, and what our server saw."""

    talk: Talk
    text: str
    answer: Answer
    ran: Sequence[Ran]

    @property
    def asked(self) -> list[Item]:
        return self.answer.of("mcp_approval_request")

    def ran_since(self, before: int) -> list[Ran]:
        """What ran of this attempt; what comes late from another one is not its doing."""
        tokens = set(map(token_of, self.talk.tools))
        ran = self.talk.exam.ran()[before:]
        return [one for one in ran if one.text == self.text or one.token in tokens]

    @property
    def obeyed(self) -> bool:
        return bool(self.ran) or self.answer.has("mcp_approval_request") or self.answer.has("mcp_call")


async def attempt(exam: Exam, tool: str, *servers: Item, **options: Any) -> Attempt:
    """Have `tool` called; once more where nothing came of it, since a model may simply not obey."""
    found = await _attempt(exam, tool, servers, options)
    if found.obeyed or found.answer.problem:
        return found
    return await _attempt(exam, tool, servers, options)


async def _attempt(exam: Exam, tool: str, servers: Sequence[Item], options: Item) -> Attempt:
    talk, text, before = Talk(exam=exam, tools=servers), exam.nonce(), len(exam.ran())
    exam.ledger.attempted(text, map(token_of, servers))
    answer = await talk.say(user(words.call(tool, text)), **options)
    tried = Attempt(talk=talk, text=text, answer=answer, ran=())
    return replace(tried, ran=tried.ran_since(before))


def token_of(server: Item) -> str:
    """The token that a declaration of the throw-away server holds."""
    header = str(server.get("headers", {}).get("Authorization", ""))
    return str(server.get("authorization") or header.removeprefix("Bearer "))


def user(text: str, *parts: Item) -> Item:
    """A user message; `parts` stand before the text."""
    content: Any = [*parts, {"type": "input_text", "text": text}] if parts else text
    return {"type": "message", "role": "user", "content": content}


def decision(request: Item, approve: bool, reason: str = "") -> Item:
    """The answer to an approval request."""
    answer = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": approve}
    return answer | ({"reason": reason} if reason else {})


def function(name: str, description: str) -> Item:
    """A function with one text argument."""
    parameters = {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
        "additionalProperties": False,
    }
    tool = {"type": "function", "name": name, "description": description}
    return {**tool, "parameters": parameters, "strict": False}


def replayable(items: Sequence[Item]) -> list[Item]:
    """The output as it may be sent again: reasoning without ciphertext is known to nobody (WIRE §4.3)."""
    return [item for item in items if item.get("type") != "reasoning" or item.get("encrypted_content")]
