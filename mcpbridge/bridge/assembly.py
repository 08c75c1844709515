"""The parts that Bridge and Gate share: configuration, policies, audit, tools, the people to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from mcpbridge.adapters.approvers import DenyApprover
from mcpbridge.adapters.audit_log import open_audit
from mcpbridge.adapters.freeze_file import FreezeFile
from mcpbridge.adapters.functions import FunctionTool, as_tools
from mcpbridge.adapters.hosted_tools import ToolDeclarations, bridged_server, hosted_server
from mcpbridge.adapters.logging import Diagnostics, make_logger
from mcpbridge.adapters.sealing import Seal, load_state_key
from mcpbridge.adapters.system_clock import SystemClock
from mcpbridge.adapters.telemetry import About, Telemetry, Trace
from mcpbridge.audit import AuditLog
from mcpbridge.bridge.bridged import connect, fallback_reason, is_bridged
from mcpbridge.bridge.ending import Ending
from mcpbridge.config import (
    Configuration,
    SecretSources,
    ServerDeclaration,
    load_config,
    process_sources,
)
from mcpbridge.config.reloading import ReloadingPolicies
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.declared import BridgedServer, Declared, named_containers
from mcpbridge.core.function_names import label_of
from mcpbridge.core.secret import Mask
from mcpbridge.engine.judge import FixedPolicies, Judge, Policies
from mcpbridge.engine.shelves import Toolboxes
from mcpbridge.errors import UsageError
from mcpbridge.policy.said.remembered import Remembered
from mcpbridge.ports import Approver, AuditSink, Clock, Record, Toolbox

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
    telemetry: Telemetry
    caller: str = "the model"
    """Who wants the calls that are on nobody's behalf."""
    servers: dict[str, ServerDeclaration] = field(default_factory=dict[str, ServerDeclaration])
    """All that are declared, however they are reached."""
    toolboxes: Toolboxes = field(default_factory=Toolboxes)
    given: Mapping[str, Toolbox] = field(default_factory=dict[str, Toolbox])
    """Toolboxes that the caller brought, by label."""
    with_tokens: dict[str, tuple[ServerDeclaration, ServerDeclaration]] = field(
        default_factory=dict[str, "tuple[ServerDeclaration, ServerDeclaration]"], repr=False
    )
    """Label → the hosted server, and the same one with our token."""
    announced: bool = False
    announcing: asyncio.Lock = field(default_factory=asyncio.Lock)
    remembered: Remembered = field(default_factory=Remembered)
    _declared: tuple[tuple[ServerDeclaration, ...], Declared] | None = field(default=None, init=False)
    """Servers, and what they declare: made anew where they changed."""
    _judge: Judge | None = field(default=None, init=False)
    _ending: Ending = field(init=False)

    def __post_init__(self) -> None:
        self._ending = Ending(self._close)

    @property
    def origin(self) -> str:
        """Where reasoning ciphertext is valid (WIRE §4.6)."""
        return f"{self.config.model.base_url}|{self.config.model.name}"

    def declared(self) -> Declared:
        """What the next request declares, as the core sees it."""
        servers = tuple(self.servers.values())
        if self._declared is None or self._declared[0] != servers:
            self._declared = (servers, self._declared_now())
        return self._declared[1]

    def _declared_now(self) -> Declared:
        return Declared(
            servers={server.label: hosted_server(server) for server in self.hosted()},
            bridged={server.label: self._core_of(server) for server in self.bridged()},
            functions=frozenset(self.tools),
            ungated=frozenset(str(tool["type"]) for tool in self.config.hosted_tools),
            containers=named_containers(self.config.hosted_tools),
            origin=self.origin,
        )

    def _core_of(self, server: ServerDeclaration) -> BridgedServer:
        why = fallback_reason(server, self.config.model.profile)
        return replace(bridged_server(server), fallback=why)

    def hosted(self) -> list[ServerDeclaration]:
        """The servers that the provider connects to."""
        profile = self.config.model.profile
        return [server for server in self.servers.values() if not is_bridged(server, profile)]

    def bridged(self) -> list[ServerDeclaration]:
        """The servers that are connected to from here."""
        profile = self.config.model.profile
        return [server for server in self.servers.values() if is_bridged(server, profile)]

    def judge(self) -> Judge:
        """The judge over the configured policies."""
        if self._judge is None or self._judge.approver is not self.approver:
            self._judge = self._new_judge()
        return self._judge

    def _new_judge(self) -> Judge:
        return Judge(
            policies=self.policies,
            clock=self.clock,
            approver=self.approver,
            ask_timeout=self.config.approvals.timeout,
            groups={name: frozenset(members) for name, members in self.config.groups.items()},
            freeze=FreezeFile.of(self.config.audit.path),
            caller=self.caller,
            remembered=self.remembered,
        )

    def tool_declarations(self) -> ToolDeclarations:
        """The wire's `tools`, resolved per request."""
        return ToolDeclarations(
            servers={server.label: self._with_token(server) for server in self.hosted()},
            functions=self.tools,
            hosted_tools=self.config.hosted_tools,
            profile=self.config.model.profile,
            sources=self.sources,
            mask=self.mask,
        )

    def _with_token(self, server: ServerDeclaration) -> ServerDeclaration:
        """A hosted server whose token we get ourselves (`oauth:`) is given it with each request."""
        if server.oauth is None:
            return server
        made = self.with_tokens.get(server.label)
        if made is None or made[0] is not server:
            from mcpbridge.adapters.oauth.declared import with_token

            made = (server, with_token(server, self.sources, self.mask))
            self.with_tokens[server.label] = made
        return made[1]

    def new_conversation(self, principal: str | None) -> Conversation:
        """An empty conversation on behalf of `principal`."""
        return Conversation(
            id=self.clock.new_id("conv"),
            principal=self.config.principal if principal is None else principal,
            mcp_results=self.config.mcp_results,
        )

    async def prepare(self, trace: Trace | None, run_id: str) -> None:
        """What a turn begins with: its trace, where there is one, and the configuration on record."""
        if trace is not None:
            trace.begin(run_id)
        await self.announce()

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
                    "audit": self._kept(),
                },
            )
        )
        if full := [glob for glob, level in self.config.audit.levels.items() if level == "full"]:
            await self.audit.append(Record(type="results_kept", fields={"tools": full}))
        for policy in self.config.policies:
            fields = {"policy": policy.name, "policy_hash": policy.hash, "shadow": policy.shadow}
            if policy.pins is not None and policy.pins.hash:
                fields["pins_hash"] = policy.pins.hash
            await self.audit.append(Record(type="policy_loaded", fields=fields, blobs=(policy.text,)))
        for server in self.servers.values():
            await self.record_server("server_registered", server)

    def _kept(self) -> dict[str, Any]:
        """What the log keeps from here on, for whoever wonders why something is not in it."""
        audit = self.config.audit
        return {
            "levels": dict(audit.levels),
            "full": audit.allow_full,
            "secrets": [{"tool": one.tool, "fields": list(one.fields)} for one in audit.secrets],
            "recipients": list(audit.recipients),
            "retention_s": audit.retention,
            "anchors": [anchor.name for anchor in audit.anchors],
        }

    async def record_server(self, type_: str, server: ServerDeclaration) -> None:
        """A server came or went. Names of headers and variables, never their values."""
        bridged = is_bridged(server, self.config.model.profile)
        about = {"via": "bridge", "variables": sorted(server.connection.env)} if bridged else {}
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
                    **about,
                },
            )
        )
        why = fallback_reason(server, self.config.model.profile)
        if why and type_ == "server_registered":
            await self._record_fallback(server, f"{why}, so mcpbridge connects to the server")

    async def _record_fallback(self, server: ServerDeclaration, reason: str) -> None:
        """`via: auto`, and the endpoint is not known to ask before it calls. Each conversation tells it."""
        fields = {"capability": f"server {server.label}", "server_label": server.label, "reason": reason}
        await self.audit.append(Record(type="capability_fallback", fields=fields))

    async def register(self, server: ServerDeclaration) -> None:
        """Declare a server from now on. Raises UsageError where it may not be."""
        if server.label in self.servers:
            raise UsageError(f"a server {server.label!r} is registered already; remove it first")
        profile = self.config.model.profile
        proven = profile.hosted_mcp and (profile.approvals_honoured or server.observe)
        if server.via == "hosted" and not proven:
            raise UsageError(
                f"the endpoint's profile {profile.name!r} does not say that it honours approvals, so the "
                f"hosted server {server.label!r} is refused; declare it with via='bridge', or see "
                "docs/configuration.md, `profile`"
            )
        _refuse_shadowed(self.tools, [server])
        await self.announce()
        await self.record_server("server_registered", server)
        self.servers[server.label] = server
        self.open_later(server)

    def open_later(self, server: ServerDeclaration) -> None:
        """Where a bridged server is reached; the connection waits until it is used."""
        if is_bridged(server, self.config.model.profile):
            given = self.given.get(server.label)
            self.toolboxes.openers[server.label] = (
                partial(connect, server, self.sources, self.mask, self.log, self.audit)
                if given is None
                else lambda: given
            )

    async def remove(self, label: str) -> None:
        """Declare a server no longer."""
        server = self.servers.get(label)
        if server is None:
            raise UsageError(f"no server {label!r} is registered")
        await self.announce()
        await self.record_server("server_removed", server)
        del self.servers[label]
        await self.toolboxes.close(label)
        self.toolboxes.openers.pop(label, None)

    async def close(self) -> None:
        """Close what was opened here; a sink the caller brought is the caller's. Cancelled, it goes on, and
        closing again waits for the same end."""
        await self._ending()

    async def _close(self) -> None:
        try:
            await self.toolboxes.close()
        finally:
            if isinstance(self.audit, AuditLog):
                await self.audit.close()
        if self.telemetry.busy:
            await asyncio.to_thread(self.telemetry.close)


