"""One turn from the command line: assemble, run, save, show."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path

from mcpbridge.adapters.approvers import DenyApprover
from mcpbridge.adapters.terminal import TerminalApprover, user_name
from mcpbridge.bridge.assembly import assemble
from mcpbridge.bridge.bridge import Bridge
from mcpbridge.bridge.result import Result
from mcpbridge.cli.interrupts import cancelling, run_here
from mcpbridge.cli.parsing import DEFAULT_CONFIG
from mcpbridge.cli.run_end import End, broken, ended, not_begun, resume_command, stopped, turn_command
from mcpbridge.cli.run_options import Decide, Options
from mcpbridge.cli.show import Show
from mcpbridge.cli.state_file import StateFile
from mcpbridge.cli.streams import somebody_there, write_whatever_comes
from mcpbridge.config import Configuration, load_config
from mcpbridge.core.conversation import Conversation
from mcpbridge.core.ruling import Answer, Approve, Deny
from mcpbridge.engine.events import Event
from mcpbridge.engine.local_calls import Checkpoint
from mcpbridge.engine.loop import Turn
from mcpbridge.errors import McpbridgeError, StateRefused, UsageError
from mcpbridge.ports import Approver


def run_turn(options: Options) -> int:
    """Run and show it; returns the exit code."""
    write_whatever_comes(sys.stdout)
    show = Show(sys.stdout, sys.stderr, as_json=options.as_json, stream=options.stream)
    file = StateFile(options.state) if options.state is not None else None
    try:
        _refuse_missing(options)
        config = diagnostics(load_config(options.config or DEFAULT_CONFIG), verbose=options.verbose)
        with file.locked() if file is not None else nullcontext():
            end = run_here(_session(options, config, file, show))
    except McpbridgeError as error:
        end = not_begun(error)
    return show.end(end, config=options.config)


def _refuse_missing(options: Options) -> None:
    """Before anything is made beside it: a lock of nothing would stay."""
    if options.resuming and options.state is not None and not options.state.exists():
        raise StateRefused(f"there is no saved state in {options.state}")


async def _session(options: Options, config: Configuration, file: StateFile | None, show: Show) -> End:
    assembly = assemble(config, approver=_approver(options, config))
    show.mask = assembly.mask
    with ExitStack() as signals:
        async with Bridge(assembly) as bridge:
            turn = _turn(bridge, options, config, file)
            told = Resolutions(turn, _answers(options), show)
            end = await _end(bridge, turn, told.event, signals)
            told.look()
            return _saved(end, bridge, file)


def _turn(bridge: Bridge, options: Options, config: Configuration, file: StateFile | None) -> Turn:
    conversation, answers = _begin(bridge, options, file)
    return bridge.turn(
        options.prompt,
        conversation=conversation,
        principal=options.principal,
        stream=options.stream or config.model.stream is True,
        checkpoint=None if file is None else _checkpoint(bridge, file),
        decisions=answers,
    )


def _begin(
    bridge: Bridge, options: Options, file: StateFile | None
) -> tuple[Conversation | None, Mapping[str, Answer]]:
    """The saved conversation, if there is one, and the answers that were given with it."""
    conversation = file.load(bridge.loads) if file is not None else None
    if conversation is None:
        if options.resuming:
            raise StateRefused(f"there is no saved state in {options.state}")
        return None, {}
    if options.resuming:
        return _resumed(bridge, conversation, options)
    _refuse_further_turn(conversation, options)
    return conversation, {}


def _resumed(
    bridge: Bridge, conversation: Conversation, options: Options
) -> tuple[Conversation, Mapping[str, Answer]]:
    if not options.decisions and conversation.finished:
        raise UsageError(
            f"nothing is open in {options.state}; "
            f"for a further turn: {turn_command(options.state or Path(), config=options.config)}"
        )
    return conversation, _answers(options)


def _answers(options: Options) -> dict[str, Answer]:
    by = options.by if options.by is not None else user_name()
    return {request_id: _answer(decided, by) for request_id, decided in options.decisions.items()}


def _answer(decided: Decide, by: str) -> Answer:
    if not decided.allow:
        return Deny(by=by, reason=decided.reason)
    if decided.always is None:
        return Approve(by=by, reason=decided.reason, arguments=decided.arguments)
    return Approve(by=by, always=True, ttl=decided.always.ttl, uses=decided.always.uses)


class Resolutions:
    """Tells what became of unknown outcomes that a person decided about: no event says so."""

    def __init__(self, turn: Turn, answers: Mapping[str, Answer], show: Show) -> None:
        self._turn, self._show = turn, show
        begun = turn.conversation
        self._open = {name: answers[name] for name in begun.unknown if name in answers}
        self._repeats = dict(begun.repeats)

    def event(self, event: Event) -> None:
        """Look before each event is shown: it comes after what was decided."""
        self.look()
        self._show.event(event)

    def look(self) -> None:
        now = self._turn.conversation
        for request_id, answer in list(self._open.items()):
            again = now.repeats.get(request_id, 0) > self._repeats.get(request_id, 0)
            if again or request_id not in now.unknown:
                del self._open[request_id]
                self._show.resolved(request_id, "repeated" if again else "given up", answer.by)


def _refuse_further_turn(conversation: Conversation, options: Options) -> None:
    assert options.state is not None
    if options.principal not in (None, conversation.principal):
        acts_for = repr(conversation.principal) if conversation.principal else "nobody in particular"
        raise UsageError(
            f"the conversation in {options.state} acts for {acts_for}; start another one for somebody else"
        )
    unknown, pending = conversation.unknown, tuple(call.id for call in conversation.pending)
    if not unknown and not pending:
        return
    what = "the outcome is unknown of" if unknown else "questions are open:"
    command = resume_command(options.state, unknown or pending, "yes", config=options.config)
    raise UsageError(
        f"no further turn in {options.state} yet, {what} {', '.join(unknown or pending)}; "
        f"decide first, with yes or no:reason: {command}"
    )


def _approver(options: Options, config: Configuration) -> Approver | None:
    """None pauses where somebody must decide."""
    if config.approvals.ask == "deny":
        return DenyApprover()
    if options.prompt_from_stdin or not somebody_there():
        return None
    return TerminalApprover(sys.stdin, sys.stderr, user=options.by)


async def _end(bridge: Bridge, turn: Turn, on_event: Callable[[Event], None], signals: ExitStack) -> End:
    """Run the turn in a task of its own, which a signal cancels: what comes after is not cancelled. Signals
    are caught until `signals` is left, since programs of servers run until the bridge is closed."""
    running: asyncio.Task[Result] = asyncio.create_task(bridge.finish(turn, on_event=on_event))
    caught = signals.enter_context(cancelling(running))
    try:
        return ended(await running)
    except McpbridgeError as error:
        return broken(turn.conversation, error)
    except asyncio.CancelledError:
        if not caught:
            raise
        return stopped(turn.conversation, caught[0])


def _checkpoint(bridge: Bridge, file: StateFile) -> Checkpoint:
    async def save(conversation: Conversation) -> None:
        # On purpose not in a thread: two saves must not overtake each other when one is cancelled.
        file.write(bridge.dumps(conversation))

    return save


def _saved(end: End, bridge: Bridge, file: StateFile | None) -> End:
    """Save the end, also where nobody named a file and something would be lost."""
    if file is None:
        if not end.worth_saving:
            return end
        file = StateFile(Path(f"{end.conversation.id}.state.json"))
    try:
        file.write(bridge.dumps(end.conversation))
    except McpbridgeError as error:
        failed = broken(end.conversation, error)
        message = f"{end.message}; {failed.message}" if end.message else failed.message
        return replace(failed, message=message, text=end.text, denied=end.denied, questions=end.questions)
    return replace(end, saved=file.path)


def diagnostics(config: Configuration, *, verbose: bool) -> Configuration:
    """Notices are shown as progress; as diagnostics too only for -v, JSON, or who lowered the level."""
    logging = config.logging
    if verbose:
        logging = replace(logging, level="debug")
    elif logging.format == "console" and logging.level == "warning":
        logging = replace(logging, level="error")
    return replace(config, logging=logging)
