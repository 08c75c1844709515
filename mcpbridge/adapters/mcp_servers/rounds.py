"""The rounds of one call: a server of the newer era answers with questions, and is then asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from mcp import MCPError
from mcp_types import (
    URL_ELICITATION_REQUIRED,
    ElicitRequest,
    ElicitRequestURLParams,
    ElicitResult,
    ErrorData,
    InputRequest,
    InputRequiredResult,
    InputResponses,
)
from pydantic import TypeAdapter, ValidationError

from mcpbridge.adapters.mcp_servers.questions import Questions
from mcpbridge.adapters.mcp_servers.sending import Sending
from mcpbridge.core.raw import mapping

_R = TypeVar("_R")
Round = Callable[[InputResponses | None, str | None], Awaitable[_R | InputRequiredResult]]
"""Sends the request, with the answers so far and the state that the server sealed."""

_WAIT: Final = 0.05
"""Seconds before a server that asks nothing is asked again; doubled each time, up to _WAIT_MOST."""
_WAIT_MOST: Final = 0.25
_URLS: Final[TypeAdapter[list[ElicitRequestURLParams]]] = TypeAdapter(list[ElicitRequestURLParams])


class NotAnswered(Exception):
    """The rounds ended without a result; the message says why, and is safe to show."""


async def until_answered(first: Round[_R], questions: Questions, sending: Sending, *, rounds: int) -> _R:
    """The result. Raises NotAnswered, and whatever `first` raises."""
    answers: InputResponses | None = None
    state: str | None = None
    wait = _WAIT
    for number in range(rounds + 1):
        try:
            result = await first(answers, state)
        except MCPError as error:
            if error.code != URL_ELICITATION_REQUIRED:
                raise
            await _visited(questions, sending, error)
            continue
        if not isinstance(result, InputRequiredResult):
            return result
        if number == rounds:
            break  # an answer would not be sent any more, so nobody is asked for one
        state = result.request_state
        answers = await _answers(questions, sending, result.input_requests or {})
        if answers is None:
            await asyncio.sleep(wait)
            wait = min(wait * 2, _WAIT_MOST)
    raise NotAnswered(f"it asked more than {rounds} times and never answered")


async def _answers(
    questions: Questions, sending: Sending, requests: dict[str, InputRequest]
) -> InputResponses | None:
    """One after the other: a person reads one question at a time."""
    if not requests:
        return None
    answers: InputResponses = {}
    for key, request in requests.items():
        answer = await questions.answer(request, sending, key=key)
        if isinstance(answer, ErrorData):
            raise NotAnswered(answer.message)
        answers[key] = answer
    return answers


async def _visited(questions: Questions, sending: Sending, error: MCPError) -> None:
    """The call was refused until a person has been to some URLs (2025-11-25). Nothing is fetched by us."""
    data = mapping(error.data)
    try:
        pages = _URLS.validate_python(data.get("elicitations"))
    except ValidationError:
        raise error from None
    for page in pages:
        answer = await questions.answer(ElicitRequest(params=page), sending)
        if not isinstance(answer, ElicitResult) or answer.action != "accept":
            raise NotAnswered("it wants a person to visit a page first, and the person did not agree")
