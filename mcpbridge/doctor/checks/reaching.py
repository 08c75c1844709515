"""Is it there, is the key accepted, is it a Responses API?"""

from __future__ import annotations

from typing import cast

from mcpbridge.core.raw import mapping
from mcpbridge.doctor import words
from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.exam import Exam
from mcpbridge.doctor.verdict import Verdict, fatal, finding, ok, unknown
from mcpbridge.errors import UsageError

_MANY = 8
"""Names of models in one line."""


async def models(exam: Exam) -> Verdict:
    """`GET /models`: the address, the key, the model's name."""
    sent, answer = "GET /models", await exam.asker.get("/models")
    stop = _stops(sent, answer)
    if stop is not None:
        return stop
    names = _names(answer)
    if not exam.model:
        exam.model = _only(names, answer)
    if answer.problem:
        return unknown(sent, answer.problem, "the endpoint does not list its models")
    if exam.model in names:
        return ok(sent, f"{exam.model} is one of {len(names)}")
    return unknown(sent, f"{exam.model} is not in the list of {len(names)}", "see model.name")


async def responses(exam: Exam) -> Verdict:
    """`POST /responses`: the smallest request there is."""
    body = {"model": exam.model, "input": words.READY, "store": False}
    sent, answer = "POST /responses with a few words", await exam.asker.post(body)
    stop = _stops(sent, answer)
    if stop is not None:
        return stop
    if answer.status in (404, 405, 501):
        return fatal(sent, answer.problem, "no Responses API here; is /v1 missing in the URL?")
    if answer.status >= 500:
        return fatal(sent, answer.problem, "the endpoint fails; try again later")
    if answer.problem:
        return fatal(sent, answer.problem, "it does not answer as a Responses API does")
    if answer.body.get("status") != "completed" or not answer.said:
        return finding(sent, answer.shown, "it ended without an answer")
    return ok(sent, "completed, with a message")


def _stops(sent: str, answer: Answer) -> Verdict | None:
    """What makes every further request pointless."""
    if answer.status == 0:
        return fatal(sent, answer.problem, "nothing can be examined; see model.endpoint")
    if answer.status in (401, 403):
        return fatal(sent, answer.problem, "the key is not accepted; see model.api_key")
    if answer.status == 429:
        return fatal(sent, answer.problem, "it asks for patience; try again later")
    return None


def _names(answer: Answer) -> list[str]:
    data: object = answer.body.get("data")
    listed = cast("list[object]", data) if isinstance(data, list) else []
    return [str(mapping(model)["id"]) for model in listed if "id" in mapping(model)]


def _only(names: list[str], answer: Answer) -> str:
    if len(names) == 1:
        return names[0]
    if not names:
        raise UsageError(
            f"name the model with --model; the endpoint lists none ({answer.problem or 'empty'})"
        )
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    raise UsageError(f"name the model with --model; there are: {', '.join(names[:_MANY])}{more}")
