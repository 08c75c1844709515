"""Writes the files that are made from the tables.

python -m mcpbridge.audit.schema > docs/audit/records.md
python -m mcpbridge.audit.schema --json > docs/schema/audit-record.schema.json
"""

from __future__ import annotations

import argparse
import json
import sys

from mcpbridge.audit.schema import record_schema, reference

parser = argparse.ArgumentParser(prog="python -m mcpbridge.audit.schema")
parser.add_argument("--json", action="store_true", help="the JSON Schema instead of the reference")
as_json = parser.parse_args().json
sys.stdout.write(json.dumps(record_schema(), indent=2) + "\n" if as_json else reference())
