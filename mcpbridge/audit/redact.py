"""Arguments stay readable, except what looks like a secret: that becomes an HMAC."""

from __future__ import annotations

import hmac
from typing import Any, Final, cast

from mcpbridge.audit.keys import key_id
from mcpbridge.audit.looks import DENSE_LENGTH, dense, hinted, secret_name, secret_parts

_NAME_KEYS: Final = ("name", "key", "header")


class Redactor:
    """Hides secrets: `{"hmac": …, "key": …}` stands for a whole value, `[hmac:key:…]` for a part of one."""

    __slots__ = ("_empty", "key_id")

    def __init__(self, key: bytes) -> None:
        # Copied for each text: `hmac.digest` lets go of the GIL every time, which costs more than the hash.
        self._empty = hmac.new(key, digestmod="sha256")
        self.key_id = key_id(key)

    def hmac(self, text: str) -> str:
        """HMAC-SHA256, hex, of the text's UTF-8."""
        digest = self._empty.copy()
        digest.update(text.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def value(self, value: Any, text: str) -> tuple[Any, list[str]]:
        """`value` (plain JSON, with its text) without what looks secret, and the texts hidden."""
        walk = _Walk(self, shapes=hinted(text))
        return walk.value(value), walk.hidden

    def whole(self, text: str) -> dict[str, str]:
        return {"hmac": self.hmac(text), "key": self.key_id}

    def part(self, text: str) -> str:
        return f"[hmac:{self.key_id}:{self.hmac(text)}]"

    def text(self, text: str) -> str:
        """A field that is not arguments (a reason, an error): parts with a credential's shape are hidden."""
        for part in secret_parts(text):
            text = text.replace(part, self.part(part))
        return text

    def texts(self, value: Any) -> Any:
        """The same for any value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            pairs = cast("dict[str, Any]", value).items()
            return {self.text(str(key)): self.texts(item) for key, item in pairs}
        if isinstance(value, list | tuple):
            return [self.texts(item) for item in cast("list[Any]", value)]
        return value


class _Walk:
    """One pass over a call's arguments."""

    __slots__ = ("_redactor", "_shapes", "hidden")

    def __init__(self, redactor: Redactor, *, shapes: bool) -> None:
        self._redactor, self._shapes = redactor, shapes
        self.hidden: list[str] = []

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return self._pairs(cast("dict[str, Any]", value))
        if isinstance(value, list | tuple):
            return [self.value(item) for item in cast("list[Any]", value)]
        return value

    def _pairs(self, pairs: dict[str, Any]) -> dict[str, Any]:
        named = "value" in pairs and any(
            isinstance(said := pairs.get(key), str) and secret_name(said) for key in _NAME_KEYS
        )
        result: dict[str, Any] = {}
        for key, item in pairs.items():
            text = str(key)
            hide = secret_name(text) or (named and text == "value")
            result[self._key(text)] = self._hide(item) if hide else self.value(item)
        return result

    def _hide(self, value: Any) -> Any:
        """Every leaf below a secret's name; flags and empty values tell nothing."""
        if isinstance(value, dict):
            pairs = cast("dict[str, Any]", value).items()
            return {self._key(str(key)): self._hide(item) for key, item in pairs}
        if isinstance(value, list | tuple):
            return [self._hide(item) for item in cast("list[Any]", value)]
        if value is None or isinstance(value, bool) or value == "":
            return value
        return self._whole(str(value))

    def _whole(self, text: str) -> dict[str, str]:
        self.hidden.append(text)
        return self._redactor.whole(text)

    def _text(self, text: str) -> Any:
        if len(text) >= DENSE_LENGTH and dense(text):
            return self._whole(text)
        parts = secret_parts(text) if self._shapes else []
        return self._whole(text) if parts == [text] else self._replaced(text, parts)

    def _key(self, text: str) -> str:
        if len(text) >= DENSE_LENGTH and dense(text):
            return self._replaced(text, [text])
        return self._replaced(text, secret_parts(text)) if self._shapes else text

    def _replaced(self, text: str, parts: list[str]) -> str:
        for part in parts:
            self.hidden.append(part)
            text = text.replace(part, self._redactor.part(part))
        return text
