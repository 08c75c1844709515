"""Where the tokens of a login are kept between two runs: the system's keyring, or an encrypted file.

The file is AES-256-GCM with the server's identity as associated data, so that it opens for that server only.
Its key is MCPBRIDGE_TOKENS_KEY (32 bytes, base64), or a file beside it that only its owner can read: that
protects copies of the tokens alone, not against somebody who can read all of this account's files.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from filelock import FileLock

from mcpbridge.adapters.oauth.kept import Kept
from mcpbridge.config.oauth import TokenStore
from mcpbridge.errors import UsageError

KEY_VARIABLE: Final = "MCPBRIDGE_TOKENS_KEY"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SERVICE: Final = "mcpbridge oauth"


class TokensUnreadable(UsageError):
    """There are tokens, and they do not open: another login may replace them."""


class Store(Protocol):
    """Keeps the tokens of servers, each under the server's identity. May block."""

    @property
    def place(self) -> str:
        """For people: where they are."""
        ...

    def load(self, identity: str) -> Kept | None: ...

    def save(self, identity: str, kept: Kept | None) -> None:
        """Keep them in place of what was there; None forgets."""
        ...

    def lock(self, identity: str) -> contextlib.AbstractContextManager[Any]:
        """Held while tokens are renewed: a refresh token works once, and several processes may have it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStore:
    """A folder with one encrypted file for each server."""

    folder: Path
    environment: Mapping[str, str] = field(repr=False)

    @property
    def place(self) -> str:
        return f"an encrypted file in {self.folder}"

    def load(self, identity: str) -> Kept | None:
        try:
            data = self._path(identity).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"the tokens in {self.folder} cannot be read: {error.strerror}") from error
        try:
            text = AESGCM(self._key()).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], identity.encode())
        except (InvalidTag, ValueError):
            raise TokensUnreadable(
                f"the tokens in {self._path(identity)} do not open with the key at hand (was {KEY_VARIABLE} "
                "set when they were written?); set it, or log in anew"
            ) from None
        return Kept.loads(text.decode("utf-8", "replace"), identity)

    def save(self, identity: str, kept: Kept | None) -> None:
        path = self._path(identity)
        try:
            if kept is None:
                path.unlink(missing_ok=True)
                return
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            nonce = secrets.token_bytes(_NONCE_BYTES)
            text = kept.dumps(identity).encode()
            _write(path, nonce + AESGCM(self._key()).encrypt(nonce, text, identity.encode()))
        except OSError as error:
            raise UsageError(f"the tokens cannot be kept in {self.folder}: {error.strerror}") from error

    def lock(self, identity: str) -> contextlib.AbstractContextManager[Any]:
        return _file_lock(self.folder, identity)

    def _path(self, identity: str) -> Path:
        return self.folder / f"{_name(identity)}.tokens"

    def _key(self) -> bytes:
        given = self.environment.get(KEY_VARIABLE)
        if given:
            try:
                key = base64.b64decode(given, validate=True)
            except (binascii.Error, ValueError):
                key = b""
            if len(key) != _KEY_BYTES:
                raise UsageError(f"{KEY_VARIABLE} holds no key: write {_KEY_BYTES} random bytes in base64")
            return key
        path = self.folder / "tokens.key"
        with _file_lock(self.folder, "key"):
            if not path.exists():
                _write(path, secrets.token_bytes(_KEY_BYTES))
            key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise UsageError(f"{path} holds no key of {_KEY_BYTES} bytes; remove it and log in anew")
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyringStore:
    """The system's keyring."""

    keyring: Any
    folder: Path
    """For the locks."""

    @property
    def place(self) -> str:
        return "the system's keyring"

    def load(self, identity: str) -> Kept | None:
        text = self._asked("get_password", identity)
        return None if text is None else Kept.loads(text, identity)

    def save(self, identity: str, kept: Kept | None) -> None:
        if kept is not None:
            self._asked("set_password", identity, kept.dumps(identity))
        elif self._asked("get_password", identity) is not None:
            self._asked("delete_password", identity)

    def lock(self, identity: str) -> contextlib.AbstractContextManager[Any]:
        return _file_lock(self.folder, identity)

    def _asked(self, what: str, identity: str, *more: str) -> Any:
        try:
            return getattr(self.keyring, what)(_SERVICE, identity, *more)
        except self.keyring.errors.KeyringError as error:
            raise UsageError(
                f"the system's keyring cannot be used ({type(error).__name__}); write oauth: {{store: file}}"
            ) from None


def token_store(kind: TokenStore, *, environment: Mapping[str, str] = os.environ) -> Store:
    """The store that is meant. `auto`: the keyring where there is one that works. Raises UsageError."""
    folder = _folder(environment)
    keyring = None if kind == "file" else _keyring()
    if keyring is not None:
        return KeyringStore(keyring=keyring, folder=folder)
    if kind == "keyring":
        raise UsageError(
            "there is no keyring that works here; pip install 'mcpbridge[keyring]', or store: file"
        )
    return FileStore(folder=folder, environment=environment)


def _keyring() -> Any:
    try:
        keyring: Any = import_module("keyring")
        return keyring if keyring.get_keyring().priority > 0 else None
    except Exception:  # noqa: BLE001 # boundary: backends are foreign code, and a missing one is none
        return None


def _folder(environment: Mapping[str, str]) -> Path:
    state = environment.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "mcpbridge" / "tokens"


def _file_lock(folder: Path, name: str) -> FileLock:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return FileLock(folder / f"{_name(name)}.lock", timeout=60, thread_local=False)


def _name(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, for its owner only."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException:  # boundary: whatever happened, no half file is left
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _sync_folder(folder: Path) -> None:
    """Make the new name durable, where folders can be opened (not on Windows): a refresh token works once."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
