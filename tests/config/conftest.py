"""A configuration to vary: the shortest one that loads, in a folder with a policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mcpbridge.config import Configuration, SecretSources, load_config_text
from mcpbridge.errors import ConfigurationError

BASE = "model: {name: gpt-5.6, endpoint: openai}\npolicy: ./policy.yaml\n"
POLICY = "version: 1\ndefaults: {decision: ask}\nrules: []\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return tmp_path


@pytest.fixture
def sources() -> SecretSources:
    """Nothing is set, no file can be read, the keyring is empty."""
    return SecretSources(env={}, read_file=lambda path: path.read_text(), keyring=lambda service, user: None)


@pytest.fixture
def load(folder: Path, sources: SecretSources) -> Callable[..., Configuration]:
    """Load YAML text that stands after (or, with base="", instead of) the two lines of the base."""

    def loaded(text: str, *, base: str = BASE, env: dict[str, str] | None = None) -> Configuration:
        places = SecretSources(env=env or {}, read_file=sources.read_file, keyring=sources.keyring)
        return load_config_text(base + text, file="mcpbridge.yaml", directory=folder, sources=places)

    return loaded


@pytest.fixture
def problems(load: Callable[..., Configuration]) -> Callable[..., list[str]]:
    """The problems of such a text, as people see them."""

    def found(text: str, **options: object) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            load(text, **options)
        return [str(problem) for problem in caught.value.problems]

    return found
