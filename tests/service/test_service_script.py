"""Scripts: what loads, what is refused with its line, and what hostile scripts may send."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mcpbridge.demo.server import Tracker
from mcpbridge.service.brains.script import load_script
from mcpbridge.service.errors import ScriptError
from tests.service.talking import answer, declared, function, kinds, only, talking, text_in, user

DOCUMENT = Path(__file__).parents[2] / "docs" / "service-script.md"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("rules:\n- then:\n  - shout: hi\n", "script:3: rules.0.then.0: a step is a mapping with one of: "),
        (
            "rules:\n- then:\n  - say: hi\n    colour: red\n",
            "script:4: rules.0.then.0.say.colour: this key is not known; it is one of: say, phase",
        ),
        (
            "rules:\n- when: {usr: hi}\n  then: []\n",
            "script:2: rules.0.when.usr: this key is not known; did you mean 'user'? It is one of: user,",
        ),
        (
            "rules:\n- then: []\n  wen: {}\n",
            "script:3: rules.0.wen: this key is not known; did you mean 'when'?",
        ),
        (
            "rules:\n- then:\n  - {mcp: {servr: a, tool: b}}\n",
            "script:3: rules.0.then.0.mcp.servr: this key is not known; did you mean 'server'?",
        ),
        ("rules:\n- when: {user: hi}\n", "script:2: rules.0.then: this key is missing; write it"),
        (
            "rules:\n- then:\n  - {say: hi, mcp: {server: a, tool: b}}\n",
            "one step does one thing, and `mcp` stands here too; write `- say: …` as a step of its own",
        ),
        ("rules:\n- then: [{say: 5}]\n", "script:2: rules.0.then.0.say: write text; put it in quotes"),
        ("rules: {then: []}", "script:1: rules: write a list; begin each entry with a dash: `- …`"),
        ("rules: [{then: [], times: 0}]", "rules.0.times: write a number from 1 up"),
        ("rules: [{then: [], times: x}]", "rules.0.times: write a whole number, without quotes"),
        ("rules: [{then: [{status: done}]}]", "write one of: incomplete, failed, cancelled"),
        (
            "rules: [{then: [{mcp: {server: a, tool: b, arguments: [1]}}]}]",
            "rules.0.then.0.mcp.arguments: write a mapping such as {title: x}, or text in quotes",
        ),
        ("", "script:1: a script is a mapping with rules; it is empty"),
        ("a: 1\n b: 2", "script:2: not YAML: no `:` can stand here; check the indentation"),
        ("a:\n\t- b", "script:2: not YAML: YAML takes no tab here; indent with spaces"),
        ("rules:\n- when: {user: '('}\n  then: []\n", "not a regular expression"),
        ("rules:\n- when: {contains: x}\n  then: []\n", "`contains` needs"),
        ("rules:\n- when: {reason: x}\n  then: []\n", "`reason` needs"),
        ("rules: []\nfaults: [{}]\n", "a fault has one of"),
        ("rules: []\nfaults: [{drop: true, status: 500}]\n", "a fault has one of"),
        ("rules: []\nfaults: [{drop: true, body: x}]\n", "need status"),
        ("rules: {", "not YAML"),
        ("- a\n", "script:1: a script is a mapping with rules; it holds something else"),
    ],
)
def test_a_wrong_script_is_refused_with_its_line(script: str, problem: str) -> None:
    with pytest.raises(ScriptError, match=re.escape(problem)):
        load_script(script)


def test_a_script_can_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "demo.yaml"
    path.write_text("rules: [{then: [{say: from a file}]}]", encoding="utf-8")
    assert load_script(path).rules[0].times is None
    path.write_text("rules: 3", encoding="utf-8")
    with pytest.raises(ScriptError, match=r"^demo.yaml:1: rules: "):
        load_script(path)


def test_the_documented_example_plays(tracker: Tracker) -> None:
    example = re.findall(r"```yaml\n# example\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(example) == 1
    with talking(example[0], declared(tracker)) as talk:
        request = only(
            talk.say(user("Please open an issue about paint"), include=["reasoning.encrypted_content"]),
            "mcp_approval_request",
        )
        assert talk.refused(answer(request), status=500)["code"] == "server_error"
        assert "Created issue #4" in text_in(talk.say(answer(request)))
        assert text_in(talk.say(user("What did you plan?"))) == "I had planned to file it under paint."


def test_rules_are_tried_in_order_and_only_as_often_as_they_say() -> None:
    script = """
