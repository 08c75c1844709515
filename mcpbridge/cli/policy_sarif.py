"""Findings as SARIF 2.1.0 (OASIS), the form in which code hosts take them.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import mcpbridge
from mcpbridge.policy.lint import CHECKS, Check, Finding

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LINE: Final = re.compile(r"\(line \d+\)")
_FINGERPRINT: Final = "mcpbridgePolicy/v1"


def as_sarif(found: Sequence[Finding]) -> dict[str, Any]:
    """One run with all checks as rules and each finding as a result."""
    places = {id_: place for place, id_ in enumerate(CHECKS)}
    seen: Counter[str] = Counter()
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver()},
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, places[one.check], seen) for one in found],
            }
        ],
    }


def _driver() -> dict[str, Any]:
    return {
        "name": "mcpbridge policy check",
        "version": mcpbridge.__version__,
        "rules": [_rule(check) for check in CHECKS.values()],
    }


def _rule(check: Check) -> dict[str, Any]:
    words = "".join(word.capitalize() for word in check.id.split("-"))
    return {
        "id": check.id,
        "name": words,
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.why},
        "help": {"text": f"{check.title}. {check.why} See docs/policy-commands.md."},
        "defaultConfiguration": {"level": check.level.value},
    }


def _result(one: Finding, place: int, seen: Counter[str]) -> dict[str, Any]:
    text = f"{one.message[:1].upper()}{one.message[1:]}{f'; {one.instead}' if one.instead else ''}."
    where: dict[str, Any] = {"artifactLocation": {"uri": _uri(one.file)}}
    if one.line:
        where["region"] = {"startLine": one.line}
    return {
        "ruleId": one.check,
        "ruleIndex": place,
        "level": one.level.value,
        "message": {"text": text},
        "locations": [{"physicalLocation": where}],
        "partialFingerprints": {_FINGERPRINT: _fingerprint(one, seen)},
        "suppressions": [{"kind": "inSource"}] if one.accepted else [],
    }


def _fingerprint(one: Finding, seen: Counter[str]) -> str:
    """The same when lines move: over the check, the rule and the message without its line numbers."""
    message = _LINE.sub("", one.message)
    digest = hashlib.sha256("\0".join((one.check, one.rule_id, message)).encode()).hexdigest()
    seen[digest] += 1
    return f"{digest}:{seen[digest]}"


def _uri(file: str) -> str:
    """Relative to the current folder where the file is below it, as code hosts want it."""
    path = Path(file)
    if path.is_absolute():
        if not path.is_relative_to(Path.cwd()):
            return path.as_uri()
        path = path.relative_to(Path.cwd())
    return quote(path.as_posix())
