"""The YAML script: models and loading. The format is described in docs/service-script.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from mcpbridge.service.brains.script_sentences import STEPS, not_yaml, sentence, shown, told_twice
from mcpbridge.service.errors import ScriptError


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern


Regex: TypeAlias = Annotated[str, AfterValidator(_compiles)]
Arguments: TypeAlias = dict[str, Any] | str
"""A mapping is encoded as JSON; a string travels as it is, also when it is no JSON."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class When(_Strict):
    """Conditions on what the model sees; all that are given must hold."""

    user: Regex | None = None
    function_output: str | None = None
    mcp_result: str | None = None
    mcp_error: str | None = None
    approved: str | None = None
    denied: str | None = None
    contains: Regex | None = None
    reason: Regex | None = None
    sees: Regex | None = None
    not_sees: Regex | None = None
    turn: int | None = None

    @model_validator(mode="after")
    def _needs_a_subject(self) -> When:
        if self.contains is not None and not (self.function_output or self.mcp_result or self.mcp_error):
            raise ValueError("`contains` needs function_output, mcp_result or mcp_error beside it")
        if self.reason is not None and not self.denied:
            raise ValueError("`reason` needs denied beside it")
        return self


class FaultWhen(When):
    """Conditions of a fault: as above, and on the request itself."""

    post: int | None = None
    stream: bool | None = None


class McpUse(_Strict):
    server: str
    tool: str
    arguments: Arguments = Field(default_factory=dict[str, Any])


class FunctionUse(_Strict):
    name: str
    arguments: Arguments = Field(default_factory=dict[str, Any])


class Failure(_Strict):
    code: str = "server_error"
    message: str


class ReasoningStep(_Strict):
    """A reasoning item; `thought` is what its ciphertext hides (the summary when left out)."""

    reasoning: str
    thought: str | None = None


class McpStep(_Strict):
    """A hosted call: asked for or executed, as require_approval says."""

    mcp: McpUse


class CallStep(_Strict):
    """A function_call."""

    call: FunctionUse


class SayStep(_Strict):
    """A message."""

    say: str
    phase: Literal["commentary", "final_answer"] | None = None


class RefuseStep(_Strict):
    """A message that holds a refusal."""

    refuse: str


class DrawStep(_Strict):
    """A picture by the image_generation tool, which must be declared."""

    draw: str


class ItemStep(_Strict):
    """An output item as it stands here."""

    item: dict[str, Any]


class EventStep(_Strict):
    """A stream event as it stands here (only its sequence_number is added); nothing without streaming."""

    event: dict[str, Any]


class ResponseStep(_Strict):
    """Fields merged into the response object as they stand here."""

    response: dict[str, Any]


class StatusStep(_Strict):
    """How the response ends when not completed."""

    status: Literal["incomplete", "failed", "cancelled"]
    reason: str = "max_output_tokens"
    error: Failure | None = None


class DelayStep(_Strict):
    """Seconds in which nothing happens; the service does not wait for them when it stops."""

    delay: float = Field(ge=0, allow_inf_nan=False)


class RepeatStep(_Strict):
    """The steps, so many times over; `{{round}}` counts from 1."""

    repeat: int = Field(ge=1, le=1000)
    steps: list[Step]


def _step_key(value: Any) -> str | None:
    return next((key for key in STEPS if key in value), None) if isinstance(value, dict) else None


Step: TypeAlias = Annotated[
    Annotated[ReasoningStep, Tag("reasoning")]
    | Annotated[McpStep, Tag("mcp")]
    | Annotated[CallStep, Tag("call")]
    | Annotated[SayStep, Tag("say")]
    | Annotated[RefuseStep, Tag("refuse")]
    | Annotated[DrawStep, Tag("draw")]
    | Annotated[ItemStep, Tag("item")]
    | Annotated[EventStep, Tag("event")]
    | Annotated[ResponseStep, Tag("response")]
    | Annotated[StatusStep, Tag("status")]
    | Annotated[DelayStep, Tag("delay")]
    | Annotated[RepeatStep, Tag("repeat")],
    Discriminator(
        _step_key,
        custom_error_type="unknown_step",
        custom_error_message=f"a step is a mapping with one of: {', '.join(STEPS)}",
    ),
]


