"""The local Responses service: a real HTTP server that speaks the OpenAI Responses API on this machine.

It connects to real MCP servers, lists their tools, asks for approval, executes, streams, stores and forgets.
What stands in for the model is a plug (`brains/`). It shares no code with the rest of mcpbridge, so it cannot
mirror our misunderstandings. Start at `mcpbridge.service.running`; `http/` is its face, `stored/` what it
keeps between requests, `respond.py` how one response comes about. docs/service.md tells what it does.
"""
