"""From what was asked for to an examination: the client, the throw-away server, the limits."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from mcpbridge.adapters.clients import make_client
from mcpbridge.config import ModelConfig, SecretSources, process_sources
from mcpbridge.config.urls import is_loopback
from mcpbridge.core.secret import Mask
from mcpbridge.doctor import throwaway
from mcpbridge.doctor.asking import Asker
from mcpbridge.doctor.exam import Exam
from mcpbridge.doctor.examine import Examination, Line, examine
from mcpbridge.doctor.throwaway import Throwaway

_LETTERS: Final = "ABCDEFGHKMNPRSTUVWXYZ"
"""No letter that a model could take for a digit."""
_LENGTH: Final = 8
_ANSWER: Final = 8 * 2**20
"""Bytes of one answer; the longest that is asked for has a few thousand."""
_OUT_OF_REACH: Final = "the endpoint cannot reach this machine; see --mcp-url"
_NO_SERVER: Final = "no MCP server was started"


def random_word() -> str:
    """A word that nobody can guess and no text holds by chance."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One run of the doctor. Times are seconds."""

    config: ModelConfig
    model: str
    """Empty: the endpoint's only one."""
    other_model: str = ""
    chosen: Sequence[str] = ()
    timeout: float
    max_requests: int
    no_server: bool = False
    """Start no throw-away server: the endpoint is here, and hands requests on to where it is out of reach."""
    public_url: str = ""
    """Where the endpoint reaches the throw-away server instead."""
    host: str = "127.0.0.1"
    port: int = 0
    grace: float = 0.0
    """How long to wait at the end for calls that come late."""
    by_configuration: bool = False
    """A file names the endpoint; else the command line does."""

    async def examine(
        self,
        *,
        sources: SecretSources | None = None,
        nonce: Callable[[], str] = random_word,
        on_line: Callable[[Line], None] = lambda _line: None,
    ) -> Examination:
        """Raises ConfigurationError for a credential that is not there, and UsageError."""
        mask = Mask()
        config = replace(self.config, timeout=self.timeout)
        client = make_client(config, sources or process_sources(), mask, answer_limit=_ANSWER)
        async with client, self._server(nonce, mask) as server:
            asker = Asker(
                client=client,
                mask=mask,
                timeout=self.timeout,
                limit=self.max_requests,
                tokens=lambda: server.issued if server is not None else (),
            )
            exam = Exam(
                asker=asker,
                model=self.model,
                other_model=self.other_model,
                nonce=nonce,
                grace=self.grace,
                by_configuration=self.by_configuration,
                throwaway=server,
                why_no_server=_NO_SERVER if self.no_server else _OUT_OF_REACH,
            )
            return await examine(exam, self.chosen, on_line=on_line)

    @asynccontextmanager
    async def _server(self, nonce: Callable[[], str], mask: Mask) -> AsyncGenerator[Throwaway | None]:
        """The throw-away server where it can be reached, else None."""
        here = is_loopback(urlsplit(self.config.base_url).hostname or "")
        if self.no_server or not (here or self.public_url):
            yield None
            return
        host, port = (self.host, self.port) if self.public_url else ("127.0.0.1", 0)
        async with throwaway.running(
            code=nonce, mask=mask, host=host, port=port, public_url=self.public_url
        ) as server:
            yield server
