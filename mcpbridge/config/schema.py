"""JSON Schemas (draft 7, which editors know) of `mcpbridge.yaml`, of server declarations and of profiles.

    python -m mcpbridge.config.schema mcpbridge > docs/schema/mcpbridge.json
    python -m mcpbridge.config.schema server > docs/schema/server.json
    python -m mcpbridge.config.schema profile > docs/schema/profile.json

The loader stays the judge: it also looks at what a file names, at what belongs together across sections,
and at whether a literal is a credential.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from typing import Final

from mcpbridge.config.keys import DECLARATION, PROFILE, TOP, WHOLE
from mcpbridge.config.shapes import Schema, section

_DRAFT: Final = "http://json-schema.org/draft-07/schema#"


def config_schema() -> Schema:
    """That of `mcpbridge.yaml`, as plain data."""
    return _titled("mcpbridge configuration", section(TOP))


def server_schema() -> Schema:
    """That of a file which `use: ./FILE.yaml` names: a whole declaration."""
    return _titled("mcpbridge server declaration", {**section(DECLARATION), "allOf": [WHOLE]})


def profile_schema() -> Schema:
    """That of a file which `model.profile: ./FILE.yaml` names, as `mcpbridge doctor --write` makes it."""
    return _titled("mcpbridge endpoint profile", section(PROFILE))


def _titled(title: str, schema: Schema) -> Schema:
    return {"$schema": _DRAFT, "title": title, "description": "See docs/configuration.md.", **schema}


SCHEMAS: Final[Mapping[str, Callable[[], Schema]]] = {
    "mcpbridge": config_schema,
    "server": server_schema,
    "profile": profile_schema,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m mcpbridge.config.schema")
    parser.add_argument("name", choices=SCHEMAS)
    sys.stdout.write(json.dumps(SCHEMAS[parser.parse_args().name](), indent=2) + "\n")
