"""`mcpbridge doctor`: what an endpoint really does, found out by harmless requests.

`examine` runs the `CHECKS` in their order. A check asks the endpoint (`Asker`), looks at what a throw-away
MCP server of ours was really asked to do (`Throwaway`), and gives one `Verdict`. A model that did not obey
is `unknown`, never a finding.
"""
