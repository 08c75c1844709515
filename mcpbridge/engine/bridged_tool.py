"""One tool of a bridged server, as something that runs here: checked, called once, told to the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from mcpbridge.core.action import ToolDefinition
from mcpbridge.core.declared import BridgedServer
from mcpbridge.engine.fitting import Fits
from mcpbridge.errors import CallNotSent, CallTimedOut, OutcomeLost, ToolsChanged
from mcpbridge.ports import CallContext, Json, ToolAnswer, Toolbox

DECISION_ID: Final = "mcpbridge/decision_id"
"""The key of `_meta` that joins a server's own log with the audit."""
_TRIES: Final = 3
"""Listings that may change under one call before it is given up."""
_TOLD: Final[Mapping[str, str]] = {
    "tool": "The tool reported an error.",
    "protocol": "The server refused the call.",
    "invalid": "The tool ran, and its result does not fit its own output schema. Do not repeat the call.",
}


@dataclass(frozen=True, kw_only=True)
class BridgedTool:
    """A LocalTool over a Toolbox."""

    box: Toolbox
    server: BridgedServer
    definition: ToolDefinition
    definition_hash: str
    epoch: int
    """Of the listing that `definition` stands in."""
    fits: Fits

    @property
    def timeout(self) -> float | None:
        return self.server.call_timeout

    @property
    def bounds_itself(self) -> bool:
        """A person may be asked something during the call, and the server is told when it takes too long."""
        return True

    @property
    def idempotent(self) -> bool:
        return self.definition.name in self.server.idempotent

    @cached_property
    def function(self) -> Mapping[str, Any]:
        """The wire's function tool, but for its name."""
        schema = dict(self.definition.input_schema)
        schema.setdefault("type", "object")
        schema.setdefault("properties", {})
        return {"description": self.definition.description, "parameters": schema, "strict": False}

    def check(self, arguments: Json) -> str | None:
        """None when the arguments fit, else a sentence for the model."""
        return self.fits(arguments)

    async def call(self, arguments: Json, context: CallContext) -> ToolAnswer:
        """Call it; one that is idempotent once more where nobody knows what became of the first call."""
        try:
            answer = await self._call(arguments, context)
        except CallTimedOut:
            raise
        except OutcomeLost:
            if not self.idempotent:
                raise
            answer = await self._call(arguments, context)
        return _told(answer)

    async def _call(self, arguments: Json, context: CallContext) -> ToolAnswer:
        """Only the definition that was decided on is called: what changed meanwhile is not."""
        epoch = self.epoch
        for _ in range(_TRIES):
            try:
                answer = await self.box.call(
                    self.definition.name,
                    arguments,
                    epoch=epoch,
                    meta={DECISION_ID: context.decision_id},
                    seconds=context.seconds,
                    observer=context.observer,
                )
            except ToolsChanged:
                epoch = await self._same_again()
            except OutcomeLost as error:
                error.epoch = epoch
                raise
            else:
                return replace(answer, epoch=epoch)
        raise self._changed("its tools keep changing")

    async def _same_again(self) -> int:
        listing = await self.box.tools()
        now = next((one for one in listing.tools if one.name == self.definition.name), None)
        if now is None:
            raise self._changed("the server does not list it any more")
        if replace(now, server_identity=self.server.identity).hash() != self.definition_hash:
            raise self._changed("its definition has changed since the call was decided")
        return listing.epoch

    def _changed(self, why: str) -> CallNotSent:
        name = f"{self.server.label}.{self.definition.name}"
        return CallNotSent(f"{name} was not called: {why}.", server_label=self.server.label)


def _told(answer: ToolAnswer) -> ToolAnswer:
    """The answer as the model gets it: that something is an error is said in words."""
    if answer.is_error == "no":
        return answer
    head = _TOLD[answer.is_error]
    if isinstance(answer.parts, str):
        return replace(answer, parts=f"{head}\n{answer.parts}" if answer.parts else head)
    parts: Sequence[Json] = [{"type": "input_text", "text": head}, *answer.parts]
    return replace(answer, parts=parts)
