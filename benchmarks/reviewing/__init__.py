"""Reviewing a long log: how fast from a report to one decision, in how much memory."""
