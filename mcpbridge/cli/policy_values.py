"""How values of a call are shown: secrets masked, on one line, short, nothing invisible."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from mcpbridge.audit.looks import dense, secret_name, secret_parts
from mcpbridge.cli.policy_text import short
from mcpbridge.core.question import visible
from mcpbridge.core.secret import MASK, Mask, Secret
from mcpbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from mcpbridge.config import Configuration

_LONGEST: Final = 200
"""Characters of one value; text output cuts it further."""


class Shown:
    """Shows values. Known credentials are those of the configuration, as far as they are there."""

    def __init__(self, config: Configuration | None = None) -> None:
        self._mask = Mask() if config is None else Mask(_secrets(config))

    def __call__(self, path: tuple[str, ...], value: object) -> str:
        empty = value is None or isinstance(value, bool) or value == ""
        if any(map(secret_name, path)) and not empty:
            return MASK
        text = json.dumps(self._hidden(self._mask.value(value)), ensure_ascii=False, default=str)
        return short(visible(text, newlines=False), _LONGEST)

    def text(self, text: str) -> str:
        """A sentence that may repeat a value."""
        return visible(self._without(self._mask.text(text)), newlines=False)

    def _hidden(self, value: object) -> object:
        if isinstance(value, str):
            return MASK if dense(value) else self._without(value)
        if isinstance(value, Mapping):
            pairs = cast("Mapping[str, Any]", value).items()
            return {
                self._without(str(key)): MASK if secret_name(str(key)) else self._hidden(item)
                for key, item in pairs
            }
        if isinstance(value, list | tuple):
            return [self._hidden(item) for item in cast("Sequence[object]", value)]
        return value

    @staticmethod
    def _without(text: str) -> str:
        for part in secret_parts(text):
            text = text.replace(part, MASK)
        return text


def _secrets(config: Configuration) -> Iterator[Secret]:
    """Every credential of the configuration that can be looked up here."""
    from mcpbridge.config.sources import process_sources
    from mcpbridge.config.template import SecretTemplate

    model = config.model
    values: list[object] = [model.api_key, model.proxy, *model.headers.values(), *model.query.values()]
    for server in config.servers:
        values += [server.authorization, *server.headers.values()]
    for value in values:
        if isinstance(value, Secret):
            yield value
        elif isinstance(value, SecretTemplate) and value.references:
            try:
                yield value.resolve(process_sources())
            except ConfigurationError:
                continue  # it is not there, so no call can hold it
