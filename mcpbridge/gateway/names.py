"""What tools are called at the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Names = Literal["qualified", "plain"]


def shown_names(offered: Mapping[str, str], names: Names) -> dict[str, str]:
    """Function name → the name that clients see, from function name → the tool's own. No two are the same: a
    tool's own name is not used where another has it, or where it is another tool's `label__tool`."""
    if names == "qualified":
        return {name: name for name in offered}
    own = list(offered.values())
    return {
        name: tool if own.count(tool) == 1 and tool not in offered else name for name, tool in offered.items()
    }
