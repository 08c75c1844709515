"""`include`: parts of items that are shown only to those who ask for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mcpbridge.service.errors import invalid_value
from mcpbridge.service.wire import Item, is_list, is_object

# IncludeEnum of the published API description.
INCLUDABLE = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)
ENCRYPTED = "reasoning.encrypted_content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """What was asked for."""

    names: frozenset[str] = frozenset()

    @classmethod
    def read(cls, names: Iterable[object]) -> Include:
        """Raises ApiError."""
        listed = list(names)
        for index, name in enumerate(listed):
            if name not in INCLUDABLE:
                raise invalid_value(f"include[{index}]", name, ", ".join(f"'{one}'" for one in INCLUDABLE))
        return cls(names=frozenset(map(str, listed)))

    @property
    def encrypted_reasoning(self) -> bool:
        return ENCRYPTED in self.names

    def shown(self, item: Item) -> Item:
        """A copy without what was not asked for."""
        if item.get("type") != "reasoning" or self.encrypted_reasoning:
            return {**item}
        return {name: value for name, value in item.items() if name != "encrypted_content"}

    def response(self, body: Item) -> Item:
        output: object = body.get("output")
        if not is_list(output):
            return body
        return {**body, "output": [self.shown(item) if is_object(item) else item for item in output]}
