"""What `mcpbridge audit keys rotate` does."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from mcpbridge.adapters.audit_log import open_audit
from mcpbridge.audit import AuditLog
from mcpbridge.audit.keys import KeySources, hiding_keys, new_key, new_signing_key
from mcpbridge.audit.keys.changing import (
    Change,
    announce,
    change_hiding_key,
    change_signing_key,
    kept_signing_key,
)
from mcpbridge.audit.keys.hiding import hiding_key_of, key_id
from mcpbridge.audit.keys.places import HMAC_KEY, KEYS, has_lines
from mcpbridge.audit.keys.signing import source_key
from mcpbridge.audit.note import SigningKey
from mcpbridge.audit.verifying.start import origin_of
from mcpbridge.cli.audit.writing import audit_config, person
from mcpbridge.config import AuditConfig, process_sources
from mcpbridge.config.template import SecretTemplate, parse_template
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.errors import AuditUnavailable, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """The keys until now; None: lost, or kept nowhere."""

    config: AuditConfig
    origin: str
    signing: SigningKey | None
    hmac: bytes | None

    @property
    def directory(self) -> Path:
        return self.config.path


@dataclass(frozen=True, slots=True, kw_only=True)
class _After:
    """The new ones; None: that key stays."""

    signing: SigningKey | None = None
    hmac: bytes | None = None
    in_file: bool = True


def rotated(args: argparse.Namespace) -> list[str]:
    """Replace keys; a line about each. Raises UsageError, AuditUnavailable, MissingSecret."""
    before = _before(audit_config(args))
    after = _lost(args, before) if args.lost else _wanted(args, before)
    change = Change(by=person(args), reason=args.reason)
    asyncio.run(_rotate(before, after, change))
    return list(_said(before, after))


def _before(config: AuditConfig) -> _Before:
    if not config.path.is_dir() or not has_lines(config.path):
        raise AuditUnavailable(f"there is no audit log in {config.path} whose keys could be replaced")
    kept, configured = _resolved(config.hmac_key), _resolved(config.signing_key)
    current = config.path / KEYS / HMAC_KEY
    return _Before(
        config=config,
        origin=origin_of(config.path),
        signing=source_key(configured) if configured else kept_signing_key(config.path),
        hmac=next(iter(hiding_keys(config.path, source=kept).values()), None)
        if kept or current.exists()
        else None,
    )


def _wanted(args: argparse.Namespace, before: _Before) -> _After:
    if args.to is not None:
        return _given(args, before)
    signing, hmac = not args.hmac, not args.signing
    for wanted, elsewhere, name in (
        (signing, before.config.signing_key, "signing"),
        (hmac, before.config.hmac_key, "hmac"),
    ):
        if wanted and elsewhere is not None:
            raise UsageError(
                f"audit.keys.{name} keeps the key elsewhere; give a new one: --{name} --to '${{env:NAME}}'"
            )
    if (signing and before.signing is None) or (hmac and before.hmac is None):
        raise UsageError("a key of this log is gone, so that it cannot vouch for a new one; add --lost")
    return _After(
        signing=new_signing_key(before.origin) if signing else None, hmac=new_key() if hmac else None
    )


def _given(args: argparse.Namespace, before: _Before) -> _After:
    """A key from elsewhere, for one that is kept elsewhere."""
    if args.signing == args.hmac:
        raise UsageError("--to gives one key; say which with --signing or --hmac")
    elsewhere = before.config.signing_key if args.signing else before.config.hmac_key
    if elsewhere is None:
        raise UsageError(
            "--to is for a key that audit.keys keeps elsewhere; this one is in keys/, leave --to out"
        )
    try:
        secret = _resolved(parse_template(args.to))
    except ValueError as error:
        raise UsageError(f"--to: {error}") from None
    assert secret is not None
    if args.signing:
        return _After(signing=source_key(secret), in_file=False)
    return _After(hmac=hiding_key_of(secret), in_file=False)


def _lost(args: argparse.Namespace, before: _Before) -> _After:
    signing = new_signing_key(before.origin) if before.signing is None and not args.hmac else None
    hmac = new_key() if before.hmac is None and not args.signing else None
    if signing is None and hmac is None:
        raise UsageError(
            "no key of this log is lost; leave --lost out, so that the old key vouches for the new one"
        )
    return _After(signing=signing, hmac=hmac)


async def _rotate(before: _Before, after: _After, change: Change) -> None:
    async with _opened(before, after) as log:
        if after.hmac is not None:
            await change_hiding_key(
                log, before.directory, change, old=before.hmac, new=after.hmac, in_file=after.in_file
            )
        if after.signing is not None:
            await change_signing_key(
                log, before.directory, change, origin=before.origin, old=before.signing, new=after.signing,
                in_file=after.in_file,
            )  # fmt: skip


def _opened(before: _Before, after: _After) -> AbstractAsyncContextManager[AuditLog]:
    """The log, open under its keys; where one is lost, under the new one."""
    config = before.config
    if before.signing is not None and before.hmac is not None:
        return open_audit(config, mask=Mask(), sources=process_sources())
    if before.signing is None and after.signing is not None:
        announce(config.path, after.signing, before.origin)
    signing, hmac = before.signing or after.signing, before.hmac or after.hmac
    sources = KeySources(
        signing=Secret(signing.text()) if signing else None, hmac=Secret(hmac.hex()) if hmac else None
    )
    return AuditLog.open(config.path, mask=Mask(), keys=sources, anchors=config.anchors)


def _resolved(template: SecretTemplate | None) -> Secret | None:
    return None if template is None else template.resolve(process_sources())


def _said(before: _Before, after: _After) -> Iterator[str]:
    if after.signing is not None:
        old = before.signing.verifier.key_id if before.signing else "lost"
        yield f"signing key {old} is replaced by {after.signing.verifier.key_id}"
        yield f"verifier key: {after.signing.verifier}"
    if after.hmac is not None:
        yield f"HMAC key {key_id(before.hmac) if before.hmac else 'lost'} is replaced by {key_id(after.hmac)}"
    if not after.in_file:
        yield "now change audit.keys in the configuration to the new place, and start what writes the log"