rules:
- {when: {turn: 3}, then: [{say: third turn}]}
- {times: 1, then: [{say: once}]}
- {then: [{say: always}]}
"""
    with talking(script) as talk:
        assert [text_in(talk.say(user(str(i)))) for i in range(4)] == [
            "once",
            "always",
            "third turn",
            "always",
        ]


def test_a_script_without_a_fitting_rule_says_what_it_saw() -> None:
    with talking("rules: [{when: {user: never}, then: []}]") as talk:
        error = talk.refused(user("something"))
        assert error["code"] == "script_no_rule"
        assert error["message"].endswith("New to the model: user  something")


def test_a_script_that_never_ends_is_stopped(tracker: Tracker) -> None:
    script = "rules: [{then: [{mcp: {server: tracker, tool: list_issues}}]}]"
    with talking(script, declared(tracker, require_approval="never")) as talk:
        assert talk.refused(user("go"))["code"] == "script_loops"


def test_raw_items_leave_as_they_are_and_may_be_replayed() -> None:
    script = """
rules:
- times: 1
  then:
  - item: {type: brand_new_item, id: "{{id:bn}}", data: [1, "{{user}}"], nested: {a: null}}
  - response: {input_transformations: [{id: rs_1, type: reasoning, action: removed, reason: model_mismatch}]}
- then: [{say: "{{seen:brand_new_item}}"}]
"""
    with talking(script) as talk:
        body = talk.post(talk.body(user("hi"))).json()
        item = body["output"][0]
        assert item["id"].startswith("bn_")
        assert (item["data"], item["nested"]) == ([1, "hi"], {"a": None})
        assert body["input_transformations"][0]["reason"] == "model_mismatch"
        streamed = talk.post(talk.body(user("hi"), item, user("again"), stream=True))
        assert "brand_new_item" in streamed.text
        again = talk.post(talk.body(user("hi"), item, user("again"))).json()
        assert text_in(again["output"]) == "brand_new_item"


@pytest.mark.parametrize(
    "item",
    [
        "{type: message, id: msg_1, role: assistant}",
        "{type: function_call, id: fc_1, call_id: c, name: n, arguments: {}}",
        "{type: reasoning, summary: nothing}",
        "{kind: nothing}",
    ],
)
def test_malformed_raw_items_are_streamed_as_they_are(item: str) -> None:
    with talking(f"rules: [{{then: [{{item: {item}}}]}}]") as talk:
        names = [
            line.removeprefix("event: ")
            for line in talk.post(talk.body(user("hi"), stream=True)).text.splitlines()
            if line.startswith("event: ")
        ]
        assert names[2:] == ["response.output_item.added", "response.output_item.done", "response.completed"]


def test_arguments_given_as_a_string_travel_as_they_are(tracker: Tracker) -> None:
    broken = '{"title": NaN, "title": 1'
    use = f"{{server: tracker, tool: create_issue, arguments: '{broken}'}}"
    script = f"rules: [{{times: 1, then: [{{mcp: {use}}}]}}, {{then: []}}]"
    with talking(script, declared(tracker)) as talk:
        request = only(talk.say(user("go")), "mcp_approval_request")
        assert request["arguments"] == broken
        call = only(talk.say(answer(request)), "mcp_call")
        assert call["error"]["type"] == "mcp_protocol_error"
        assert tracker.effects == []


def test_a_script_may_ask_for_a_server_that_nobody_declared() -> None:
    with talking("rules: [{then: [{mcp: {server: ghost, tool: haunt}}]}]") as talk:
        assert kinds(talk.say(user("boo"))) == ["mcp_approval_request"]


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ("{function_output: 'cl*', contains: noon}", True),
        ("{function_output: clock, contains: midnight}", False),
        ("{function_output: other}", False),
        ("{mcp_result: 'tracker.*'}", False),
    ],
)
def test_conditions_look_at_what_is_new(when: str, fits: bool) -> None:
    script = f"rules: [{{when: {when}, then: [{{say: 'yes'}}]}}, {{then: [{{say: 'no'}}]}}]"
    call = {"type": "function_call", "call_id": "c1", "name": "clock", "arguments": "{}"}
    output = {
        "type": "function_call_output",
        "call_id": "c1",
        "output": [{"type": "input_text", "text": "noon"}],
    }
    with talking(script) as talk:
        assert text_in(talk.say(user("?"), call, output)) == ("yes" if fits else "no")
        assert text_in(talk.say(user("later"))) == "no"


def test_instructions_developer_messages_and_images_are_in_sight() -> None:
    script = "rules: [{when: {sees: 'be kind.*brief.*http://x/y.png'}, then: [{say: seen}]}]"
    image = {"type": "input_image", "image_url": "http://x/y.png", "detail": "auto"}
    developer = {"type": "message", "role": "developer", "content": "brief"}
    with talking(script) as talk:
        message = {"type": "message", "role": "user", "content": [image]}
        assert text_in(talk.say(developer, message, instructions="be kind")) == "seen"


def test_templates_that_find_nothing_leave_nothing() -> None:
    text = "[{{last_output}}|{{denial_reason}}|{{seen:x(y)z}}|{{seen:hi+}}|{{other}}]"
    script = f"rules: [{{then: [{{say: '{text}'}}]}}]"
    with talking(script) as talk:
        assert text_in(talk.say(user("hiii"))) == "[|||hiii|{{other}}]"


@pytest.mark.parametrize("ending", ["cancelled", "failed"])
def test_a_response_may_end_without_a_reason(ending: str) -> None:
    with talking(f"rules: [{{then: [{{status: {ending}}}]}}]") as talk:
        assert talk.post(talk.body(user("x"))).json()["status"] == ending


REPEATED = """
rules:
- then:
  - repeat: 2
    steps:
    - call: {name: paint, arguments: {coat: "{{round}}"}}
    - repeat: 2
      steps:
      - {say: "coat {{round}}", phase: commentary}
