"""The parts that Bridge and Gate share: configuration, policies, audit, tools, the people to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from mcpbridge.adapters.approvers import DenyApprover
from mcpbridge.adapters.freeze_file import FreezeFile
from mcpbridge.adapters.functions import FunctionTool, as_tools
from mcpbridge.adapters.hosted_tools import ToolDeclarations, hosted_server
from mcpbridge.adapters.logging import Diagnostics, make_logger
from mcpbridge.adapters.sealing import Seal, load_state_key
from mcpbridge.adapters.system_clock import SystemClock
from mcpbridge.audit import AuditLog
from mcpbridge.config import Configuration, SecretSources, ServerDeclaration, load_config, process_sources
from mcpbridge.config.reloading import ReloadingPolicies
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import Declared, named_containers
from mcpbridge.core.secret import Mask
from mcpbridge.engine.judge import FixedPolicies, Judge, Policies
from mcpbridge.errors import UsageError
from mcpbridge.policy.said.remembered import Remembered
from mcpbridge.ports import Approver, AuditSink, Clock, Record

AnyTool = Callable[..., Any] | FunctionTool[..., Any]


@dataclass(kw_only=True)
class Assembly:
    """Everything but the model. Made from a Configuration; servers may come and go at run time."""

    config: Configuration
    tools: Mapping[str, FunctionTool[..., Any]]
    audit: AuditSink
    approver: Approver | None
    seal: Seal
    mask: Mask
    sources: SecretSources
    clock: Clock
    log: Diagnostics
    policies: Policies
    servers: dict[str, ServerDeclaration] = field(default_factory=dict[str, ServerDeclaration])
    announced: bool = False
    announcing: asyncio.Lock = field(default_factory=asyncio.Lock)
    remembered: Remembered = field(default_factory=Remembered)

    @property
    def origin(self) -> str:
        """Where reasoning ciphertext is valid (WIRE §4.6)."""
        return f"{self.config.model.base_url}|{self.config.model.name}"

    def declared(self) -> Declared:
        """What the next request declares, as the core sees it."""
        return Declared(
            servers={label: hosted_server(server) for label, server in self.servers.items()},
            functions=frozenset(self.tools),
            ungated=frozenset(str(tool["type"]) for tool in self.config.hosted_tools),
            containers=named_containers(self.config.hosted_tools),
            origin=self.origin,
        )

    def judge(self) -> Judge:
        """The judge over the configured policies."""
        return Judge(
            policies=self.policies,
            clock=self.clock,
            approver=self.approver,
            ask_timeout=self.config.approvals.timeout,
            groups={name: frozenset(members) for name, members in self.config.groups.items()},
            freeze=FreezeFile.of(self.config.audit.path),
            remembered=self.remembered,
        )

    def tool_declarations(self) -> ToolDeclarations:
        """The wire's `tools`, resolved per request."""
        return ToolDeclarations(
            servers=dict(self.servers),
            functions=self.tools,
            hosted_tools=self.config.hosted_tools,
            profile=self.config.model.profile,
            sources=self.sources,
            mask=self.mask,
        )

    def new_conversation(self, principal: str | None) -> Conversation:
        """An empty conversation on behalf of `principal`."""
        return Conversation(
            id=self.clock.new_id("conv"),
            principal=self.config.principal if principal is None else principal,
            mcp_results=self.config.mcp_results,
        )

    async def announce(self) -> None:
        """Put the configuration on record, once: which policies and servers the decisions were made under."""
        async with self.announcing:
            if not self.announced:
                await self._announce()
                self.announced = True

    async def _announce(self) -> None:
        model = self.config.model
        await self.audit.append(
            Record(
                type="config_loaded",
                fields={
                    "file": self.config.file,
                    "model": model.name,
                    "endpoint": model.endpoint,
                    "profile": model.profile.name,
                    "approvals_honoured": model.profile.approvals_honoured,
                    "accept_ungated": sorted(self.config.accept_ungated),
                    "functions": sorted(self.tools),
                },
            )
        )
        for policy in self.config.policies:
            fields = {"policy": policy.name, "policy_hash": policy.hash, "shadow": policy.shadow}
            if policy.pins is not None and policy.pins.hash:
                fields["pins_hash"] = policy.pins.hash
            await self.audit.append(Record(type="policy_loaded", fields=fields, blobs=(policy.text,)))
        for server in self.servers.values():
            await self.record_server("server_registered", server)

    async def record_server(self, type_: str, server: ServerDeclaration) -> None:
        """A server came or went. Names of headers, never their values."""
        await self.audit.append(
            Record(
                type=type_,
                fields={
                    "server_label": server.label,
                    "server_identity": server.identity,
                    "headers": sorted(server.headers),
                    "allowed_tools": server.allowed_tools,
                    "observe": server.observe,
                    "declared_at": server.origin,
                },
            )
        )

    async def register(self, server: ServerDeclaration) -> None:
        """Declare a server from now on. Raises UsageError where it may not be."""
        if server.label in self.servers:
            raise UsageError(f"a server {server.label!r} is registered already; remove it first")
        profile = self.config.model.profile
        if not profile.hosted_mcp or not (profile.approvals_honoured or server.observe):
            raise UsageError(
                f"the endpoint's profile {profile.name!r} does not say that it honours approvals, so the "
                f"hosted server {server.label!r} is refused; see docs/configuration.md, `profile`"
            )
        await self.announce()
        await self.record_server("server_registered", server)
        self.servers[server.label] = server

    async def remove(self, label: str) -> None:
        """Declare a server no longer."""
        server = self.servers.get(label)
        if server is None:
            raise UsageError(f"no server {label!r} is registered")
        await self.announce()
        await self.record_server("server_removed", server)
        del self.servers[label]

    async def close(self) -> None:
        """Close what was opened here; a sink the caller brought is the caller's."""
        if isinstance(self.audit, AuditLog):
            await self.audit.close()


