r"""`matches`: a regular expression over the whole text, in linear time.

jsonschema-rs compiles it for the automaton of Rust's `regex` crate: no input makes it slow, and
look-around and back-references do not exist. `\d`, `\w`, `\s` are those of ECMA-262 (ASCII digits and
letters); `.` does not match a line break, and `$` only the end of the text.
"""

from __future__ import annotations

import re
from typing import Any, Final

from mcpbridge.policy.matchers.values import TEXT, BadOperand, show, text
from mcpbridge.policy.model import Facts, Matcher, Truth

_LOOKING: Final = re.compile(r"\(\?<?[=!]")
_BACK: Final = re.compile(r"\\[1-9]|\\k<|\(\?P=")


def matches(operand: object) -> Matcher:
    pattern = text(operand)
    compiled(pattern)  # alone first: `a)|(b` would escape from the group below
    whole = compiled(f"^(?:{pattern})$")

    def decide(value: object, facts: Facts) -> Truth:
        if type(value) is not str:
            return None
        try:
            found: bool = whole.is_valid(value)
        except UnicodeEncodeError:  # a lone surrogate is no text
            return None
        return found

    return Matcher(
        name="matches", operand=operand, text=f"matches {show(pattern)}", kinds=TEXT, decide=decide
    )


def compiled(pattern: str) -> Any:
    """A validator for texts in which the pattern is found. Raises BadOperand."""
    import jsonschema_rs  # 30 ms, and only policies with patterns need it

    schema = {"type": "string", "pattern": pattern}
    try:
        return jsonschema_rs.validator_for(schema, pattern_options=jsonschema_rs.RegexOptions(), offline=True)
    except (jsonschema_rs.ValidationError, UnicodeEncodeError) as error:
        raise BadOperand(f"takes a regular expression; {why_not(pattern)}") from error


def why_not(pattern: str) -> str:
    """What is most likely wrong with a pattern that does not compile."""
    if _LOOKING.search(pattern):
        return "look-ahead and look-behind are not available (linear time): use none_of with a second matcher"
    if _BACK.search(pattern):
        return "back-references are not available (linear time)"
    return f"{show(pattern)} is none (a character may want a backslash before it), or it is too large"
