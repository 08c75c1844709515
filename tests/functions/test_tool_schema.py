"""What the model is shown of a function, and which functions are refused."""

from __future__ import annotations

import enum
import functools
import inspect
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, assert_type

import pytest
from openai.types.responses import FunctionToolParam
from pydantic import BaseModel, Field, TypeAdapter
from typing_extensions import TypedDict

from mcpbridge.adapters.functions import FunctionTool, as_tools, tool
from mcpbridge.errors import UsageError
from mcpbridge.ports import CallContext, LocalTool

if TYPE_CHECKING:
    from decimal import Decimal


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Ticket(BaseModel):
    title: str
    tags: list[str] = []


@dataclass
class Point:
    x: int
    y: int = 0


class Options(TypedDict, total=False):
    deep: bool


def schema_of(function: Callable[..., Any]) -> Any:
    return tool(function).definition.input_schema


def refused(function: Callable[..., Any], **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        tool(function, **options)
    return str(caught.value)


def test_a_function_is_shown_with_its_schema_and_its_words() -> None:
    @tool
    async def open_ticket(title: str, severity: Literal["low", "high"] = "low") -> str:
        """Open a ticket in the tracker.

        Nobody is paged.

        Args:
            title: What is wrong,
                in one line.
            severity: How bad it is.

        Returns:
            The ticket's id.
        """
        return f"{title} {severity}"

    assert open_ticket.parameters() == {
        "type": "function",
        "name": "open_ticket",
        "description": "Open a ticket in the tracker.\n\nNobody is paged.",
        "parameters": {
            "type": "object",
            "properties": {
                "title": {"type": "string", "description": "What is wrong,\nin one line."},
                "severity": {
                    "type": "string",
                    "enum": ["low", "high"],
                    "default": "low",
                    "description": "How bad it is.",
                },
            },
            "required": ["title"],
            "additionalProperties": False,
        },
        "strict": False,
    }
    TypeAdapter(FunctionToolParam).validate_python(open_ticket.parameters())
    assert open_ticket.definition.server_identity == "local"
    assert open_ticket.definition_hash == open_ticket.definition.hash()


def numpy_style(title: str) -> None:
    """Open a ticket.

    Parameters
    ----------
    title : str
        What is wrong.
    """


def rest_style(title: str) -> None:
    """Open a ticket.

    :param title: What is wrong.
    :returns: nothing
    """


@pytest.mark.parametrize("function", [numpy_style, rest_style])
def test_numpy_and_rest_docstrings_are_read_too(function: Callable[[str], None]) -> None:
    definition = tool(function).definition
    assert definition.description == "Open a ticket."
    assert definition.input_schema["properties"]["title"]["description"] == "What is wrong."


def test_a_docstring_that_cannot_be_parsed_is_kept_whole() -> None:
    def broken() -> None:
        """Open.

        :: : the parser gives up here
        """

    assert tool(broken).definition.description == "Open.\n\n:: : the parser gives up here"


def test_a_function_without_docstring_or_parameters_has_an_empty_object() -> None:
    def ping() -> str:
        return "pong"

    assert tool(ping).definition.description == ""
    assert schema_of(ping) == {"type": "object", "properties": {}, "additionalProperties": False}


def test_types_of_every_usual_kind_become_json_schema() -> None:
    def everything(
        *,
        ticket: Ticket,
        point: Point,
        options: Options,
        colour: Colour,
        due: datetime,
        names: list[str],
        weights: dict[str, float],
        note: str | None = None,
        older: Optional[int] = None,  # noqa: UP045
        count: Annotated[int, Field(ge=1, description="How many.")] = 1,
        anything: Any = None,
    ) -> None:
        """Do it.

        Args:
            count: ignored, the annotation is nearer
        """

    schema = schema_of(everything)
    properties = schema["properties"]
    assert set(schema["$defs"]) == {"Ticket", "Point", "Options", "Colour"}
    assert schema["required"] == ["ticket", "point", "options", "colour", "due", "names", "weights"]
    assert properties["due"] == {"type": "string", "format": "date-time"}
    assert properties["weights"] == {"type": "object", "additionalProperties": {"type": "number"}}
    assert properties["note"] == {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    assert properties["older"]["anyOf"][0] == {"type": "integer"}
    assert properties["count"] == {"type": "integer", "minimum": 1, "default": 1, "description": "How many."}
    assert properties["anything"] == {"default": None}


def test_names_that_pydantic_keeps_for_itself_are_ordinary_parameters() -> None:
    def odd(schema: str, copy: int, model_config: bool, _private: str = "x") -> None: ...

    properties = schema_of(odd)["properties"]
    assert list(properties) == ["schema", "copy", "model_config", "_private"]


def test_a_default_that_json_cannot_hold_is_left_out_of_the_schema() -> None:
    def shelve(place: str = object()) -> None: ...  # type: ignore[assignment]

    assert schema_of(shelve)["properties"] == {"place": {"type": "string"}}


def test_the_context_is_not_shown_to_the_model() -> None:
    def with_context(title: str, context: Annotated[CallContext, "injected"], /, **_: Any) -> None: ...

    def plain(title: str, context: Annotated[CallContext, "injected"]) -> None: ...

    def optional(title: str, context: CallContext | None = None) -> None: ...

    assert "positional-only" in refused(with_context)
    assert list(schema_of(plain)["properties"]) == ["title"]
    assert list(schema_of(optional)["properties"]) == ["title"]


def test_name_description_and_the_rest_can_be_set() -> None:
    @tool(name="open-ticket", description="Open it.", timeout=2.5, idempotent=True)
    def create(title: str) -> str:
        """Create."""
        return title

    assert (create.name, create.definition.description) == ("open-ticket", "Open it.")
    assert (create.timeout, create.idempotent) == (2.5, True)
    assert repr(create) == "<FunctionTool open-ticket>"


def test_the_engine_decides_where_nothing_was_set() -> None:
    plain = tool(numpy_style)
    assert (plain.timeout, plain.idempotent) == (None, False)
    port: LocalTool = plain
    assert port is plain


def test_a_tool_is_still_the_function_with_its_own_signature() -> None:
    def original(a: int, b: int = 1) -> int:
        """Add."""
        return a + b

    add = tool(original, name="add")
    assert_type(add(2), int)
    assert add(2, b=3) == 5
    assert (add.name, add.__doc__, inspect.signature(add)) == ("add", "Add.", inspect.signature(original))


def test_a_bound_method_is_a_tool() -> None:
    class Tracker:
        def open(self, title: str) -> str:
            return title

    opened = tool(Tracker().open, name="open_ticket")
    assert list(opened.definition.input_schema["properties"]) == ["title"]
    assert opened("x") == "x"


def test_a_wrapped_function_is_read_through_its_wrapper() -> None:
    def logged(function: Callable[[str], str]) -> Callable[[str], str]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> str:
            return function(*args, **kwargs)

        return wrapper

    def greet(name: str) -> str:
        return name

    assert list(schema_of(logged(greet))["properties"]) == ["name"]


def test_quoted_annotations_find_local_types_of_the_enclosing_functions() -> None:
    class Local(BaseModel):
        size: int

    def build() -> FunctionTool[..., Any]:
        @tool
        def measure(thing: Local, things: list[Local], when: date) -> None: ...

        return measure

    assert "Local" in build().definition.input_schema["$defs"]


def test_local_names_of_a_mere_caller_do_not_change_a_meaning() -> None:
    Colour = int  # noqa: F841  # pyright: ignore[reportUnusedVariable]
    assert schema_of(painted)["properties"]["colour"]["$ref"] == "#/$defs/Colour"


def painted(colour: Colour) -> None: ...


def test_a_type_that_is_only_there_for_type_checkers_is_refused() -> None:
    def pay(amount: Decimal) -> None: ...

    message = refused(pay)
    assert message.startswith("pay: parameter `amount`: its annotation 'Decimal' cannot be resolved")
    assert "TYPE_CHECKING" in message


def test_signatures_that_a_model_cannot_fill_are_refused_by_name() -> None:
    def star(*values: int) -> None: ...
    def stars(**values: int) -> None: ...
    def bare(value) -> None: ...  # type: ignore[no-untyped-def]  # pyright: ignore
    def two(a: CallContext, b: CallContext) -> None: ...
    def mixed(a: CallContext | str) -> None: ...

    assert "star: parameter `values` collects positional arguments" in refused(star)
    assert "stars: parameter `values` collects unknown arguments" in refused(stars)
    assert "bare: parameter `value` has no type annotation" in refused(bare)  # pyright: ignore
    assert "two: parameters `a` and `b` all take the CallContext" in refused(two)
    assert "mixed: parameter `a` mixes CallContext" in refused(mixed)


def test_a_method_decorated_in_its_class_is_told_to_be_bound() -> None:
    class Tracker:
        def open(self, title: str) -> None: ...

    assert "tool(instance.method)" in refused(Tracker.open)


def test_types_without_a_json_schema_are_refused_by_parameter() -> None:
    def connect(host: str, via: socket.socket) -> None: ...
    def call_back(then: Callable[[], None]) -> None: ...
    def constrained(count: Annotated[str, Field(pattern="(")]) -> None: ...

    assert "connect: parameter `via` has a type that cannot be described" in refused(connect)
    assert "call_back: parameter `then`" in refused(call_back)
    assert "constrained: parameter `count`" in refused(constrained)


def test_a_failure_of_the_parameters_together_names_the_function() -> None:
    def default(when: date | None = Field(default=None)) -> None: ...  # noqa: B008
    def aliased(from_: Annotated[str, Field(alias="from")]) -> None: ...
    def factory(a: Annotated[int, Field(default_factory=int)] = 3) -> None: ...

    assert "default: parameter `when` has Field(…) as its default" in refused(default)
    assert "aliased: parameter `from_` has an alias" in refused(aliased)
    assert refused(factory).startswith("factory has a type that cannot be described")


def test_what_is_no_plain_function_is_refused() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    async def later() -> AsyncIterator[int]:
        yield 1

    assert "return a list instead of yielding" in refused(numbers)
    assert "return a list instead of yielding" in refused(later)
    assert "not partial" in refused(functools.partial(painted))
    assert "not ModelMetaclass" in refused(Ticket)


@pytest.mark.parametrize("name", ["", "a" * 65, "tracker.open", "öffnen", "two words", "line\n"])
def test_names_that_the_api_would_not_take_are_refused(name: str) -> None:
    assert "cannot be a tool's name" in refused(painted, name=name)


def test_a_lambda_needs_a_name() -> None:
    ping: Callable[[], str] = lambda: "pong"  # noqa: E731
    assert "use @tool(name=…)" in refused(ping)
    assert tool(ping, name="ping").name == "ping"


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), True])
def test_a_timeout_that_is_no_span_of_time_is_refused(timeout: float) -> None:
    assert "painted: timeout must be a positive number" in refused(painted, timeout=timeout)


def test_tools_are_kept_by_name_and_plain_functions_are_taken_as_they_are() -> None:
    tools = as_tools([painted, tool(numpy_style, name="open")])
    assert list(tools) == ["painted", "open"]
    assert tools["painted"].name == "painted"


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two tools are called painted"):
        as_tools([painted, tool(numpy_style, name="painted")])


def test_a_program_without_tools_does_not_pay_for_pydantic() -> None:
    program = (
        "import sys, mcpbridge.adapters.functions; print({'pydantic', 'openai', 'mcp'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
