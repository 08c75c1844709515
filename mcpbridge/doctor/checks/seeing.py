"""Does the model see pictures and files? And do made pictures live without stored responses?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcpbridge.doctor import words
from mcpbridge.doctor.answer import Answer
from mcpbridge.doctor.exam import Exam, Item, user
from mcpbridge.doctor.pictures import COLOURS, pdf, png
from mcpbridge.doctor.refusal import refusal
from mcpbridge.doctor.verdict import Verdict, finding, ok, unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """Something that is sent, and the words that only somebody who sees it can write."""

    what: str
    parts: Sequence[Item]
    question: str
    wanted: Sequence[str]


async def images(exam: Exam) -> Verdict:
    """Two pictures of one colour each, drawn by lot."""
    names = sorted(COLOURS, key=lambda _name: exam.nonce())[:2]
    pictures = [{"type": "input_image", "image_url": png(name), "detail": "low"} for name in names]
    shown = _Shown(what="pictures", parts=pictures, question=words.COLOURS_ASKED, wanted=names)
    return await _tried(exam, f"two pictures, {names[0]} and {names[1]}", shown)


async def files(exam: Exam) -> Verdict:
    """A PDF with a code that stands nowhere else."""
    code = exam.nonce()
    file = {"type": "input_file", "filename": "doctor.pdf", "file_data": pdf(words.file(code))}
    shown = _Shown(what="files", parts=[file], question=words.FILE_ASKED, wanted=[code])
    return await _tried(exam, "a PDF with a code", shown)


async def _tried(exam: Exam, sent: str, shown: _Shown) -> Verdict:
    answer, control = Answer(), ""
    for _ in range(2):
        control = exam.nonce()
        answer = await exam.ask([user(shown.question, *shown.parts)], instructions=words.control(control))
        if answer.problem:
            return refusal(sent, answer, f"{shown.what} are refused there")
        said = answer.said.lower()
        if all(word.lower() in said for word in shown.wanted):
            return ok(sent, "named rightly")
    if control in answer.said:
        return finding(sent, "the control word, and nothing of what was sent", f"{shown.what} are not seen")
    return unknown(sent, "neither what was sent nor the control word")


async def image_generation(exam: Exam) -> Verdict:
    """A made picture is sent again without store. Nothing is generated here: that would cost."""
    sent = "image_generation with store: false, and a picture made before"
    made = {
        "type": "image_generation_call",
        "id": f"ig_{exam.nonce().lower()}",
        "status": "completed",
        "result": png("blue").partition(",")[2],
    }
    options = {"tools": [{"type": "image_generation"}], "tool_choice": "none"}
    declared = await exam.ask([user(words.READY)], **options)
    if declared.problem:
        return refusal(sent, declared, "hosted_tools: image_generation cannot be used there")
    answer = await exam.ask([user("Draw a blue square."), made, user(words.READY)], **options)
    if answer.status == 404 or (answer.status == 400 and "store" in answer.problem.lower()):
        return finding(sent, answer.problem, "made pictures cannot be sent again without store")
    if answer.problem:
        return unknown(sent, answer.problem, "inconclusive: the picture was not made there")
    return ok(sent, "accepted")
