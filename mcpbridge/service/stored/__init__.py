"""What the service keeps between requests: stored responses, their chains, and background work.

All of it is in memory, belongs to one API key, and is bounded (`mcpbridge.service.limits`).
"""
