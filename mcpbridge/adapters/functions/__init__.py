"""Python functions as tools: schema from the signature, arguments checked, results as wire content.

`tool.py` is the decorator, `signature.py` reads the function, `schema.py` is the pydantic side (loaded
with the first tool), `docstring.py` finds the words, `output.py` turns results into what is sent.
"""

from mcpbridge.adapters.functions.output import MAX_OUTPUT_BYTES, File, Image
from mcpbridge.adapters.functions.tool import FunctionTool, as_tools, tool

__all__ = ["MAX_OUTPUT_BYTES", "File", "FunctionTool", "Image", "as_tools", "tool"]
