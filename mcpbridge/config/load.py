"""A configuration file → one frozen Configuration, or every problem in it at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mcpbridge.config.files import Unreadable, read_text, reader_of
from mcpbridge.config.keys import TOP
from mcpbridge.config.models import AuditConfig, Configuration
from mcpbridge.config.read_audit import read_audit
from mcpbridge.config.read_model import read_model
from mcpbridge.config.read_policies import read_policies
from mcpbridge.config.read_sections import (
    read_approvals,
    read_groups,
    read_limits,
    read_logging,
    read_replay,
)
from mcpbridge.config.read_servers import read_servers
from mcpbridge.config.read_tools import read_accepted, read_hosted_tools
from mcpbridge.config.reader import Findings, Reader
from mcpbridge.config.sources import SecretSources, process_sources
from mcpbridge.errors import ConfigurationError, MissingSecret, Problem

_NO_FILE: Final = "run `mcpbridge init`, or name one with -c FILE"


def load_config(path: str | Path, *, sources: SecretSources | None = None) -> Configuration:
    """Read a file and what it names. Raises ConfigurationError with all problems. Resolves no secret."""
    findings = Findings()
    return _finished(_from_file(Path(path), findings, sources or process_sources()), findings)


def load_config_text(
    text: str, *, file: str, directory: str | Path, sources: SecretSources | None = None
) -> Configuration:
    """As `load_config`, for text that was read elsewhere; `file` is the name used in messages."""
    findings = Findings()
    env = (sources or process_sources()).env
    return _finished(_from_text(text, file, Path(directory), findings, env), findings)


def audit_path(path: Path) -> Path:
    """Where a configuration keeps its audit log, whatever else is wrong with it."""
    return audit_section(path).path


def audit_section(path: Path) -> AuditConfig:
    """Its whole `audit:`, as far as that can be read. Raises ConfigurationError without such a file."""
    try:
        text = read_text(path)
    except Unreadable as error:
        message = f"{error}; name one with -c FILE"
        raise ConfigurationError([Problem(file=str(path), line=0, message=message)]) from None
    findings = Findings()
    top = reader_of(text, file=str(path), directory=path.parent, findings=findings)
    if top is None:
        raise ConfigurationError(_sorted(findings))
    return read_audit(top.child("audit"))


def check_config(path: str | Path, *, sources: SecretSources | None = None) -> list[Problem]:
    """Every problem by file and line: those of `load_config`, and secrets that are not there."""
    places = sources or process_sources()
    findings = Findings()
    _from_file(Path(path), findings, places)
    for template in findings.templates:
        try:
            template.resolve(places)
        except MissingSecret as missing:
            findings.problems.extend(missing.problems)
    return _sorted(findings)


def _from_file(path: Path, findings: Findings, sources: SecretSources) -> Configuration | None:
    try:
        text = read_text(path)
    except Unreadable as error:
        message = str(error) if path.exists() else f"{error}; {_NO_FILE}"
        findings.problems.append(Problem(file=str(path), line=0, message=message))
        return None
    return _from_text(text, str(path), path.parent, findings, sources.env)


def _from_text(
    text: str, file: str, directory: Path, findings: Findings, env: Mapping[str, str]
) -> Configuration | None:
    top = reader_of(text, file=file, directory=directory, findings=findings)
    return None if top is None else _read(top, env)


def _read(top: Reader, env: Mapping[str, str]) -> Configuration:
    top.only(*TOP)
    model = read_model(top, env)
    accepted = read_accepted(top)
    return Configuration(
        file=top.file,
        directory=top.directory,
        model=model,
        servers=read_servers(top, model.profile),
        policies=read_policies(top),
        policy_reload=top.flag("policy_reload", default=True),
        approvals=read_approvals(top.child("approvals")),
        audit=read_audit(top.child("audit")),
        replay=read_replay(top.child("replay")),
        limits=read_limits(top.child("limits")),
        accept_ungated=accepted,
        hosted_tools=read_hosted_tools(top, accepted),
        principal=top.text("principal") or "",
        groups=read_groups(top.child("groups")),
        logging=read_logging(top.child("logging")),
    )


def _finished(configuration: Configuration | None, findings: Findings) -> Configuration:
    problems = _sorted(findings)
    if configuration is None or problems:
        raise ConfigurationError(problems)
    return configuration


def _sorted(findings: Findings) -> list[Problem]:
    order: dict[str, int] = {}
    for problem in findings.problems:
        order.setdefault(problem.file, len(order))
    return sorted(findings.problems, key=lambda problem: (order[problem.file], problem.line))
