"""Words of the model for a bridged server that asks for them in the middle of a call.

A person sees everything that would be sent, whole, and says yes before it is; where the terms say so, the
model's words are shown too before the server gets them. The model is asked apart: with no tool, none of the
operator's instructions and nothing of the conversation. Each step is on record before it is taken.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from mcpbridge.core.action import Action
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import SamplingTerms
from mcpbridge.core.question import Question, visible
from mcpbridge.core.raw import mapping
from mcpbridge.core.request import Apart, ModelRequest
from mcpbridge.core.secret import Mask
from mcpbridge.engine.events import Event, Notice
from mcpbridge.engine.journal import Journal
from mcpbridge.engine.judge import Judge
from mcpbridge.engine.put import Said, beginning_of, block, put, question, too_long, unanswered
from mcpbridge.engine.sampling_records import sampling_answered, sampling_asked, sampling_decided
from mcpbridge.errors import AuditUnavailable, McpbridgeError
from mcpbridge.ports import Json, Model, ModelNotice, ModelResponse, Sampled, Sampling

RULE: Final = "sampling"
_LEAST: Final = 16
"""Tokens: the Responses API takes no smaller bound."""
_TOLD: Final = 300
"""Characters of the reason why there are no words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One wish of a server."""

    action: Action
    asked: Sampling
    terms: SamplingTerms
    conversation: Conversation
    judge: Judge
    journal: Journal
    model: Model | None
    mask: Mask
    tell: Callable[[Event], None]
    """Who hears of a wish that no person refused, and that got nothing."""

    async def granted(self) -> Sampled:
        """The model's words, or why there are none. Raises AuditUnavailable."""
        shown = self._question()
        problem = self._problem(shown)
        shown = beginning_of(shown) if too_long(shown) else shown
        await sampling_asked(self.journal, self.conversation, shown, stage="request")
        said = Said(action="decline", reason=problem) if problem else await put(shown, self.judge)
        await sampling_decided(self.journal, self.conversation, shown, said)
        notice = unanswered(self.action, said)
        if notice is not None:
            self.tell(notice)
        if said.action != "accept":
            return Sampled(refused=said.reason or "a person said no")
        return await self._handed_over(shown, await self._words())

    @property
    def max_tokens(self) -> int:
        return max(_LEAST, min(self.asked.max_tokens, self.terms.max_tokens))

    def _problem(self, shown: Question) -> str:
        """Why nobody is asked."""
        if self.asked.problem:
            return self.asked.problem
        if too_long(shown):
            return too_long(shown)
        return "" if self.model is not None else "there is no model here: the loop is somebody else's"

    def _question(self) -> Question:
        """Everything that would be sent, as it would be: a person who wants something else sent says no."""
        messages = [_told(message) for message in self.asked.messages]
        shown = {"system": self.asked.system, "messages": messages, "max_tokens": self.max_tokens}
        after = "; you see it first" if self.terms.review else ""
        lines = [
            f"{self.action.name} wants words of the model while it runs",
            f"  server     {self.action.server_identity} (called by mcpbridge)",
            *(block("system", self.asked.system) if self.asked.system else []),
            *(line for message in messages for line in block(message["role"], message["text"])),
            f"  at most    {self.max_tokens:,} tokens (it asks for {self.asked.max_tokens:,})",
            *(block("left out", "; ".join(self.asked.left_out)) if self.asked.left_out else []),
            f"  yes        sends this and nothing else to the model; the server gets its answer{after}",
        ]
        return question(self.action, self.conversation, self.judge, rule=RULE, shown=shown, lines=lines)

    async def _words(self) -> Sampled:
        """What the model says. Whatever keeps it from saying something is a refusal."""
        assert self.model is not None, "checked before anybody was asked"
        body: Mapping[str, Any] = {}
        try:
            async with aclosing(self.model.respond(self._request())) as outputs:
                async for output in outputs:
                    if isinstance(output, ModelResponse):
                        body = output.body
                    elif isinstance(output, ModelNotice):
                        await self.journal.note(output.type, self.conversation, **output.fields)
        except AuditUnavailable:
            raise
        except McpbridgeError as error:
            return self._none(f"the model could not be asked ({type(error).__name__})", why=str(error))
        words = self._read(body)
        return self._none(words.refused, why=words.refused) if words.refused else words

    def _none(self, refused: str, *, why: str) -> Sampled:
        """The server is not told why; the person who said yes is."""
        shown = visible(self.mask.text(why), newlines=False)
        shown = shown if len(shown) <= _TOLD else f"{shown[:_TOLD]}…"
        message = f"{self.action.name} wanted words of the model and got none: {shown}"
        fields = {
            "request_id": self.action.request_id,
            "server_label": self.action.server_label,
            "tool": self.action.tool,
        }
        self.tell(Notice(type="sampling_failed", message=message, fields=fields))
        return Sampled(refused=refused)

    def _request(self) -> ModelRequest:
        items = tuple(
            json.dumps({"type": "message", **message}, ensure_ascii=False, separators=(",", ":")).encode(
                "utf-8", "replace"
            )
            for message in self.asked.messages
        )
        return ModelRequest(
            conversation_id=self.conversation.id,
            encoded_items=items,
            live_approvals=(),
            apart=Apart(instructions=self.asked.system, max_output_tokens=self.max_tokens),
        )

    def _read(self, body: Mapping[str, Any]) -> Sampled:
        """Text, and nothing but text: no tool was offered, so nothing can have been called."""
        cut = (
            body.get("status") == "incomplete"
            and mapping(body.get("incomplete_details")).get("reason") == "max_output_tokens"
        )
        if body.get("status") != "completed" and not cut:
            return Sampled(refused="the model did not finish its answer")
        items = [mapping(item) for item in _list(body.get("output"))]
        strange = [
            str(item.get("type")) for item in items if item.get("type") not in ("message", "reasoning")
        ]
        if strange:
            return Sampled(refused=f"the model answered with {strange[0][:40]}, which was not offered to it")
        # What it thought is not for a server.
        said = [item for item in items if item.get("type") == "message"]
        parts = [mapping(part) for item in said for part in _list(item.get("content"))]
        text = "".join(str(part.get("text") or part.get("refusal") or "") for part in parts)
        if not text:
            return Sampled(refused="the model said nothing within the tokens that it was given")
        return Sampled(text=self.mask.text(text), model=str(body.get("model") or "model"), cut=cut)

    async def _handed_over(self, shown: Question, words: Sampled) -> Sampled:
        """To the server, after a look where the terms say so; on record first."""
        frozen = self.judge.frozen()
        if frozen is not None and not words.refused:
            words = replace(words, refused=frozen)
        said = Said(action="cancel", reason=words.refused) if words.refused else Said(action="accept")
        if self.terms.review and not words.refused:
            shown = self._review(words)
            await sampling_asked(self.journal, self.conversation, shown, stage="answer")
            said = await put(shown, self.judge)
            words = _as_written(words, said)
        refused = words.refused or ("" if said.action == "accept" else said.reason or "a person said no")
        words = replace(words, refused=refused, text="" if refused else words.text)
        await sampling_answered(self.journal, self.conversation, shown, said, words)
        return words

    def _review(self, words: Sampled) -> Question:
        lines = [
            f"{self.action.name} gets these words of the model",
            f"  server     {self.action.server_identity} (called by mcpbridge)",
            *block("the model", words.text),
            "  yes        sends them to the server as they stand here",
        ]
        return question(
            self.action,
            self.conversation,
            self.judge,
            rule=RULE,
            shown={"text": words.text},
            lines=lines,
            objection=_no_text,
        )


def _as_written(words: Sampled, said: Said) -> Sampled:
    """With the text that a person wrote instead."""
    if said.action != "accept" or said.written is None:
        return words
    why_not = _no_text(said.written)
    return replace(words, refused=why_not) if why_not else replace(words, text=said.written["text"])


def _no_text(written: Mapping[str, Any]) -> str | None:
    """Why this is not what a server gets in place of the model's words."""
    text = written.get("text")
    if isinstance(text, str) and text and set(written) == {"text"}:
        return None
    return 'what was written in place of the answer is no text; write {"text": "…"}'


def _told(message: Json) -> dict[str, str]:
    """A message as a person reads it: all its text; a picture by its kind, size and hash."""
    parts = [mapping(part) for part in _list(message.get("content"))]
    texts = [
        str(part["text"]) if "text" in part else _picture(str(part.get("image_url", ""))) for part in parts
    ]
    return {"role": str(message.get("role")), "text": "\n".join(texts)}


def _picture(url: str) -> str:
    kind = url.partition(";")[0].removeprefix("data:")
    digest = hashlib.sha256(url.encode()).hexdigest()
    return f"[a picture that is not shown here: {kind}, {len(url):,} characters, SHA-256 {digest[:16]}…]"


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list | tuple) else []
