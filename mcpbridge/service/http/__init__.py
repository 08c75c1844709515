"""The HTTP face: routes, keys, bodies, the log, and server-sent events. What a response is, others know.

Start at `app.py`; each endpoint of the API is one file.
"""
