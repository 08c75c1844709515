"""A first policy from tool definitions alone: `draft(toolboxes)` gives the text of a commented file.

Pure and deterministic. Everything it rests on stands in `vocabulary`; whatever those words do not cover
asks a person. Annotations only ever make a draft stricter.
"""

from mcpbridge.policy.draft.definitions import DefinitionsUnreadable, read_definitions
from mcpbridge.policy.draft.judged import Judged, Toolbox, definitions_hash, judge_tool, sink_arguments
from mcpbridge.policy.draft.page import draft

__all__ = [
    "DefinitionsUnreadable",
    "Judged",
    "Toolbox",
    "definitions_hash",
    "draft",
    "judge_tool",
    "read_definitions",
    "sink_arguments",
]
