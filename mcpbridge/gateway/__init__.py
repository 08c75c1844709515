"""The governed tools as one MCP server, for any MCP client: the same policy, people and log for all of them.

It is a consumer of the gate, not a second one: each `tools/call` is settled as a function call of the model
would be (`bridge.Gate`). What a client says about itself proves nothing; whom a token names, does.
"""
