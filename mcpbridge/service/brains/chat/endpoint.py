"""A chat-completions endpoint over HTTP: where it may be, the one call, and what went wrong in our words."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeGuard
from urllib.parse import urlsplit

from mcpbridge.service.errors import ApiError
from mcpbridge.service.request.json_body import read_json
from mcpbridge.service.wire import Item, is_list, is_object, sendable

if TYPE_CHECKING:
    import httpx2

KEY_VARIABLE: Final = "MCPBRIDGE_CHAT_API_KEY"
_PATH: Final = "/chat/completions"
_MOST_BYTES: Final = 16 * 1024 * 1024
_TOLD: Final = 300
"""Characters of the endpoint's own error text that are passed on."""
_CONNECT, _ANSWER = 10.0, 600.0  # seconds; a model on a small machine takes minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatEndpoint:
    """Where the endpoint is, and the key it wants."""

    base_url: str
    api_key: str = field(default="", repr=False)
    timeout: float = _ANSWER

    @classmethod
    def at(cls, base_url: str, api_key: str = "", timeout: float = _ANSWER) -> ChatEndpoint:
        """Raises ValueError when the address is none, or would send the conversation in the clear."""
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"{_shown(base_url)} is no address; write chat:http://127.0.0.1:11434/v1, for example"
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(
                f"the address of a chat endpoint has no credentials or parameters in it; "
                f"write chat:{_shown(base_url)}, and a key into {KEY_VARIABLE}"
            )
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError(
                f"http://{parts.hostname} would carry the conversation unencrypted; "
                "write https://, or reach it through 127.0.0.1"
            )
        path = parts.path.rstrip("/").removesuffix(_PATH) or "/v1"
        return cls(base_url=f"{parts.scheme}://{parts.netloc}{path}", api_key=api_key, timeout=timeout)

    async def complete(self, body: Item) -> Item:
        """The answer to one request. Raises ApiError."""
        import httpx2

        try:
            status, raw = await self._post(body)
        except httpx2.TimeoutException:
            raise self._error(f"did not answer in {self.timeout:g} seconds", 504, "chat_timeout") from None
        except httpx2.HTTPError as error:
            what = f"cannot be reached ({type(error).__name__}); is it running?"
            raise self._error(what, 502, "chat_unreachable") from None
        decoded = _decoded(raw)
        if status != 200:
            raise self._refused(status, decoded)
        if not _is_completion(decoded):
            raise self._error("answered with something that is no chat completion", 502, "chat_answer")
        return decoded

    async def _post(self, body: Item) -> tuple[int, bytes]:
        import httpx2

        headers = {"authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        remote = not _is_loopback(urlsplit(self.base_url).hostname or "")
        timeout = httpx2.Timeout(self.timeout, connect=min(_CONNECT, self.timeout))
        async with (
            httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=remote) as client,
            client.stream("POST", f"{self.base_url}{_PATH}", json=body) as response,
        ):
            return response.status_code, await self._bounded(response)

    async def _bounded(self, response: httpx2.Response) -> bytes:
        raw = bytearray()
        async for chunk in response.aiter_bytes():
            raw += chunk
            if len(raw) > _MOST_BYTES:
                raise self._error(f"answered with more than {_MOST_BYTES} bytes", 502, "chat_answer")
        return bytes(raw)

    def _refused(self, status: int, decoded: object) -> ApiError:
        said = self._told(decoded)
        if status in (401, 403):
            hint = (
                f"put a key that it accepts into {KEY_VARIABLE}"
                if not self.api_key
                else f"check {KEY_VARIABLE}"
            )
            return self._error(f"refused the key ({status}): {hint}{said}", 502, "chat_key_refused")
        if status == 404:
            hint = "check the model's name, and that the address ends in /v1"
            return self._error(
                f"does not know this model or address (404): {hint}{said}",
                404,
                "model_not_found",
                param="model",
            )
        if status == 429:
            return self._error(f"is busy (429){said}", 429, "rate_limit_exceeded")
        if 400 <= status < 500:
            return self._error(f"refused the request ({status}){said}", 400, "chat_refused")
        return self._error(f"failed ({status}){said}", 502, "chat_failed")

    def _told(self, decoded: object) -> str:
        """What the endpoint says itself, without the key should it repeat it."""
        error: object = decoded.get("error") if is_object(decoded) else None
        text: object = error.get("message") if is_object(error) else error
        if not isinstance(text, str) or not text:
            return ""
        text = text.replace(self.api_key, "[key]") if self.api_key else text
        return f". It says: {text[:_TOLD]}"

    def _error(self, what: str, status: int, code: str, *, param: str | None = None) -> ApiError:
        kind = "invalid_request_error" if status < 500 else "server_error"
        message = f"The chat endpoint {self.base_url} {what}."
        return ApiError(message, status=status, type=kind, code=code, param=param)


def _decoded(raw: bytes) -> object:
    """Strict JSON, with whole characters; None where it is none. Models do write half characters."""
    try:
        return sendable(read_json(raw))
    except ValueError:
        return None


def _is_completion(decoded: object) -> TypeGuard[Item]:
    choices: object = decoded.get("choices") if is_object(decoded) else None
    first: object = choices[0] if is_list(choices) and choices else None
    return is_object(first) and is_object(first.get("message"))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(url: str) -> str:
    """The address without what may be secret in it."""
    parts = urlsplit(url)
    return (
        f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else repr(url[:80])
    )
