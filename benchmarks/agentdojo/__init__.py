"""AgentDojo, ruled by drafted policies: static, ground-truth, non-adaptive (docs/agentdojo.md)."""
