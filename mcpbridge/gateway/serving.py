"""What one gateway process serves: a desk for each caller, over the same servers, policies and log."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpbridge.bridge.assembly import Assembly
from mcpbridge.core.secret import Secret
from mcpbridge.gateway.announcing import watched
from mcpbridge.gateway.desk import Desk
from mcpbridge.gateway.names import Names
from mcpbridge.ports import Approver


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A client that proves who it is with a token; its calls are made on behalf of `principal`."""

    principal: str
    token: Secret


@dataclass(kw_only=True)
class Gateway:
    """Made once; over standard input and output `only` is served, over HTTP whoever has a token."""

    assembly: Assembly
    version: str
    callers: tuple[Caller, ...] = ()
    """Empty: whoever can connect is the configuration's principal."""
    names: Names = "qualified"
    """`plain`: tools keep their own names, where no two servers have one of the same name."""
    approver: Approver | None = None
    """Who is asked, where the client is not."""
    ask_client: bool = False
    desks: Mapping[str, Desk] = field(init=False)
    """Principal → what they are served. Two tokens of one principal share it."""

    def __post_init__(self) -> None:
        # Else the SDK's warnings, with whatever a client has sent in them, would end up on standard error.
        logging.getLogger("mcp").addHandler(logging.NullHandler())
        principals = {caller.principal for caller in self.callers} or {self.assembly.config.principal}
        self.desks = {principal: self._desk(principal) for principal in sorted(principals)}
        watched(self.assembly.toolboxes, self._changed)

    @property
    def only(self) -> Desk:
        """The desk where nobody has to prove who they are."""
        assert not self.callers, "callers have tokens"
        return next(iter(self.desks.values()))

    def principal(self, token: str) -> str | None:
        """Whose token it is. Every one is compared, whatever is found."""
        found: str | None = None
        for caller in self.callers:
            if hmac.compare_digest(token.encode(), caller.token.reveal().encode()):
                found = caller.principal
        return found

    async def close(self) -> None:
        """Stop what waits for clients; the assembly is closed by whoever made it."""
        for desk in self.desks.values():
            await desk.close()

    def _desk(self, principal: str) -> Desk:
        return Desk(
            assembly=self.assembly,
            version=self.version,
            principal=principal,
            names=self.names,
            approver=self.approver,
            ask_client=self.ask_client,
        )

    def _changed(self) -> None:
        for desk in self.desks.values():
            desk.announcements.changed()
