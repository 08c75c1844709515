"""What a function takes, read from its signature. Everything a model could not fill is refused here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType, NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from mcpbridge.errors import UsageError
from mcpbridge.ports import CallContext

NO_DEFAULT: Final = inspect.Parameter.empty

_REFUSED_KINDS: Final = {
    inspect.Parameter.VAR_POSITIONAL: "collects positional arguments; give each argument a name of its own",
    inspect.Parameter.VAR_KEYWORD: "collects unknown arguments; give each argument a name of its own",
    inspect.Parameter.POSITIONAL_ONLY: "is positional-only; arguments come by name, so remove the `/`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument that the model fills. `default` is NO_DEFAULT when it must."""

    name: str
    hint: Any
    default: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """`context_name` is the parameter that receives the CallContext; the model never sees it."""

    parameters: tuple[Parameter, ...]
    context_name: str | None


def read_signature(function: Callable[..., Any], *, label: str) -> Signature:
    """Raises UsageError with `label`, the parameter and what to change."""
    names = _enclosing_names(function)
    contexts: list[str] = []
    parameters: list[Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        where = f"{label}: parameter `{parameter.name}`"
        hint = _hint(function, parameter, names, where)
        if _is_context(hint, where):
            contexts.append(parameter.name)
        else:
            parameters.append(Parameter(name=parameter.name, hint=hint, default=parameter.default))
    if len(contexts) > 1:
        raise UsageError(f"{label}: parameters {_listed(contexts)} all take the CallContext; keep one")
    return Signature(parameters=tuple(parameters), context_name=contexts[0] if contexts else None)


def _hint(
    function: Callable[..., Any], parameter: inspect.Parameter, names: dict[str, Any], where: str
) -> Any:
    if parameter.kind in _REFUSED_KINDS:
        raise UsageError(f"{where} {_REFUSED_KINDS[parameter.kind]}")
    if parameter.annotation is inspect.Parameter.empty:
        advice = (
            "decorate the bound method: tool(instance.method)"
            if parameter.name in ("self", "cls")
            else "annotate it"
        )
        raise UsageError(f"{where} has no type annotation, so the model cannot know what to pass; {advice}")
    holder = SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        return get_type_hints(holder, _globals(function), names, include_extras=True)[parameter.name]
    except Exception as error:  # boundary: a quoted annotation is any expression, and it is evaluated here
        raise UsageError(
            f"{where}: its annotation {parameter.annotation!r} cannot be resolved ({error}). Types must be "
            "importable when @tool runs: not only under `if TYPE_CHECKING:`, and not defined further down."
        ) from error


def _globals(function: Callable[..., Any]) -> dict[str, Any]:
    return getattr(inspect.unwrap(function), "__globals__", {})


def _enclosing_names(function: Callable[..., Any]) -> dict[str, Any]:
    """Local names of the functions this one is written in, for quoted annotations.

    Only frames of those functions count: the names of whoever happens to call `tool` would be a
    different scope, and could silently give an annotation another meaning.
    """
    written_in, module = inspect.unwrap(function).__qualname__, _globals(function)
    names: dict[str, Any] = {}
    for frame in _stack():
        if frame.f_globals is module and written_in.startswith(f"{frame.f_code.co_qualname}.<locals>."):
            names = {**frame.f_locals, **names}
    return names


def _stack() -> Iterator[FrameType]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_context(hint: Any, where: str) -> bool:
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    members = get_args(bare) if get_origin(bare) in (Union, UnionType) else (bare,)
    if not any(member is CallContext for member in members):
        return False
    if any(member is not CallContext and member is not NoneType for member in members):
        raise UsageError(f"{where} mixes CallContext with types the model fills; annotate it as CallContext")
    return True


def _listed(names: list[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)
