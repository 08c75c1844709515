"""Arguments are checked strictly, functions are run safely, and failures tell the model no internals."""

import asyncio
import contextvars
import enum
import threading
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel
from typing_extensions import TypedDict

from mcpbridge.adapters.functions import FunctionTool, tool
from mcpbridge.errors import ToolFailed
from mcpbridge.ports import CallContext

CONTEXT = CallContext(conversation_id="conv_1", call_id="call_1", principal="ci-bot", context={"db": 1})


class Colour(enum.Enum):
    RED = "red"


class Ticket(BaseModel):
    title: str
    priority: int = 0


@dataclass
class Point:
    x: int


class Options(TypedDict):
    deep: bool


def call(function: FunctionTool[..., Any], arguments: dict[str, Any] | None = None) -> Any:
    return asyncio.run(function.call(arguments or {}, CONTEXT))


def failure(function: FunctionTool[..., Any], arguments: dict[str, Any] | None = None) -> ToolFailed:
    with pytest.raises(ToolFailed) as caught:
        call(function, arguments)
    return caught.value


@tool
def describe(
    *, ticket: Ticket, point: Point, options: Options, colour: Colour, due: date, weight: float = 1.0
) -> str:
    return f"{ticket!r} {point!r} {options!r} {colour!r} {due!r} {weight!r}"


GOOD: dict[str, Any] = {
    "ticket": {"title": "t"},
    "point": {"x": 1},
    "options": {"deep": True},
    "colour": "red",
    "due": "2026-01-31",
}


def test_json_becomes_python_values() -> None:
    assert describe.check(GOOD) is None
    assert call(describe, GOOD) == (
        "Ticket(title='t', priority=0) Point(x=1) {'deep': True} "
        "<Colour.RED: 'red'> datetime.date(2026, 1, 31) 1.0"
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"point": {"x": "5"}}, "`point.x`: Input should be a valid integer"),
        ({"point": {"x": True}}, "`point.x`: Input should be a valid integer"),
        ({"options": {"deep": "yes"}}, "`options.deep`: Input should be a valid boolean"),
        ({"colour": "green"}, "`colour`: Input should be 'red'"),
        ({"due": "soon"}, "`due`: Input should be a valid date"),
        ({"weight": "1"}, "`weight`: Input should be a valid number"),
        ({"ticket": {}}, "`ticket.title` is missing"),
        ({"color": "red"}, "`color` is not a parameter"),
    ],
)
def test_what_does_not_fit_is_named_for_the_model(change: dict[str, Any], complaint: str) -> None:
    sentence = describe.check({**GOOD, **change})
    assert sentence is not None
    assert sentence.startswith("describe was not called, its arguments do not fit: ")
    assert complaint in sentence
    assert "pydantic" not in sentence
    assert "http" not in sentence
    assert str(failure(describe, {**GOOD, **change})) == sentence


def test_a_missing_argument_is_called_missing() -> None:
    assert describe.check({k: v for k, v in GOOD.items() if k != "due"}) == (
        "describe was not called, its arguments do not fit: `due` is missing"
    )


def test_the_branches_of_a_union_are_not_told() -> None:
    @tool
    def pick(entries: list[int | Ticket]) -> None: ...

    sentence = pick.check({"entries": [1, "x"]})
    assert sentence is not None
    assert "`entries.1`: Input should be a valid integer" in sentence
    assert "entries.1.int" not in sentence
    assert "entries.1.Ticket" not in sentence


def test_only_the_first_few_problems_are_told() -> None:
    sentence = describe.check({f"extra{number}": 1 for number in range(9)})
    assert sentence is not None
    assert sentence.count(";") == 5
    assert sentence.endswith("; and 9 more")


def test_a_hostile_key_is_shortened_and_made_visible() -> None:
    sentence = describe.check({**GOOD, "\x1b[2J" + "x" * 500: 1})
    assert sentence is not None
    assert "\x1b" not in sentence
    assert len(sentence) < 200


def refuse_odd(value: int) -> int:
    if value % 2:
        raise ValueError("must be even")
    return value