def assemble(
    config: Configuration | str | Path,
    *,
    tools: Iterable[AnyTool] = (),
    approver: Approver | None = None,
    audit: AuditSink | None = None,
    sources: SecretSources | None = None,
    clock: Clock | None = None,
    state_key: bytes | None = None,
) -> Assembly:
    """Put the parts together. Opens the audit log; raises ConfigurationError or AuditUnavailable."""
    if not isinstance(cast("object", tools), Iterable):
        raise UsageError(f"tools is a list of functions, not {type(tools).__name__}: write tools=[…]")
    found = config if isinstance(config, Configuration) else load_config(config)
    mask = Mask()
    time = clock if clock is not None else SystemClock()
    keys = found.audit.path / "keys" / "state.key"
    sink = audit
    if sink is None:
        sink = AuditLog.open(found.audit.path, mask=mask, levels=found.audit.levels, clock=time)
    return Assembly(
        config=found,
        tools=as_tools(tuple(tools)),
        audit=sink,
        approver=approver if approver is not None or found.approvals.ask != "deny" else DenyApprover(),
        seal=Seal(state_key if state_key is not None else load_state_key(keys)),
        mask=mask,
        sources=sources if sources is not None else process_sources(),
        clock=time,
        policies=_policies(found),
        log=make_logger(mask, format=found.logging.format, level=found.logging.level),
        servers={server.label: server for server in found.servers},
    )


def _policies(config: Configuration) -> Policies:
    """Those of the configuration; unless it says otherwise, they follow their files."""
    if config.policy_reload:
        return ReloadingPolicies(policies=config.policies)
    return FixedPolicies(policies=config.policies)


def run_sync(coroutine: Any) -> Any:
    """Run to the end, from code that is not async. Refuses inside a running event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    coroutine.close()
    raise UsageError("an event loop is running here; await the async method instead")
