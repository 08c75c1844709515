"""The audit log: one durable, chained line for each decision before it takes effect, one for each outcome."""

from mcpbridge.audit.blobs import blob_text
from mcpbridge.audit.chain import Flaw, FlawKind
from mcpbridge.audit.declared import DeclaredSecrets
from mcpbridge.audit.disk import Disk, SystemDisk
from mcpbridge.audit.levels import Level
from mcpbridge.audit.log import AuditLog
from mcpbridge.audit.memory import MemoryAudit
from mcpbridge.audit.read import read
from mcpbridge.audit.records import Evidence, OutcomeStatus, RecordType
from mcpbridge.audit.render import render_line, render_record
from mcpbridge.audit.sealed import check_recipient
from mcpbridge.audit.verify import Against, log_path, verify
from mcpbridge.audit.verifying.result import Status, Testimony, Unsealed, Verification
from mcpbridge.core.secret import Mask, Secret

__all__ = [
    "Against",
    "AuditLog",
    "DeclaredSecrets",
    "Disk",
    "Evidence",
    "Flaw",
    "FlawKind",
    "Level",
    "Mask",
    "MemoryAudit",
    "OutcomeStatus",
    "RecordType",
    "Secret",
    "Status",
    "SystemDisk",
    "Testimony",
    "Unsealed",
    "Verification",
    "blob_text",
    "check_recipient",
    "log_path",
    "read",
    "render_line",
    "render_record",
    "verify",
]