class Rule(_Strict):
    """The first rule whose conditions hold is played, at most `times` times."""

    when: When = When()
    then: list[Step]
    times: int | None = Field(default=None, ge=1)


class Fault(_Strict):
    """Something that goes wrong with the request itself, before or after its effects."""

    when: FaultWhen = FaultWhen()
    at: Literal["before_effects", "after_effects"] = "before_effects"
    times: int | None = Field(default=None, ge=1)
    delay: float | None = Field(default=None, ge=0)
    status: int | None = Field(default=None, ge=100, le=599)
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    body: dict[str, Any] | str | None = None
    drop: bool = False
    cut_stream_after: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _does_one_thing(self) -> Fault:
        ways = [self.status is not None, self.drop, self.cut_stream_after is not None]
        if sum(ways) > 1 or not (any(ways) or self.delay is not None):
            raise ValueError("a fault has one of status, drop, cut_stream_after; delay alone or beside it")
        if self.status is None and (self.headers or self.body is not None):
            raise ValueError("`headers` and `body` need status beside them")
        return self


class Script(_Strict):
    """Rules for the model, faults for the service."""

    rules: list[Rule]
    faults: list[Fault] = Field(default_factory=list[Fault])

    def inert_types(self) -> frozenset[str]:
        """Item types the script invents, which a client may replay."""
        steps = (step for rule in self.rules for step in _unrolled(rule.then))
        return frozenset(str(step.item.get("type")) for step in steps if isinstance(step, ItemStep))


def _unrolled(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, RepeatStep):
            yield from _unrolled(step.steps)
        else:
            yield step


def load_script(source: str | Path) -> Script:
    """A Path is a file, a str is the YAML itself. Raises ScriptError with file and line."""
    name = source.name if isinstance(source, Path) else "script"
    try:
        text = source.read_text(encoding="utf-8-sig") if isinstance(source, Path) else source
    except UnicodeDecodeError:
        raise ScriptError(f"{name}: the file is not UTF-8 text") from None
    try:
        node = _compose(text)
        document: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ScriptError(f"{name}:{not_yaml(error)}") from None
    if not isinstance(document, dict):
        found = "it is empty" if document is None else "it holds something else"
        raise ScriptError(
            f"{name}:1: a script is a mapping with rules; {found}; write rules: [{{then: […]}}]"
        )
    try:
        return Script.model_validate(document)
    except ValidationError as error:
        wrong = error.errors()
        lines = [
            _describe(name, node, one["loc"], sentence(one, _known(one["loc"])))
            for one in wrong
            if not told_twice(one, wrong)
        ]
        raise ScriptError("\n".join(lines)) from None


_BELOW: dict[tuple[type[BaseModel] | None, str], type[BaseModel]] = {
    (Script, "rules"): Rule,
    (Script, "faults"): Fault,
    (Rule, "when"): When,
    (Fault, "when"): FaultWhen,
    (StatusStep, "error"): Failure,
    (McpStep, "mcp"): McpUse,
    (CallStep, "call"): FunctionUse,
}
_STEP: dict[str, type[BaseModel]] = {
    "reasoning": ReasoningStep, "mcp": McpStep, "call": CallStep, "say": SayStep, "refuse": RefuseStep,
    "draw": DrawStep,
    "item": ItemStep, "event": EventStep, "response": ResponseStep, "status": StatusStep,
    "delay": DelayStep, "repeat": RepeatStep,
}  # fmt: skip


def _known(location: Sequence[int | str]) -> tuple[str, ...]:
    """The keys that may stand where the last part of `location` stands."""
    model: type[BaseModel] | None = Script
    steps = False
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        if steps:
            model, steps = _STEP.get(part), False
        else:
            steps = (model is Rule and part == "then") or (model is RepeatStep and part == "steps")
            model = _BELOW.get((model, part))
    return tuple(model.model_fields) if model is not None else ()


def _compose(text: str) -> yaml.Node | None:
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return node


def _describe(name: str, node: yaml.Node | None, location: Sequence[int | str], message: str) -> str:
    line = 1
    for part in location:
        found = _child(node, part)
        if found is not None:
            line = found.start_mark.line + 1
            node = node if isinstance(found, yaml.ScalarNode) else found  # a step's tag is also its key
    return f"{name}:{line}: {shown(location)}: {message}"


def _child(node: yaml.Node | None, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        child: yaml.Node = node.value[part]
        return child
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    return None
