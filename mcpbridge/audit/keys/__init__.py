"""A log's keys: one that hides values, one that signs checkpoints, and the retired ones of both.

    keys/hmac.key          32 bytes, 0600: whoever holds only the log cannot guess a hidden value and check it
    keys/signing.key       PRIVATE+KEY+…, 0600: signs checkpoints
    keys/origin            the log's own name, made with it
    keys/verifier.keys     public halves of all signing keys so far, the latest last
    keys/retired/          HMAC keys of before, for `mcpbridge audit hash`

Either key may be kept elsewhere instead (environment, keyring): see `KeySources`.
"""

from mcpbridge.audit.keys.hiding import KEY_BYTES, hiding_keys, key_id, new_key
from mcpbridge.audit.keys.log_keys import KeySources, LogKeys, load_key, open_keys
from mcpbridge.audit.keys.permissions import key_warnings
from mcpbridge.audit.keys.signing import new_signing_key, verifier_keys

__all__ = [
    "KEY_BYTES",
    "KeySources",
    "LogKeys",
    "hiding_keys",
    "key_id",
    "key_warnings",
    "load_key",
    "new_key",
    "new_signing_key",
    "open_keys",
    "verifier_keys",
]
