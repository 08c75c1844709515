"""`mcpbridge policy explain`: why one call is allowed, asked about or denied."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mcpbridge.cli.exits import COMPLETED
from mcpbridge.cli.parsing import DEFAULT_CONFIG, Commands, add_json
from mcpbridge.cli.policy_beside import beside, note
from mcpbridge.cli.policy_inputs import configuration, policies_of, read_text, read_tools

if TYPE_CHECKING:
    from mcpbridge.cli.policy_values import Shown
    from mcpbridge.config import Configuration
    from mcpbridge.core.action import Action
    from mcpbridge.policy import Facts
    from mcpbridge.policy.draft import Toolbox


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "explain",
        help="why one call is allowed, asked about or denied",
        description="Rules on one call as the live gate does, and shows every rule that names its tool, "
        "every predicate with the value it saw, and who decided. Credentials are masked. Limits, grants, "
        "approvers, pins and a freeze are not looked at. Runs nothing. Exit code 0 whatever the decision, 2 "
        "when the call or a policy cannot be read.",
    )
    parser.add_argument(
        "call",
        metavar="CALL.json",
        help='{"tool": "label.tool", "arguments": {…}}, or an item of the wire; - for standard input',
    )
    parser.add_argument(
        "--policy",
        metavar="FILE",
        action="append",
        default=[],
        help="a policy file or the name of a shipped one (repeatable; default: those of the configuration)",
    )
    parser.add_argument("-c", "--config", metavar="CONFIG", help="its policies, principal and credentials")
    add_facts(parser)
    parser.add_argument(
        "--tools", metavar="TOOLS.json", action="append", default=[], help="what is known: LABEL=FILE"
    )
    parser.add_argument(
        "--all", action="store_true", help="rules that do not name the tool too, and all lines"
    )
    add_json(parser, "one JSON object instead of text")
    parser.set_defaults(run=run)


def add_facts(parser: argparse.ArgumentParser) -> None:
    """What a ruling depends on besides the call."""
    parser.add_argument(
        "--user", metavar="TEXT", action="append", default=[], help="what the user wrote (repeatable)"
    )
    parser.add_argument("--principal", metavar="NAME", help="on whose behalf the agent works")
    parser.add_argument(
        "--group", metavar="NAME", action="append", default=[], help="a group of theirs (repeatable)"
    )
    parser.add_argument("--unknown-tool", action="store_true", help="as if no server had listed the tool")
    parser.add_argument(
        "--trust-annotations",
        action="store_true",
        help="with --tools: as if the server were trusted about its annotations",
    )


def run(args: argparse.Namespace) -> int:
    """Explain one call."""
    from mcpbridge.cli.policy_calls import read_call
    from mcpbridge.cli.policy_explained import lines
    from mcpbridge.cli.policy_functions import functions_of
    from mcpbridge.cli.policy_values import Shown
    from mcpbridge.policy.explain import explain

    config = configuration(args)
    policies = policies_of(args, args.policy)
    file = "standard input" if args.call == "-" else args.call
    boxes = read_tools(args.tools)
    functions = functions_of(config or _beside(args), boxes)
    action = read_call(read_text(args.call, "a file with a call"), file=file, functions=functions)
    facts = _facts(args, action, config, boxes)
    shown = Shown(config)
    explanation = explain(action, policies, facts, shown)
    if args.json:
        print(json.dumps({**_masked(asdict(explanation), shown), "not_looked_at": beside(policies)}))
    else:
        for line in [*lines(explanation, shown.text, everything=args.all), *note(policies)]:
            print(line)
    return COMPLETED


def _beside(args: argparse.Namespace) -> Configuration | None:
    """The configuration whose policies are used where none was named."""
    from mcpbridge.config import load_config

    return None if args.policy or not Path(DEFAULT_CONFIG).exists() else load_config(DEFAULT_CONFIG)


def _facts(
    args: argparse.Namespace, action: Action, config: Configuration | None, boxes: Sequence[Toolbox]
) -> Facts:
    from mcpbridge.policy import Facts

    principal = args.principal or (config.principal if config else "")
    groups = set(args.group)
    if config is not None:
        groups |= {name for name, members in config.groups.items() if principal in members}
    listed = {box.label: {tool.name: tool for tool in box.tools} for box in boxes}
    there = listed.get(action.server_label)
    return Facts(
        principal=principal,
        groups=frozenset(groups),
        known_tool=not args.unknown_tool and (there is None or action.tool in there),
        user_texts=tuple(args.user),
        definition=(there or {}).get(action.tool),
        trust_annotations=args.trust_annotations,
    )


def _masked(value: object, shown: Shown) -> Any:
    """Names and reasons can repeat what a call holds; its values are masked already."""
    if isinstance(value, str):
        return shown.text(value)
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value).items()
        return {key: _masked(item, shown) for key, item in pairs}
    if isinstance(value, list | tuple):
        return [_masked(item, shown) for item in cast("Sequence[object]", value)]
    return value
