"""`annotations:` of a rule: what the tool's server says about it (MCP 2025-11-25, ToolAnnotations).

They are claims. A rule can use them only for servers whose annotations the operator declared to trust;
for others, and for tools nobody has listed, the condition is undecided.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from mcpbridge.core.yaml_lines import Path
from mcpbridge.policy.matchers.scalars import one_of
from mcpbridge.policy.model import Facts, Matcher, Truth
from mcpbridge.policy.problems import Problems

DEFAULTS: Final = MappingProxyType(
    {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": False, "openWorldHint": True}
)
"""What holds where the server says nothing, by the specification."""
_SHAPE: Final = "{readOnlyHint: true}"


def read_annotations(value: object, at: Path, problems: Problems) -> tuple[Matcher, ...]:
    """A matcher for each hint; it looks at the facts, not at the arguments."""
    mapping = problems.mapping(value, at, _SHAPE)
    if mapping is None:
        return ()
    if not mapping:
        problems.add(at, f"empty `annotations` say nothing; remove them, or write {_SHAPE}")
    problems.known_keys(mapping, at, "annotation", tuple(DEFAULTS))
    found: list[Matcher] = []
    for hint, wanted in mapping.items():
        if not isinstance(wanted, bool):
            problems.add((*at, hint), f"write true or false here, such as {_SHAPE}")
        elif hint in DEFAULTS:
            found.append(_matcher(hint, wanted=wanted))
    return tuple(found)


def _matcher(hint: str, *, wanted: bool) -> Matcher:
    same = one_of("eq", "=", many=False, wanted=True)(wanted).decide

    def decide(value: object, facts: Facts) -> Truth:
        return same(claimed(hint, facts), facts)

    text = f"annotation {hint} = {str(wanted).lower()}"
    return Matcher(name=hint, operand=wanted, text=text, kinds=frozenset({"object"}), decide=decide)


def claimed(hint: str, facts: Facts) -> object:
    """The hint, with the specification's default; None where it cannot be believed."""
    if facts.definition is None or not facts.trust_annotations:
        return None
    return facts.definition.annotations.get(hint, DEFAULTS[hint])
