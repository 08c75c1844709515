"""Cedar through cedarpy: policies and entities are parsed once, and one request is decided at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import cedarpy
from timing import serve


def prepare(task: dict[str, Any]) -> Callable[[], list[bool]]:
    policies, entities = cedarpy.PolicySet.from_str(_text(task)), cedarpy.Entities.from_json_str("[]")
    requests = [_request(call) for call in task["calls"]]

    def decide() -> list[bool]:
        return [cedarpy.is_authorized(request, policies, entities).allowed for request in requests]

    return decide


def _text(task: dict[str, Any]) -> str:
    currencies = json.dumps(task["currencies"])
    permits = [
        f'permit(principal, action == Action::"{tool["name"]}", resource == Server::"{tool["server"]}") when '
        f"{{ context.amount > 0 && context.amount <= {tool['limit']} && "
        f"{currencies}.contains(context.currency) }};"
        for tool in task["tools"]
    ]
    forbids = [
        f'forbid(principal, action, resource == Server::"{server}") when '
        f'{{ context.region == "{task["closed"]}" }};'
        for server in task["servers"]
    ]
    return "\n".join(permits + forbids)


def _request(call: dict[str, Any]) -> dict[str, Any]:
    return {
        "principal": 'User::"bench"',
        "action": f'Action::"{call["tool"]}"',
        "resource": f'Server::"{call["server"]}"',
        "context": {name: call[name] for name in ("amount", "currency", "region")},
    }


if __name__ == "__main__":
    serve(prepare)
