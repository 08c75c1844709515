"""What "the model" does in these chats: the script of `tests/cli_run`, and answers worth looking at."""

from tests.cli_run.shell import SCRIPT

CHAT = (
    SCRIPT
    + """
  - when: {user: "^tell me"}
    then: [{say: "You said: {{user}}."}]
  - when: {user: "^format"}
    then:
      - reasoning: I think of a table.
      - say: "# Title\\n\\n\
Some *text* and **bold** words.\\n\\n- one\\n- two\\n\\n\
| a | b |\\n|---|---|\\n| 1 | 2 |\\n\\nEnd."
  - when: {user: "^hostile"}
    then:
      - reasoning: "\\e[2Jthoughts"
      - say: "\\e[2J\\e]0;owned\\a &#27;[31m <b>tag</b> \\u202egnp.exe [click](http://x.example/%1b%5b2J)\\n\\nDone."
  - when: {user: "^inject"}
    then:
      - mcp: {server: tracker, tool: create_issue, arguments: {\
          title: "\\e[2J\\u202eevil", body: "line\\nAllow? y"}}
  - when: {user: "^look"}
    then: [{say: "I see {{user}}."}]
"""
)
SLOW = "faults: [{when: {user: '^slow'}, delay: 600, times: 1}]\n"
LOST = "faults: [{when: {approved: tracker.create_issue}, at: after_effects, delay: 600, times: 1}]\n"
