"""Is it there, is the key accepted, is it a Responses API?"""

from __future__ import annotations

from typing import cast

from mcpbridge.core.raw import mapping
from mcpbridge.doctor import words
from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.exam import Exam
from mcpbridge.doctor.reading import word
from mcpbridge.doctor.verdict import Verdict, fatal, finding, ok, unknown
from mcpbridge.errors import UsageError

_MANY = 8
"""Names of models in one line."""


async def models(exam: Exam) -> Verdict:
    """`GET /models`: the address, the key, the model's name."""
    sent, answer = "GET /models", await exam.asker.get("/models")
    stop = _stops(exam, sent, answer)
    if stop is not None:
        return stop
    names = _names(answer)
    if not exam.model:
        exam.model = _only(exam, names, answer)
    if answer.problem:
        return unknown(sent, answer.problem, "the endpoint does not list its models")
    if exam.model in names:
        return ok(sent, f"{word(exam.model)} is one of {len(names)}")
    place = "model.name" if exam.by_configuration else "--model"
    return unknown(sent, f"{word(exam.model)} is not in the list of {len(names)}", f"see {place}")


async def responses(exam: Exam) -> Verdict:
    """`POST /responses`: the smallest request there is."""
    body = {"model": exam.model, "input": words.READY, "store": False}
    sent, answer = "POST /responses with a few words", await exam.asker.post(body)
    stop = _stops(exam, sent, answer)
    if stop is not None:
        return stop
    if answer.status in (404, 405, 501):
        return fatal(sent, answer.problem, f"no Responses API here; {_hint(answer)}")
    if _redirects(answer):
        return fatal(sent, answer.problem, _hint(answer))
    if answer.status >= 500:
        return fatal(sent, answer.problem, "the endpoint fails; try again later")
    if answer.problem:
        return fatal(sent, answer.problem, "it does not answer as a Responses API does")
    if answer.body.get("status") != "completed" or not answer.said:
        return finding(sent, answer.shown, "it ended without an answer")
    return ok(sent, "completed, with a message")


def _redirects(answer: Answer) -> bool:
    return 300 <= answer.status < 400


def _hint(answer: Answer) -> str:
    """What is probably wrong with the address."""
    if _redirects(answer):
        return "redirects are not followed: name the address where it leads"
    return "is /v1 missing in the URL?" if answer.status in (404, 405, 501) else ""


def _stops(exam: Exam, sent: str, answer: Answer) -> Verdict | None:
    """What makes every further request pointless."""
    if answer.status == 0:
        place = "model.endpoint" if exam.by_configuration else "the address of ENDPOINT"
        return fatal(sent, answer.problem, f"nothing can be examined; see {place}")
    if answer.status in (401, 403):
        place = "model.api_key" if exam.by_configuration else "--key-env"
        return fatal(sent, answer.problem, f"the key is not accepted; see {place}")
    if answer.status == 429:
        return fatal(sent, answer.problem, "it asks for patience; try again later")
    return None


def _names(answer: Answer) -> list[str]:
    data: object = answer.body.get("data")
    listed = cast("list[object]", data) if isinstance(data, list) else []
    named = [mapping(model).get("id") for model in listed]
    return [name for name in named if isinstance(name, str) and name]


def _only(exam: Exam, names: list[str], answer: Answer) -> str:
    if len(names) == 1:
        return names[0]
    option = "model.name" if exam.by_configuration else "--model"
    if not names:
        hint = f"; {_hint(answer)}" if _hint(answer) else ""
        lists = f"the endpoint lists none ({word(answer.problem or 'empty')}){hint}"
        raise UsageError(f"name the model with {option}; {lists}")
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    shown = ", ".join(map(word, names[:_MANY]))
    raise UsageError(f"name the model with {option}; there are: {shown}{more}")