def assemble(
    config: Configuration | str | Path,
    *,
    tools: Iterable[AnyTool] = (),
    approver: Approver | None = None,
    audit: AuditSink | None = None,
    sources: SecretSources | None = None,
    clock: Clock | None = None,
    state_key: bytes | None = None,
    toolboxes: Mapping[str, Toolbox] | None = None,
) -> Assembly:
    """Put the parts together. Opens the audit log; raises ConfigurationError or AuditUnavailable."""
    if not isinstance(cast("object", tools), Iterable):
        raise UsageError(f"tools is a list of functions, not {type(tools).__name__}: write tools=[…]")
    found = config if isinstance(config, Configuration) else load_config(config)
    mask = Mask()
    time = clock if clock is not None else SystemClock()
    keys = found.audit.path / "keys" / "state.key"
    places = sources if sources is not None else process_sources()
    sink = audit
    if sink is None:
        sink = open_audit(found.audit, mask=mask, sources=places, clock=time)
    functions = as_tools(tuple(tools))
    _refuse_shadowed(functions, found.servers)
    assembly = Assembly(
        config=found,
        tools=functions,
        audit=sink,
        approver=approver if approver is not None or found.approvals.ask != "deny" else DenyApprover(),
        seal=Seal(state_key if state_key is not None else load_state_key(keys)),
        mask=mask,
        sources=places,
        clock=time,
        policies=_policies(found),
        telemetry=Telemetry(
            About.of(
                model=found.model.name,
                endpoint=found.model.endpoint,
                profile=found.model.profile.name,
                base_url=found.model.base_url,
            )
        ),
        log=make_logger(mask, format=found.logging.format, level=found.logging.level),
        servers={server.label: server for server in found.servers},
        given=toolboxes or {},
    )
    for server in found.servers:
        assembly.open_later(server)
    return assembly


def _refuse_shadowed(functions: Iterable[str], servers: Iterable[ServerDeclaration]) -> None:
    """A bridged server's tools are `label__tool` for the model: no Python function may be called like one."""
    labels = {server.label: server for server in servers if server.via != "hosted"}
    for name in functions:
        server = labels.get(label_of(name))
        if server is not None:
            raise UsageError(
                f"the function {name} is named like a tool of the bridged server {server.label!r}, and the "
                "model could not tell them apart; rename it with @tool(name=…), or the server"
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
