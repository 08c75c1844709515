"""The pydantic side of a tool: a JSON Schema for the model, and strict reading of what it sends.

This file is loaded with the first tool, so that a program without tools does not pay for pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind
from pydantic_core import CoreSchema, ErrorDetails, to_json

from mcpbridge.adapters.functions.signature import NO_DEFAULT, Parameter
from mcpbridge.core.question import visible
from mcpbridge.errors import ToolFailed, UsageError

_MAX_PROBLEMS: Final = 5
"""Problems told to the model at once; more do not help it to correct the call."""
_MAX_KEY: Final = 64
"""Characters of one key shown; keys come from the model and have no limit of their own."""

Path = tuple[int | str, ...]


class Arguments:
    """The arguments of one function. The model's JSON goes in, Python values come out."""

    def __init__(self, parameters: Sequence[Parameter], *, label: str, words: Mapping[str, str]) -> None:
        self._label = label
        # Fields are numbered and aliased: pydantic reserves names such as `schema` and `_private`.
        self._slots = {f"argument_{number}": parameter.name for number, parameter in enumerate(parameters)}
        fields = {
            slot: _field(parameter, label, words.get(parameter.name))
            for slot, parameter in zip(self._slots, parameters, strict=True)
        }
        try:
            self._model = _model(label, fields)
            self.json_schema = _json_schema(self._model)
        except Exception as error:  # boundary: types of the user build their own schemas here
            _blame(parameters, label)
            raise _no_schema(label, error) from error

    def read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Values by parameter name. Raises ToolFailed with a sentence for the model.

        Strict, in JSON's terms: "5" is no number and 1 is no boolean, while an ISO date is a date and
        an enum's value is that member. Defaults stand in for what the model left out.
        """
        try:
            model = self._model.model_validate_json(to_json(dict(arguments)), strict=True)
        except ValidationError as error:
            raise ToolFailed(_explain(self._label, arguments, error)) from error
        except Exception as error:  # boundary: validators of the user's types run here
            kind = type(error).__name__
            raise ToolFailed(f"the arguments of {self._label} could not be checked ({kind})") from error
        return {name: getattr(model, slot) for slot, name in self._slots.items()}


class _ToolSchema(GenerateJsonSchema):
    """Without generated titles, which cost tokens and say nothing, and without defaults JSON cannot hold."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """A default that is left out is no reason to warn at import."""

    def generate(self, schema: CoreSchema, mode: Any = "validation") -> dict[str, Any]:
        document = super().generate(schema, mode)
        del document["title"]
        return document


def _model(label: str, fields: Mapping[str, Any]) -> type[BaseModel]:
    config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    return create_model(label, __config__=config, **fields)


def _json_schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(schema_generator=_ToolSchema, mode="validation")


def _field(parameter: Parameter, label: str, words: str | None) -> tuple[Any, Any]:
    where = f"{label}: parameter `{parameter.name}`"
    if isinstance(parameter.default, FieldInfo):
        raise UsageError(f"{where} has Field(…) as its default; put it into Annotated[type, Field(…)]")
    hint, given = parameter.hint, _field_infos(parameter.hint)
    if any(info.alias or info.validation_alias for info in given):
        raise UsageError(f"{where} has an alias; the model is shown the parameter's own name, rename that")
    if words and not any(info.description for info in given):
        hint = Annotated[hint, Field(description=words)]
    if parameter.default is NO_DEFAULT:
        return hint, Field(alias=parameter.name)
    return hint, Field(parameter.default, alias=parameter.name)


def _field_infos(hint: Any) -> list[FieldInfo]:
    metadata = hint.__metadata__ if get_origin(hint) is Annotated else ()
    return [entry for entry in metadata if isinstance(entry, FieldInfo)]


def _blame(parameters: Sequence[Parameter], label: str) -> None:
    """Raise for the first parameter that fails alone; only a failure pays for looking."""
    for parameter in parameters:
        try:
            TypeAdapter(parameter.hint).json_schema(schema_generator=GenerateJsonSchema)
        except Exception as alone:  # boundary: the same types, one at a time
            raise _no_schema(f"{label}: parameter `{parameter.name}`", alone) from alone


def _no_schema(where: str, error: Exception) -> UsageError:
    cause = str(error).partition("\n")[0]
    return UsageError(
        f"{where} has a type that cannot be described to the model as JSON Schema ({cause}). "
        "Use JSON types, Literal, Enum, dataclasses, TypedDict or pydantic models."
    )


def _explain(label: str, arguments: Mapping[str, Any], error: ValidationError) -> str:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    problems = list(dict.fromkeys(_problem(detail, arguments) for detail in details))
    shown = problems[:_MAX_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    return f"{label} was not called, its arguments do not fit: {'; '.join(shown)}"


def _problem(detail: ErrorDetails, arguments: Mapping[str, Any]) -> str:
    missing, unknown = detail["type"] == "missing", detail["type"] == "extra_forbidden"
    path = _path_in(arguments, detail["loc"])
    if missing:
        path = (*path, detail["loc"][-1])
    name = f"`{'.'.join(visible(str(part), newlines=False)[:_MAX_KEY] for part in path)}`"
    if missing:
        return f"{name} is missing"
    return f"{name} is not a parameter" if unknown else f"{name}: {detail['msg']}"


def _path_in(arguments: Mapping[str, Any], location: Path) -> Path:
    """The keys and indexes of the model's own JSON; pydantic mixes in names of its union branches."""
    value: Any = arguments
    path: list[int | str] = []
    for part in location:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            continue
        path.append(part)
    return tuple(path)
