"""OAuth 2.1 towards MCP servers: getting, keeping and renewing tokens. Each token belongs to one server.

The SDK's providers know the protocol (discovery, registration, PKCE, refresh, step-up). What they do not do
is here: no lock while a call is under way, tokens that survive a restart with their expiry and with the
authorization server they came from, checked addresses, and no browser that opens by itself.
"""