def lose_connection(value: str) -> str:
    raise ConnectionError("db.internal:5432")


def test_a_validators_own_sentence_is_told_and_its_accidents_are_not() -> None:
    @tool
    def even(number: Annotated[int, AfterValidator(refuse_odd)]) -> None: ...

    @tool
    def look_up(key: Annotated[str, AfterValidator(lose_connection)]) -> None: ...

    assert "must be even" in str(even.check({"number": 3}))
    assert look_up.check({"key": "k"}) == "the arguments of look_up could not be checked (ConnectionError)"


def test_the_arguments_are_in_no_message_of_the_chain() -> None:
    error = failure(describe, {**GOOD, "weight": "hunter2-secret"})
    assert "hunter2" not in f"{error} {error.__cause__}"


def test_an_async_function_is_awaited_in_the_loops_own_thread() -> None:
    @tool
    async def where() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert call(where) == threading.main_thread().name


def test_a_sync_function_does_not_block_the_loop_and_sees_the_context_variables() -> None:
    user = contextvars.ContextVar[str]("user")
    may_end = threading.Event()

    @tool
    def wait() -> str:
        assert may_end.wait(10)
        return user.get()

    async def scene() -> Any:
        user.set("ada")
        waiting = asyncio.create_task(wait.call({}, CONTEXT))
        await asyncio.sleep(0)
        may_end.set()  # only a loop that runs can get here
        return await waiting

    assert asyncio.run(scene()) == "ada"


def test_a_sync_function_may_return_something_to_await() -> None:
    async def later() -> str:
        return "at last"

    @tool
    def start() -> Awaitable[str]:
        return later()

    assert call(start) == "at last"


def test_the_context_is_injected() -> None:
    @tool
    def who(greeting: str, *, context: CallContext) -> str:
        return f"{greeting} {context.principal} {context.call_id} {context.context}"

    assert call(who, {"greeting": "hello"}) == "hello ci-bot call_1 {'db': 1}"
    assert "`context` is not a parameter" in str(who.check({"greeting": "x", "context": {}}))


def test_a_mutable_default_is_not_shared_between_calls() -> None:
    @tool
    def collect(name: str, into: list[str] = []) -> list[str]:  # noqa: B006
        into.append(name)
        return into

    assert [call(collect, {"name": "a"}), call(collect, {"name": "b"})] == ['["a"]', '["b"]']


def raise_from(kind: Literal["sync", "async"], error: Exception) -> FunctionTool[..., Any]:
    def open_ticket() -> None:
        raise error

    async def open_ticket_async() -> None:
        raise error

    return tool(open_ticket if kind == "sync" else open_ticket_async, name="open_ticket")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_failure_that_the_function_words_itself_is_told(kind: Literal["sync", "async"]) -> None:
    assert (
        str(failure(raise_from(kind, ToolFailed("the tracker is read-only")))) == "the tracker is read-only"
    )


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_of_any_other_failure_the_model_learns_the_type_only(kind: Literal["sync", "async"]) -> None:
    cause = ValueError("password=hunter2 at db.internal")
    error = failure(raise_from(kind, cause))
    assert str(error) == "open_ticket failed (ValueError)"
    assert error.__cause__ is cause


def test_a_stop_iteration_from_a_thread_does_not_hang() -> None:
    assert str(failure(raise_from("sync", StopIteration()))) == "open_ticket failed (StopIteration)"


@pytest.mark.parametrize("blocking", [False, True])
def test_a_cancellation_passes_through(blocking: bool) -> None:
    begun, may_end = threading.Event(), threading.Event()

    async def wait_async() -> None:
        begun.set()
        await asyncio.Event().wait()

    def wait_sync() -> None:
        begun.set()
        may_end.wait(10)

    waiting_tool = tool(wait_sync if blocking else wait_async, name="wait")

    async def scene() -> None:
        waiting = asyncio.create_task(waiting_tool.call({}, CONTEXT))
        assert await asyncio.to_thread(begun.wait, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        may_end.set()

    asyncio.run(scene())
