"""The local Responses service: a real HTTP server that plays YAML scripts of the OpenAI Responses API.

It connects to real MCP servers, lists their tools, asks for approval, executes and streams; only its
"model" is scripted. It shares no code with the rest of mcpbridge, so it cannot mirror our misunderstandings.
Start at `mcpbridge.service.running`; the script format is in docs/service-script.md.
"""
