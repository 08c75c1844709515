"""`/tools`, `/policy`, `/audit`, `/usage`: what is declared, what would be decided, what was."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator

from mcpbridge.audit import read, render_line
from mcpbridge.cli.chat.outlook import outlook, spoken
from mcpbridge.cli.chat.room import Room
from mcpbridge.config import ServerDeclaration
from mcpbridge.core.action import Action
from mcpbridge.core.offered import names
from mcpbridge.core.ruling import Effect
from mcpbridge.core.strict_json import MalformedArguments, parse_arguments
from mcpbridge.errors import UsageError
from mcpbridge.policy import Facts

_LOCAL = "local"


def show_tools(room: Room) -> None:
    """Servers, the tools that are known of them, and what the policy could say about each."""
    parts, screen = room.parts, room.screen
    declared = parts.declared()
    for label, server in parts.servers.items():
        screen.title(f"{label}  {server.identity}")
        bridged = label in declared.bridged
        way = "bridged: called by mcpbridge" if bridged else "hosted: called by the model provider"
        screen.say(f"  {way}{', WITHOUT ASKING (observe)' if server.observe else ''}")
        for tool, note in _tools(room, label, server):
            screen.entry(tool, note or _effect(room, f"{label}.{tool}", known=True), column=30)
    if parts.tools:
        screen.title(_LOCAL)
        screen.say("  functions of this process")
        for tool in parts.tools:
            screen.entry(tool, _effect(room, f"{_LOCAL}.{tool}", known=True), column=30)
    for tool in sorted(parts.config.accept_ungated):
        screen.entry(tool, "built in: never asks (accept_ungated)", column=30)
    if not (parts.servers or parts.tools or parts.config.accept_ungated):
        screen.say("No server and no tool is declared.")


def _tools(room: Room, label: str, server: ServerDeclaration) -> Iterator[tuple[str, str]]:
    listed = room.conversation.tools.get(label)
    for tool in listed or ():
        left_out = server.callable_tools is not None and tool not in server.callable_tools
        yield tool, "not among its allowed_tools" if left_out else ""
    if listed is None:
        for tool in (*(server.allowed_tools or ()), *sorted(names(server.connection.offer))):
            yield tool, ""
        yield "…", "not listed yet: a server's tools are known after the first answer"


def _effect(room: Room, name: str, *, known: bool) -> str:
    return spoken(outlook(name, room.parts.config.policies, _facts(room, known=known)))


def _facts(room: Room, *, known: bool) -> Facts:
    principal, state = room.conversation.principal, room.conversation
    groups = frozenset(name for name, members in room.parts.config.groups.items() if principal in members)
    return Facts(principal=principal, groups=groups, known_tool=known, user_texts=state.user_texts)


def show_policy(room: Room, rest: str) -> None:
    """The files; or what they say about `label.tool`; or about one call of it, where arguments are given."""
    name, _, arguments = rest.partition(" ")
    if not name:
        _show_files(room)
    elif "." not in name.strip("."):
        raise UsageError(f"{name!r} is no tool; write /policy label.tool, as /tools names them")
    elif arguments.strip():
        _show_ruling(room, name, arguments.strip())
    else:
        _show_rules(room, name)


def _show_files(room: Room) -> None:
    for policy in room.parts.config.policies:
        room.screen.title(policy.file)
        for rule in policy.rules:
            tools = ", ".join(glob.pattern for glob in rule.tools)
            room.screen.entry(rule.id, f"{rule.effect}: {tools}{' where …' if rule.when else ''}", column=24)
        defaults = policy.defaults
        room.screen.entry(
            "otherwise", f"{defaults.decision}; unknown tools: {defaults.unknown_tool}", column=24
        )
    acts_for = room.conversation.principal or "nobody in particular"
    room.screen.say(f"The model acts for {acts_for}. Of all rules the strictest wins: deny, ask, allow.")


def _show_rules(room: Room, name: str) -> None:
    known = _known(room, name)
    room.screen.title(f"{name}: {_effect(room, name, known=known)}")
    if not known:
        room.screen.say("  no server that is declared has listed it")
    for policy in room.parts.config.policies:
        rules = policy.plan(name).rules
        for rule in rules:
            conditions = "; ".join(text for condition in rule.when for text in condition.texts)
            who = f" [{rule.who.text}]" if rule.who is not None else ""
            where = f" where {conditions}" if conditions else ""
            room.screen.entry(rule.id, f"{rule.effect}{where}{who} ({policy.name})", column=24)
        if not rules:
            room.screen.entry("otherwise", f"{policy.defaults.decision} ({policy.name})", column=24)


def _show_ruling(room: Room, name: str, text: str) -> None:
    try:
        arguments = parse_arguments(text)
    except MalformedArguments as error:
        raise UsageError(f"the arguments of {name} are no JSON object: {error}") from None
    label, _, tool = name.partition(".")
    declared = room.parts.declared()
    action = Action(
        request_id="",
        server_label=label,
        tool=tool,
        via="hosted" if label in declared.servers else "bridge" if label in declared.bridged else "local",
        arguments=arguments,
        raw_arguments=json.dumps(arguments),
        server_identity=declared.identity(label) or _LOCAL,
    )
    ruling = room.parts.judge().rule(action, room.conversation, known=_known(room, name))
    rules = ", ".join(ruling.rule_ids) or "the policy's default"
    effect = "ask a person" if ruling.effect is Effect.ASK else ruling.effect
    room.screen.entry(name, f"{effect}, by {rules}{f': {ruling.reason}' if ruling.reason else ''}", column=24)


def _known(room: Room, name: str) -> bool:
    """As the engine sees it: a hosted server that was never listed is taken at its word."""
    label, _, tool = name.partition(".")
    if label not in room.parts.servers:
        return label == _LOCAL and tool in room.parts.tools
    listed = room.conversation.tools.get(label)
    return listed is None or tool in listed


def show_audit(room: Room, rest: str) -> None:
    """The last records of this conversation."""
    if rest and not (rest.isdecimal() and int(rest) > 0):
        raise UsageError(f"{rest!r} is no count; write /audit, or /audit 50")
    records = read(room.parts.config.audit.path, conversation=room.conversation.id)
    shown = deque(records, maxlen=int(rest) if rest else 10)
    for record in shown:
        room.screen.entry("", render_line(record).strip(), column=2)
    if not shown:
        room.screen.say("Nothing is on record of this conversation yet.")


def show_usage(room: Room) -> None:
    """Tokens of the whole conversation."""
    usage = room.conversation.usage
    room.screen.say(
        f"{usage.input_tokens:,} tokens in ({usage.cached_tokens:,} of them cached), "
        f"{usage.output_tokens:,} out ({usage.reasoning_tokens:,} of them reasoning), "
        f"{usage.total_tokens:,} together, in this conversation"
    )
