r"""`under`: the root itself or a path below it, after `.` and `..` are resolved in the text.

Purely lexical: a pure function sees no symbolic links, no mounts and no working directory. What a file
system could read in another way than this file does is undecided: `~`, variables, percent-encoding,
NUL, back-slashes in a POSIX path, other letter case, names that end in a dot or a space, short names, and
the devices of Windows where the path may be one of Windows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mcpbridge.policy.matchers.values import TEXT, BadOperand, show, texts
from mcpbridge.policy.model import Facts, Matcher, Truth

_MAX: Final = 4096
"""PATH_MAX of Linux."""
_DRIVE: Final = re.compile(r"[A-Za-z]:[/\\]")
_EXPANDED: Final = re.compile(r"%u?[0-9A-Fa-f]{2}|%\w+%|\$[\w({]|^~|`|[*?\[\]{}<>|\"]")
"""Decoded, expanded or refused by somebody on the way."""
_ODD_NAME: Final = re.compile(r"[. ]$|^ |^\.\.?;")
"""`..;` is `..` to servers that cut parameters off."""
_DEVICE: Final = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?:\..*)?", re.IGNORECASE
)
"""No file to Windows, in whatever folder the name stands (Microsoft, "Naming Files, Paths, Namespaces")."""
_SHORT: Final = re.compile(r"~[0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A path in one reading: where it starts, and the names from there on."""

    anchor: str
    """`/`, `C:/`, or empty for a relative path."""
    names: tuple[str, ...]

    @property
    def folded(self) -> _Place:
        """As file systems see it that fold case and compose characters."""
        return _Place(anchor=_fold(self.anchor), names=tuple(map(_fold, self.names)))

    def below(self, root: _Place) -> bool:
        return self.anchor == root.anchor and self.names[: len(root.names)] == root.names


def under(operand: object) -> Matcher:
    roots = [_root(root) for root in texts(operand, "/srv/data")]

    def decide(value: object, facts: Facts) -> Truth:
        return _is_below(value, roots) if type(value) is str else None

    return Matcher(name="under", operand=operand, text=f"is under {show(operand)}", kinds=TEXT, decide=decide)


def _root(text: str) -> _Place:
    place = _place(text, windows="\\" in text or bool(_DRIVE.match(text)))
    if place is None or _doubtful(text, place) or text.startswith(("//", "\\\\")):
        raise BadOperand(f"takes a plain path such as /srv/data, C:/data or reports, not {show(text)}")
    return place


def _is_below(value: str, roots: list[_Place]) -> Truth:
    truths = {_truth(value, root) for root in roots}
    return True if True in truths else None if None in truths else False


def _truth(value: str, root: _Place) -> Truth:
    """True or false only where all readings agree."""
    readings: set[Truth] = set()
    for place in _readings(value):
        if place is None or len(place.anchor) != len(root.anchor):
            return None  # relative, of POSIX or on a drive: comparable only with its like
        below = place.below(root)
        readings.add(None if not below and place.folded.below(root.folded) else below)
    return readings.pop() if len(readings) == 1 else None


def _readings(value: str) -> Iterator[_Place | None]:
    """The ways in which somebody could read this path; None for "nobody knows"."""
    if not 0 < len(value) <= _MAX or value.startswith(("//", "\\\\")):
        yield None  # `//host/share`, `\\?\`: what they mean depends on the system
        return
    for text in {value, unicodedata.normalize("NFKC", value)}:
        for windows in {True} if _DRIVE.match(text) else {"\\" in text, False}:
            place = _place(text, windows=windows)
            yield None if place is None or _doubtful(text, place) else place


def _place(text: str, *, windows: bool) -> _Place | None:
    """None where `..` leads out of a relative path."""
    anchor = ""
    if windows:
        text = text.replace("\\", "/")
        if _DRIVE.match(text):
            anchor, text = text[:3], text[3:]
    if not anchor and text.startswith("/"):
        anchor = "/"
    names: list[str] = []
    for name in text.split("/"):
        if name == "..":
            if not names and not anchor:
                return None
            del names[-1:]
        elif name not in ("", "."):
            names.append(name)
    return _Place(anchor=anchor, names=tuple(names))


def _doubtful(text: str, place: _Place) -> bool:
    if _EXPANDED.search(text) or not all(map(_plain, text)):
        return True
    if ":" in (text if len(place.anchor) < 3 else text[2:]) and (place.anchor != "/"):
        return True  # `C:data`, `file.txt:stream`, `file:…`
    names = re.split(r"[/\\]", text)
    odd = any(_ODD_NAME.search(name) for name in names if name not in (".", ".."))
    if place.anchor != "/" and any(_DEVICE.fullmatch(name) for name in names):
        return True
    return odd or (len(place.anchor) == 3 and bool(_SHORT.search(text)))


def _plain(char: str) -> bool:
    """No control, format, private or unassigned characters, and no separators but the space."""
    return char == " " or unicodedata.category(char)[0] not in "CZ"


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
