"""Encrypted reasoning: returned, verified, and bound to what?"""

from __future__ import annotations

from typing import Any

from mcpbridge.doctor import words
from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.exam import ENCRYPTED, Exam, Item, function, user
from mcpbridge.doctor.reading import text
from mcpbridge.doctor.refusal import refused
from mcpbridge.doctor.verdict import Verdict, finding, ok, unknown, untested

_FIRST = "Which is larger, 9.11 or 9.9? Think first, then answer with the number."
_TOOLS = [function("note_text", "Note a text.")]
"""Some models think only where there is something to decide."""
_DROPPED = "reasoning of finished turns is then dropped, on record, and the run goes on"


async def returned(exam: Exam) -> Verdict:
    """Asked for by `include`."""
    sent = f"include: [{ENCRYPTED}]"
    answer = await _begin(exam)
    if answer.status == 400 and not exam.include:
        return finding(sent, answer.problem, "encrypted_reasoning: false", encrypted_reasoning=False)
    if answer.problem:
        return unknown(sent, answer.problem, "the request failed")
    thoughts = answer.of("reasoning")
    if not thoughts:
        return unknown(sent, "no reasoning item", "the model may not reason; name one that does")
    if not _ciphers(answer):
        came = "reasoning items without encrypted_content"
        return finding(sent, came, "encrypted_reasoning: false", encrypted_reasoning=False)
    return ok(sent, "encrypted_content", "encrypted_reasoning: true", encrypted_reasoning=True)


async def replayed(exam: Exam) -> Verdict:
    """The same items sent again."""
    answer = await _begin(exam)
    if not _ciphers(answer):
        return untested("no encrypted reasoning came back")
    sent = "its own ciphertext, unchanged"
    again = await _replay(exam, answer.items)
    if again.code == "invalid_encrypted_content":
        return finding(sent, again.problem, _DROPPED)
    if again.problem:
        return unknown(sent, again.problem, "the request failed")
    return ok(sent, "accepted")


async def verified(exam: Exam) -> Verdict:
    """One character of the ciphertext changed."""
    answer = await _begin(exam)
    if not _ciphers(answer):
        return untested("no encrypted reasoning came back")
    return _judged(
        "a ciphertext with one character changed",
        await _replay(exam, [_tampered(item) for item in answer.items]),
        "the ciphertext is not verified: do not rely on it",
    )


async def bound_to_prefix(exam: Exam) -> Verdict:
    """The ciphertext after another beginning."""
    answer = await _begin(exam)
    if not _ciphers(answer):
        return untested("no encrypted reasoning came back")
    return _judged(
        "its ciphertext after another first message",
        await _replay(exam, answer.items, first="Name a river. Think first, then answer with its name."),
        "reasoning is not bound to what came before it",
    )


async def bound_to_model(exam: Exam) -> Verdict:
    """The ciphertext sent to another model."""
    answer = await _begin(exam)
    if not _ciphers(answer):
        return untested("no encrypted reasoning came back")
    if not exam.other_model:
        return untested("name a second model with --other-model")
    return _judged(
        f"its ciphertext to the model {exam.other_model}",
        await _replay(exam, answer.items, model=exam.other_model),
        "reasoning is not bound to the model",
    )


def _judged(sent: str, answer: Answer, means: str) -> Verdict:
    if answer.body.get("input_transformations"):
        return ok(sent, "input_transformations: the reasoning was removed")
    if answer.code == "invalid_encrypted_content":
        return ok(sent, f"HTTP {answer.status} invalid_encrypted_content")
    if refused(answer) and "encrypted" in answer.problem.lower():
        return ok(sent, answer.problem)  # a gateway may have lost the code on the way
    if answer.problem:
        return unknown(sent, answer.problem, "the request failed, for another reason perhaps")
    return finding(sent, "accepted without a word", means)


async def _begin(exam: Exam) -> Answer:
    """The answer whose reasoning is replayed; asked for once in an examination."""
    if exam.thought is None:
        body = {"model": exam.model, "input": [user(_FIRST)], "tools": _TOOLS, "store": False}
        exam.thought = await exam.asker.post({**body, "include": [ENCRYPTED]})
        if exam.thought.status == 400 and exam.thought.param.startswith("include"):
            exam.include = False
    return exam.thought


async def _replay(exam: Exam, items: list[Item], *, first: str = _FIRST, **options: Any) -> Answer:
    # Straight to the endpoint: what `Exam.ask` does about a refused ciphertext would hide the answer.
    sent = [user(first), *items, user(words.READY)]
    body = {"model": exam.model, "input": sent, "tools": _TOOLS, "store": False}
    return await exam.asker.post({**body, "include": [ENCRYPTED], **options})


def _ciphers(answer: Answer) -> list[str]:
    found = [text(item.get("encrypted_content"), "encrypted_content") for item in answer.of("reasoning")]
    return [cipher for cipher in found if cipher]


def _tampered(item: Item) -> Item:
    cipher: object = item.get("encrypted_content")
    if item.get("type") != "reasoning" or not isinstance(cipher, str) or not cipher:
        return item
    middle = len(cipher) // 2
    other = "A" if cipher[middle] != "A" else "B"
    return {**item, "encrypted_content": cipher[:middle] + other + cipher[middle + 1 :]}
