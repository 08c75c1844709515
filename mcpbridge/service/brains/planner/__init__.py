"""The planner brain: plain rules that choose a tool by shared words and fill its arguments from the text.

Start at `planner.py` (what it does with a scene) and `plan.py` (from a sentence to calls).
"""
