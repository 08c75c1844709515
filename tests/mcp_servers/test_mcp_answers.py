"""What becomes of an answer: parts for the model, failures told apart, results that break a promise."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request

from mcpbridge.adapters.mcp_servers.settings import Bounds, HttpAddress
from mcpbridge.errors import ToolsChanged
from mcpbridge.ports import Elicited, ToolAnswer
from tests.mcp_servers.scene import Person, call, noted, program, toolbox
from tests.mcp_servers.web import Web, error, said

PNG = "iVBORw0KGgo="


def answered(site: HTTPServer, result: Mapping[str, Any], *, bounds: Bounds | None = None) -> ToolAnswer:
    """One call to a tool that answers so."""
    web = Web(site)
    web.on["tools/call"] = lambda message, request: result

    async def story() -> ToolAnswer:
        async with toolbox(HttpAddress(url=web.url), bounds=bounds or Bounds()) as box:
            return await call(box, "echo")

    return asyncio.run(story())


@pytest.mark.promise("bridged-parts")
def test_pictures_sounds_files_and_links_become_content_parts_in_their_order(site: HTTPServer) -> None:
    blob = {"uri": "demo://a/report.pdf?x=1", "mimeType": "application/pdf", "blob": "JVBERg=="}
    found = answered(
        site,
        {
            "content": [
                {"type": "text", "text": "one"},
                {"type": "image", "data": PNG, "mimeType": "image/png"},
                {"type": "image", "data": "PHN2Zy8+", "mimeType": "image/svg+xml"},
                {"type": "audio", "data": "UklGRg==", "mimeType": "audio/wav"},
                {"type": "resource", "resource": {"uri": "demo://t", "text": "inside"}},
                {"type": "resource", "resource": blob},
                {
                    "type": "resource_link",
                    "uri": "file:///etc/passwd",
                    "name": "link",
                    "description": "a file",
                },
            ]
        },
    )
    assert found.parts == [
        {"type": "input_text", "text": "one"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
        {"type": "input_file", "filename": "image.svgxml", "file_data": "data:image/svg+xml;base64,PHN2Zy8+"},
        {"type": "input_file", "filename": "audio.wav", "file_data": "data:audio/wav;base64,UklGRg=="},
        {"type": "input_text", "text": "demo://t\ninside"},
        {"type": "input_file", "filename": "report.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
        {"type": "input_text", "text": "[link](file:///etc/passwd): a file"},
    ]


@pytest.mark.promise("bridged-parts")
@pytest.mark.parametrize(
    ("texts", "structured", "shown"),
    [
        (['{"n": 1}'], {"n": 1}, '{"n": 1}'),
        (["3"], {"result": 3}, "3"),
        (["hello"], {"result": "hello"}, "hello"),
        (["a summary"], {"n": 1}, 'a summary\n{"n": 1}'),
        ([], {"n": 1}, '{"n": 1}'),
        (['{"n": 1}'], {"n": True}, '{"n": 1}\n{"n": true}'),
        (["1"], {"result": True}, '1\n{"result": true}'),
    ],
)
def test_structured_content_is_shown_once(
    site: HTTPServer, texts: list[str], structured: Mapping[str, Any], shown: str
) -> None:
    content = [{"type": "text", "text": text} for text in texts]
    found = answered(site, {"content": content, "structuredContent": structured})
    assert (found.parts, found.structured) == (shown, structured)


@pytest.mark.promise("bridged-cut")
def test_a_file_that_is_too_large_is_named_and_left_out(site: HTTPServer) -> None:
    content = [{"type": "image", "data": PNG * 1_000, "mimeType": "image/png"}, {"type": "text", "text": "x"}]
    found = answered(site, {"content": content}, bounds=Bounds(file_bytes=1_000))
    assert found.truncated
    assert "image.png (image/png, 12,000 characters of base64) is too large and left out" in str(found.parts)
    assert PNG not in str(found.parts)


@pytest.mark.promise("bridged-errors")
def test_a_failing_tool_and_a_refused_call_are_told_apart(site: HTTPServer) -> None:
    web = Web(site)

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            web.on["tools/call"] = lambda message, request: {**said("it failed"), "isError": True}
            failed = await call(box, "echo")
            assert (failed.is_error, failed.parts) == ("tool", "it failed")
            # the code that the SDK uses for a lost connection
            web.on["tools/call"] = lambda message, request: error(message, -32000, "not today")
            assert (await call(box, "echo")).is_error == "protocol"
            web.on["tools/call"] = lambda message, request: error(message, -32602, "no \x1bsuch thing")
            refused = await call(box, "echo")
            assert refused.is_error == "protocol"
            assert "srv: echo failed: no \\u001bsuch thing (JSON-RPC -32602)" in str(refused.parts)

    asyncio.run(story())


@pytest.mark.promise("bridged-invalid")
@pytest.mark.parametrize("given", [{"n": "no number"}, {}])
def test_a_result_that_breaks_its_output_schema_has_been_executed_and_is_not_called_again(
    tmp_path: Any, given: Mapping[str, Any]
) -> None:
    """Naively, the SDK raises RuntimeError after the tool ran, and the call is made again."""
    calls = tmp_path / "calls"

    async def story() -> ToolAnswer:
        async with toolbox(program(calls=calls)) as box:
            assert (await call(box, "promise", {"n": 1})).is_error == "no"
            return await call(box, "promise", given)

    found = asyncio.run(story())
    assert found.is_error == "invalid"
    assert "ran\n" in str(found.parts)
    assert "promise ran, but its result is not valid" in str(found.parts)
    assert found.structured is None
    assert [name for name, *_ in noted(calls)] == ["promise", "promise"]


@pytest.mark.promise("bridged-invalid")
def test_a_result_of_an_unknown_kind_has_been_executed() -> None:
    async def story() -> ToolAnswer:
        async with toolbox(program()) as box:
            return await call(box, "nothing")

    found = asyncio.run(story())
    assert found.is_error == "invalid"
    assert "nothing ran, but its result breaks the protocol" in str(found.parts)


def test_what_is_sent_along_reaches_the_server_s_own_log(tmp_path: Any) -> None:
    calls = tmp_path / "calls"

    async def story() -> None:
        async with toolbox(program(calls=calls)) as box:
            listing = await box.tools()
            meta = {"mcpbridge/decision": "d-1"}
            await box.call("echo", {"a": 1}, epoch=listing.epoch, meta=meta, seconds=9.0)

    asyncio.run(story())
    [[name, arguments, sent]] = noted(calls)
    assert (name, arguments) == ("echo", {"a": 1})
    assert sent["mcpbridge/decision"] == "d-1"  # beside a traceparent, where the process has a tracer


def rounds(*questions: Mapping[str, Any]) -> tuple[Any, list[Mapping[str, Any]]]:
    """A modern server that asks these, one round each, and then answers with what it got."""
    got: list[Mapping[str, Any]] = []

    def answering(message: dict[str, Any], request: Request) -> Mapping[str, Any]:
        params = message["params"]
        got.append(params)
        if len(got) <= len(questions):
            asked = questions[len(got) - 1]
            return {
                "resultType": "input_required",
                "inputRequests": asked,
                "requestState": f"sealed {len(got)}",
            }
        return said(json.dumps(params.get("inputResponses")))

    return answering, got


SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}}
FORM: Mapping[str, Any] = {
    "method": "elicitation/create",
    "params": {"mode": "form", "message": "Which?", "requestedSchema": SCHEMA},
}
SAMPLE: Mapping[str, Any] = {"method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 10}}


@pytest.mark.promise("bridged-asked")
def test_the_rounds_of_a_call_are_put_to_the_person_and_the_sealed_state_goes_back_unchanged(
    site: HTTPServer,
) -> None:
    web = Web(site, modern=True)
    answering, got = rounds({"q": FORM}, {"r": FORM})
    web.on["tools/call"] = answering
    person = Person(answer=Elicited(action="accept", content={"city": "Graz"}))

    async def story() -> ToolAnswer:
        async with toolbox(HttpAddress(url=web.url)) as box:
            return await call(box, "echo", {"a": 1}, observer=person)

    found = asyncio.run(story())
    assert json.loads(str(found.parts)) == {"r": {"action": "accept", "content": {"city": "Graz"}}}
    assert [question.message for question in person.asked] == ["Which?", "Which?"]
    assert [params.get("requestState") for params in got] == [None, "sealed 1", "sealed 2"]
    assert all(params["arguments"] == {"a": 1} for params in got)


@pytest.mark.promise("bridged-asked")
@pytest.mark.parametrize(
    ("questions", "words"),
    [
        ([{"s": SAMPLE}], "it asked for sampling/createMessage, which is not offered to it"),
        ([{"q": FORM}] * 50, "it asked more than 10 times and never answered"),
    ],
    ids=["sampling", "endless"],
)
def test_what_is_not_offered_and_questions_without_an_end_end_the_call(
    site: HTTPServer, questions: list[Mapping[str, Any]], words: str
) -> None:
    web = Web(site, modern=True)
    web.on["tools/call"], _ = rounds(*questions)

    async def story() -> ToolAnswer:
        async with toolbox(HttpAddress(url=web.url)) as box:
            return await call(box, "echo", observer=Person(answer=Elicited(action="accept")))

    found = asyncio.run(story())
    assert found.is_error == "protocol"
    assert words in str(found.parts)


def test_a_stale_schema_that_the_server_refuses_is_listed_anew(site: HTTPServer) -> None:
    web = Web(site, modern=True)

    async def story() -> None:
        async with toolbox(HttpAddress(url=web.url)) as box:
            await box.tools()
            web.on["tools/call"] = lambda message, request: error(
                message, -32020, "header mismatch", status=400
            )
            with pytest.raises(ToolsChanged, match="the definition of echo has changed"):
                await call(box, "echo")

    asyncio.run(story())
