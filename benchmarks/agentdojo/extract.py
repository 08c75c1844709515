"""What the benchmark needs of AgentDojo, as JSON: `python benchmarks/agentdojo/extract.py [SUITE …]`.

Runs in an environment of its own that has `agentdojo==0.1.35` (its dependencies are heavy); no model
is asked. Per suite: the tools as a model sees them, each user task's prompt and ground-truth calls,
each injection task's goal and ground-truth calls. Ground truth may be read from the environment, which
is AgentDojo's default one. The files hold texts of AgentDojo (MIT; see data/LICENSE).
"""

# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import argparse
import importlib.metadata
import json
from pathlib import Path
from typing import Any

BENCHMARK = "v1.2.2"
PACKAGE = "0.1.35"
SUITES = ("workspace", "banking", "slack", "travel")
DATA = Path(__file__).parent / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the data files of the AgentDojo evaluation.")
    parser.add_argument("suites", metavar="SUITE", nargs="*", default=SUITES, help=", ".join(SUITES))
    chosen = parser.parse_args().suites
    version = importlib.metadata.version("agentdojo")
    if version != PACKAGE:
        raise SystemExit(f"this benchmark is defined on agentdojo {PACKAGE}, not {version}")
    DATA.mkdir(exist_ok=True)
    for name in chosen:
        text = json.dumps(extract(name), ensure_ascii=False, indent=1, sort_keys=True)
        (DATA / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def extract(name: str) -> dict[str, Any]:
    """One suite."""
    from agentdojo.task_suite.load_suites import get_suite  # type: ignore[import-not-found]

    suite = get_suite(BENCHMARK, name)

    def environment() -> Any:
        return suite.load_and_inject_default_environment({})

    def calls(task: Any, prepared: Any) -> list[dict[str, Any]]:
        return [_call(call) for call in task.ground_truth(prepared)]

    return {
        "benchmark": BENCHMARK,
        "package": f"agentdojo {PACKAGE}",
        "suite": name,
        "tools": [
            {
                "name": tool.name,
                "description": tool.description,
                "inputSchema": tool.parameters.model_json_schema(),
            }
            for tool in suite.tools
        ],
        "user_tasks": [
            {
                "id": task_id,
                "prompt": task.PROMPT,
                "calls": calls(task, task.init_environment(environment())),
            }
            for task_id, task in suite.user_tasks.items()
        ],
        "injection_tasks": [
            {"id": task_id, "goal": task.GOAL, "calls": calls(task, environment())}
            for task_id, task in suite.injection_tasks.items()
        ],
    }


def _call(call: Any) -> dict[str, Any]:
    return {"tool": call.function, "arguments": {name: _plain(value) for name, value in call.args.items()}}


def _plain(value: Any) -> Any:
    """As JSON. A value that is itself a call is a tool's output: nobody can know it beforehand."""
    if hasattr(value, "function") and hasattr(value, "args"):
        return f"(the output of {value.function})"
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


if __name__ == "__main__":
    main()
