"""The audit log that a configuration describes, opened."""

from __future__ import annotations

from mcpbridge.audit import AuditLog
from mcpbridge.audit.keys import KeySources
from mcpbridge.audit.seal import Rhythm
from mcpbridge.config import AuditConfig, SecretSources, SecretTemplate
from mcpbridge.core.secret import Mask, Secret
from mcpbridge.ports import Clock


def open_audit(
    config: AuditConfig, *, mask: Mask, sources: SecretSources, clock: Clock | None = None
) -> AuditLog:
    """Raises AuditUnavailable, UsageError, or MissingSecret where a key that is kept elsewhere is not there.

    Its own keys become known to `mask`: they are not written into it either.
    """
    signing, hmac = _key(config.signing_key, sources), _key(config.hmac_key, sources)
    mask.add(key for key in (signing, hmac) if key is not None)
    return AuditLog.open(
        config.path,
        mask=mask,
        levels=config.levels,
        allow_full=config.allow_full,
        secrets=config.secrets,
        recipients=config.recipients,
        clock=clock,
        keys=KeySources(signing=signing, hmac=hmac),
        anchors=config.anchors,
        rhythm=Rhythm() if config.rotate is None else Rhythm(segment_bytes=config.rotate),
    )


def _key(template: SecretTemplate | None, sources: SecretSources) -> Secret | None:
    return None if template is None else template.resolve(sources)
