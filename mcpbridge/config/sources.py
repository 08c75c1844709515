"""Where credentials are looked up: environment, files, the system's keyring. All three are arguments."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from mcpbridge.config.references import Reference


class SecretUnavailable(Exception):
    """Not there, or not readable. The message names the place and never the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSources:
    """The three places. Anything raised as SecretUnavailable becomes a MissingSecret with file and line."""

    env: Mapping[str, str] = field(repr=False)
    read_file: Callable[[Path], str]
    keyring: Callable[[str, str], str | None]

    def value(self, reference: Reference, directory: Path) -> str:
        """The text behind a reference; relative files are looked up in `directory`. May block."""
        match reference.scheme:
            case "env":
                found = self.env.get(reference.name)
                missing = f"the environment variable {reference.name} is not set; set it, or name another one"
            case "file":
                found = _without_line_break(self.read_file(directory / os.path.expanduser(reference.name)))
                missing = ""
            case _:
                service, _, user = reference.name.rpartition("/")
                found = self.keyring(service, user)
                missing = f"the keyring holds nothing for {reference}; run: keyring set {service} {user}"
        if found is None:
            raise SecretUnavailable(missing)
        if not found:
            raise SecretUnavailable(f"{reference} is empty")
        return found


def process_sources() -> SecretSources:
    """This process's environment (read at each use), its file system, and the installed keyring."""
    return SecretSources(env=os.environ, read_file=read_secret_file, keyring=read_keyring)


def read_secret_file(path: Path) -> str:
    """A file's text. Raises SecretUnavailable."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SecretUnavailable(f"the file {path} cannot be read: {error.strerror}") from None
    text = _decoded(data)
    if text is None:
        raise SecretUnavailable(f"the file {path} is not UTF-8 text")
    return text


def read_keyring(service: str, user: str) -> str | None:
    """A password from the system's keyring. Raises SecretUnavailable."""
    try:
        keyring: Any = import_module("keyring")
    except ImportError:
        raise SecretUnavailable(
            "${keyring:…} needs an extra package; run: pip install 'mcpbridge[keyring]'"
        ) from None
    try:
        return cast("str | None", keyring.get_password(service, user))
    except keyring.errors.KeyringError as error:
        raise SecretUnavailable(f"the system's keyring cannot be used: {type(error).__name__}") from None


def _decoded(data: bytes) -> str | None:
    # A UnicodeDecodeError carries the bytes, so it must not become the context of what we raise.
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _without_line_break(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
