"""What stands in for the language model: a brain looks at a scene and acts.

Start at `brain.py` (the protocol) and `acts.py` (what a brain can do); each other file is one brain.
"""
