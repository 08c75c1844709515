"""What a line holds of a call's arguments, and of what came back: by the level of its tool."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from mcpbridge.audit.hidden import SHORTEST, Hidden
from mcpbridge.audit.keeping import Keeping
from mcpbridge.audit.levels import Level
from mcpbridge.audit.masked import masked
from mcpbridge.audit.plain import encode_again, encode_plain, encode_sorted, leaves_of
from mcpbridge.audit.redact import MAX_HIDDEN, Redactor
from mcpbridge.core.secret import Mask

MAX_FIELD: Final = 1_000_000
"""Characters of one field's JSON; as much as core.strict_json lets arguments have."""
MAX_LEAVES: Final = 256
"""Values of one call that get an HMAC each at level `metadata`."""
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_ERROR_CODE: Final = re.compile(r"(?:[a-z]{1,20}_){1,4}error(?: -?[0-9]{1,6})?(?=:|$)")
"""What a provider's error begins with, such as `http_error 404`."""


class Part(NamedTuple):
    """A call's part of a line. (A tuple: one is made for every record.)"""

    hidden: Hidden
    """What was hidden in it, and has to be hidden elsewhere."""
    text: str = ""
    """JSON members without braces."""
    lost: bool = False
    secret: Mapping[str, Any] = NOTHING
    """What is sealed instead of being written."""
    shown: Hidden | None = None
    """What is hidden in texts that are sealed too, where that is less: a reviewer sees the screen as they see
    the arguments."""


class Calls:
    """Turns arguments, results and errors into what may be kept of them."""

    __slots__ = ("_by_tool", "_nothing", "keeping", "mask", "redactor")

    def __init__(self, *, mask: Mask, redactor: Redactor, keeping: Keeping) -> None:
        self.mask, self.redactor, self.keeping = mask, redactor, keeping
        self._nothing = Hidden(redactor=redactor)
        self._by_tool = bool(keeping.levels or keeping.declared)

    def usual(self, fields: Mapping[str, Any]) -> bool:
        """Whether this call's arguments are kept like most: at level `arguments`, with nothing declared."""
        if not self._by_tool:
            return True
        tool = tool_of(fields)
        return self.keeping.levels.of(tool) is Level.ARGUMENTS and not self.keeping.declared.of(tool)

    def level(self, fields: dict[str, Any]) -> Level:
        """Of a record that may hold something of a call; one that does not is `arguments`, which hides
        nothing of its own."""
        if not ("arguments" in fields or "result" in fields or ("error" in fields and "tool" in fields)):
            return Level.ARGUMENTS
        return self.keeping.levels.of(tool_of(fields))

    def arguments(self, fields: dict[str, Any], level: Level) -> Part:
        """Take `arguments` out of the fields."""
        nothing = self._nothing
        text, plain, lost = encode_plain(fields.pop("arguments"))
        if level is Level.NONE:
            return Part(hidden=self._all_hidden(plain))
        about = self.about(text, plain)
        if level is Level.METADATA:
            return Part(text=f"{about},{self._leaves(plain)}", hidden=self._all_hidden(plain), lost=lost)
        text, plain, numbers = masked(self.mask, text, plain)
        declared = self.keeping.declared.of(tool_of(fields))
        redacted, leaves, too_many = self.redactor.value(plain, text, declared=declared)
        hidden = nothing
        if leaves or too_many:
            hidden = Hidden(leaves, redactor=self.redactor, too_many=too_many)
            text = encode_again(redacted)
        over = len(text) > MAX_FIELD
        kept = omitted(text) if over else text
        lost |= numbers or over
        if level is Level.SEALED:
            secret = {"arguments": about_omitted(text) if over else redacted}
            return Part(text=about, hidden=self._all_hidden(plain), lost=lost, secret=secret, shown=hidden)
        return Part(text=f'"arguments":{kept},{about}', hidden=hidden, lost=lost)

    def result(self, fields: dict[str, Any], level: Level) -> tuple[str, bool]:
        """Take `result` out of the fields; at level `full` its part of the line, and whether it lost
        something."""
        value = fields.pop("result")
        if level is not Level.FULL:
            return "", False
        text, plain, lost = encode_plain(value)
        text, plain, numbers = masked(self.mask, text, plain)
        redacted, leaves, _ = self.redactor.value(
            plain, text, declared=self.keeping.declared.of(tool_of(fields))
        )
        text = encode_again(redacted) if leaves else text
        if len(text) > MAX_FIELD:
            return f'"result":{omitted(text)}', True
        return f'"result":{text}', lost or numbers

    def error(self, fields: dict[str, Any], level: Level) -> dict[str, Any]:
        """What a tool said went wrong is something that came back from it: below `full` its code, its size
        and its HMAC stand in the fields. Returns what may be sealed of it. Our own words stay."""
        error = fields.get("error")
        foreign = fields.get("via") == "hosted"  # of what runs here the error is a kind, in our words
        if not error or level is Level.FULL or (level is Level.ARGUMENTS and not foreign):
            return {}
        text = error if isinstance(error, str) else encode_plain(error)[0]
        code = _ERROR_CODE.match(text)
        fields["error"] = {**({"code": code[0]} if code else {}), **self.redactor.about(text)}
        return {"error": self.redactor.text(self.mask.text(text))} if level is Level.SEALED else {}

    def about(self, text: str, plain: Any) -> str:
        """What is kept of arguments at every level but `none`: members without braces."""
        size = len(text) if text.isascii() else len(text.encode())
        mac = self.redactor.hmac(encode_sorted(plain))
        return f'"arguments_hmac":"{mac}","arguments_size":{size},"hmac_key":"{self.redactor.key_id}"'

    def _all_hidden(self, plain: Any) -> Hidden:
        """Where arguments are not readable, a reason that repeats one of their values does not show it."""
        leaves = [leaf for leaf in dict.fromkeys(leaves_of(plain)) if len(leaf) >= SHORTEST]
        if not leaves:
            return self._nothing
        too_many = len(leaves) > MAX_HIDDEN
        return Hidden(leaves[:MAX_HIDDEN], redactor=self.redactor, too_many=too_many)

    def _leaves(self, plain: Any) -> str:
        """An HMAC for each value, so that `audit hash` can tell whether one occurred. No names, no places."""
        leaves = dict.fromkeys(leaves_of(plain))
        hmacs = [self.redactor.hmac(leaf) for leaf in list(leaves)[:MAX_LEAVES]]
        more = len(leaves) - len(hmacs)
        return f'"leaf_hmacs":{encode_again(hmacs)}' + (f',"leaf_hmacs_omitted":{more}' if more else "")


def about_omitted(text: str) -> dict[str, Any]:
    """What stands for a value that is too large to keep: its size in bytes and SHA-256 as JSON text."""
    data = text.encode("utf-8", "surrogatepass")
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def omitted(text: str) -> str:
    """The same, as JSON."""
    return encode_again(about_omitted(text))


def tool_of(fields: Mapping[str, Any]) -> str:
    """`label.tool`, which levels and declared secrets go by."""
    return f"{fields.get('server_label', '')}.{fields.get('tool', '')}"