"""


def test_steps_are_repeated_and_know_their_round() -> None:
    with talking(REPEATED, function("paint")) as talk:
        output = talk.say(user("hi"))

    assert [item.get("arguments") or item["content"][0]["text"] for item in output] == [
        '{"coat":"1"}',
        "coat 1",
        "coat 2",
        '{"coat":"2"}',
        "coat 1",
        "coat 2",
    ]


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("rules: [{then: [{delay: -1}]}]", "rules.0.then.0.delay: write a number from 0 up"),
        ("rules: [{then: [{repeat: 0, steps: []}]}]", "rules.0.then.0.repeat: write a number from 1 up"),
        ("rules: [{then: [{repeat: 2, stpes: []}]}]", "did you mean 'steps'?"),
        ("rules: [{then: [{repeat: 2, steps: [{sya: x}]}]}]", "a step is a mapping with one of: reasoning, "),
    ],
)
def test_a_wrong_delay_or_repetition_is_told(script: str, problem: str) -> None:
    with pytest.raises(ScriptError) as refused:
        load_script(script)
    assert problem in str(refused.value)


@pytest.mark.promise("script-waits")
def test_a_delay_keeps_a_stream_open_until_its_reader_leaves_or_the_service_stops() -> None:
    script = "rules: [{then: [{say: first}, {delay: 3600}, {say: second}]}]"
    with talking(script) as talk:
        headers = {"authorization": f"Bearer {talk.endpoint.api_key}"}
        body = talk.body(user("hi"), stream=True)
        with talk.http.stream(
            "POST", f"{talk.endpoint.base_url}/responses", json=body, headers=headers
        ) as answered:
            done = next(
                line for line in answered.iter_lines() if line.startswith("event: response.output_item.done")
            )
    assert done  # and leaving both blocks took no hour: nothing waits for the second sentence
