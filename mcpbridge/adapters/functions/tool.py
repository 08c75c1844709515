"""`@tool`: a typed Python function that the model may call, always through the gate."""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
import re
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, Final, Generic, ParamSpec, TypeVar, cast, overload

from mcpbridge.adapters.functions.output import MAX_OUTPUT_BYTES, encode, reads_files
from mcpbridge.adapters.functions.signature import read_signature
from mcpbridge.core.action import ToolDefinition
from mcpbridge.errors import ToolFailed, UsageError
from mcpbridge.ports import CallContext, Json

P = ParamSpec("P")
R = TypeVar("R")

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What the Responses API takes as a function's name."""


class FunctionTool(Generic[P, R]):
    """A LocalTool over one function. Calling it calls the function, with its own signature.

    A synchronous function runs in a worker thread with the caller's context variables. Cancelling the
    call (the engine's timeout) stops waiting for that thread; the thread itself runs to its end.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None = None,
        description: str | None = None,
        timeout: float | None = None,
        idempotent: bool = False,
        max_output_bytes: int = MAX_OUTPUT_BYTES,
    ) -> None:
        from mcpbridge.adapters.functions.docstring import read_docstring  # with schema: loads pydantic
        from mcpbridge.adapters.functions.schema import Arguments

        label = _name(function, name)
        signature = read_signature(function, label=label)
        words = read_docstring(function.__doc__)
        functools.update_wrapper(self, function)
        self._function: Callable[..., Any] = function
        self._arguments = Arguments(signature.parameters, label=label, words=words.parameters)
        self._context_name = signature.context_name
        self._timeout = _positive(label, "timeout", timeout) if timeout is not None else None
        self._idempotent = idempotent is True
        self._limit = int(_positive(label, "max_output_bytes", max_output_bytes))
        self._definition = ToolDefinition(
            name=label,
            description=words.text if description is None else description,
            input_schema=self._arguments.json_schema,
            server_identity="local",
        )
        self._definition_hash = self._definition.hash()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The function itself: no gate, no checks, for your own code and tests."""
        result: R = self._function(*args, **kwargs)
        return result

    def __repr__(self) -> str:
        return f"<FunctionTool {self.name}>"

    @property
    def name(self) -> str:
        return self._definition.name

    @property
    def definition(self) -> ToolDefinition:
        return self._definition

    @property
    def definition_hash(self) -> str:
        return self._definition_hash

    @property
    def timeout(self) -> float | None:
        """Seconds the engine waits for a call; None leaves it to the engine."""
        return self._timeout

    @property
    def bounds_itself(self) -> bool:
        """The engine stops waiting."""
        return False

    @property
    def idempotent(self) -> bool:
        """Whether a call of unknown outcome may simply be made again."""
        return self._idempotent

    def parameters(self) -> dict[str, Any]:
        """The wire's function tool.

        Not strict: strict mode forbids maps, optional fields and defaults, which most real schemas
        use. Arguments are checked here instead, before any policy sees them.
        """
        return {
            "type": "function",
            "name": self.name,
            "description": self._definition.description,
            "parameters": self._definition.input_schema,
            "strict": False,
        }

    def check(self, arguments: Json) -> str | None:
        """None when the arguments fit, else a sentence for the model."""
        try:
            self._arguments.read(arguments)
        except ToolFailed as error:
            return str(error)
        return None

    async def call(self, arguments: Json, context: CallContext) -> str | Sequence[Json]:
        """Text or content parts. Raises ToolFailed, whose message is safe to tell the model."""
        values = self._arguments.read(arguments)
        if self._context_name is not None:
            values[self._context_name] = context
        with self._told():
            return await self._send(await self._run(values))

    async def _run(self, values: dict[str, Any]) -> object:
        if inspect.iscoroutinefunction(self._function):
            return await self._function(**values)
        result = await asyncio.to_thread(self._run_here, values)
        return await result if inspect.isawaitable(result) else result

    def _run_here(self, values: dict[str, Any]) -> object:
        with self._told():  # in the thread too: asyncio never delivers a StopIteration from one
            return self._function(**values)

    async def _send(self, result: object) -> str | Sequence[Json]:
        send = functools.partial(encode, result, label=self.name, limit=self._limit)
        return await asyncio.to_thread(send) if reads_files(result) else send()

    @contextmanager
    def _told(self) -> Generator[None, None, None]:
        try:
            yield
        except ToolFailed:
            raise
        except Exception as error:  # boundary: any failure of the user's function; the cause is for logs
            raise ToolFailed(f"{self.name} failed ({type(error).__name__})") from error


@overload
def tool(
    function: Callable[P, R],
    /,
    *,
    name: str | None = ...,
    description: str | None = ...,
    timeout: float | None = ...,
    idempotent: bool = ...,
    max_output_bytes: int = ...,
) -> FunctionTool[P, R]: ...
@overload
def tool(
    *,
    name: str | None = ...,
    description: str | None = ...,
    timeout: float | None = ...,
    idempotent: bool = ...,
    max_output_bytes: int = ...,
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Offer a function to the model. Use as `@tool`, `@tool(timeout=5)` or `tool(instance.method)`.

    `name` and `description` default to the function's name and docstring; `timeout` is in seconds;
    `idempotent=True` lets a call of unknown outcome be repeated; `max_output_bytes` caps the result.
    A parameter annotated `CallContext` receives the context of the call and is not shown to the model.
    Raise `ToolFailed("…")` to tell the model what went wrong: of other exceptions it learns the type only.
    Raises UsageError, naming function and parameter, for a signature that the model could not fill.
    """
    if function is None:
        return functools.partial(FunctionTool[Any, Any], **options)
    return FunctionTool(function, **options)


def as_tools(
    functions: Iterable[Callable[..., Any] | FunctionTool[..., Any]],
) -> dict[str, FunctionTool[..., Any]]:
    """Tools by name; plain functions are taken as with `@tool`. Raises UsageError on a name used twice."""
    tools: dict[str, FunctionTool[..., Any]] = {}
    for function in functions:
        one = _as_tool(function)
        if one.name in tools:
            raise UsageError(f"two tools are called {one.name}; rename one: @tool(name=…)")
        tools[one.name] = one
    return tools


def _as_tool(function: Callable[..., Any] | FunctionTool[..., Any]) -> FunctionTool[..., Any]:
    if isinstance(function, FunctionTool):
        return cast("FunctionTool[..., Any]", function)
    return FunctionTool(function)


def _name(function: Callable[..., Any], name: str | None) -> str:
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        raise UsageError(f"@tool takes a function or a bound method, not {type(function).__name__}")
    label = function.__name__ if name is None else name
    if not _NAME.fullmatch(label):
        raise UsageError(
            f"{label!r} cannot be a tool's name: 1 to 64 of a-z A-Z 0-9 _ - are allowed; use @tool(name=…)"
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(f"{label}: a tool returns its result once; return a list instead of yielding")
    return label


def _positive(label: str, option: str, value: float) -> float:
    if isinstance(value, bool) or not math.isfinite(value) or value <= 0:
        raise UsageError(f"{label}: {option} must be a positive number, not {value!r}")
    return value
