"""A server whose answers never end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def dripping(head: bytes, drop: bytes, *, asked: bool = True) -> Generator[str]:
    """It answers, and then sends the same few bytes for ever. `asked`: only once it has heard a request."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                received = b""
                while asked and b"\r\n\r\n" not in received:
                    received += connection.recv(65_536)
                connection.sendall(head)
                try:
                    while not stop.wait(0.05):
                        connection.sendall(drop)
                except OSError:
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        stop.set()
        thread.join(5)
