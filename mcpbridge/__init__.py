"""mcpbridge: one gate between a model on the Responses API and everything it can touch.

    from mcpbridge import Bridge, Approve, tool

The public names are those in `__all__`; each is loaded when it is first used (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcpbridge.adapters.approvers import CallbackApprover, DenyApprover, ScriptedApprover
    from mcpbridge.adapters.functions import File, FunctionTool, Image, tool
    from mcpbridge.adapters.responses import Retries
    from mcpbridge.adapters.terminal import TerminalApprover
    from mcpbridge.audit import AuditLog, MemoryAudit
    from mcpbridge.bridge.bridge import Bridge
    from mcpbridge.bridge.gate import Gate
    from mcpbridge.bridge.reading import ServerReader
    from mcpbridge.bridge.result import Result
    from mcpbridge.config import (
        Configuration,
        Connection,
        Profile,
        SecretSources,
        ServerDeclaration,
        load_config,
    )
    from mcpbridge.core.action import Action, ToolDefinition
    from mcpbridge.core.conversation import Conversation, Usage
    from mcpbridge.core.decisions import Decided
    from mcpbridge.core.question import Question
    from mcpbridge.core.ruling import Approve, Decision, Deny, Outcome
    from mcpbridge.core.secret import Secret
    from mcpbridge.engine.events import (
        ActionDecided,
        ApprovalAsked,
        CallFinished,
        CallProgress,
        CallStarted,
        Event,
        Finished,
        Notice,
        ReasoningDelta,
        ResponseReceived,
        TextDelta,
        ToolsListed,
        WireEvent,
    )
    from mcpbridge.engine.loop import Turn
    from mcpbridge.errors import (
        AlreadyDecided,
        AuditCorrupt,
        AuditUnavailable,
        AuthRefused,
        CallNotSent,
        CallTimedOut,
        ConfigurationError,
        DuplicateItem,
        EditRefused,
        Frozen,
        GuardStopped,
        MalformedItem,
        McpbridgeError,
        MissingSecret,
        ModelError,
        ModelUnavailable,
        OutcomeLost,
        OutcomeUnknown,
        OutputInvalid,
        ProtocolViolation,
        RateLimited,
        RepeatedRequest,
        ReplayInvariant,
        ResponseNotCompleted,
        RoundLimitExceeded,
        ServerError,
        ServerUnavailable,
        StateRefused,
        ToolFailed,
        ToolListUnavailable,
        ToolsChanged,
        UnapprovedCall,
        UndeclaredServer,
        UnsupportedItem,
        UsageError,
    )
    from mcpbridge.policy import Policy, load_policy
    from mcpbridge.ports import (
        Approver,
        AuditSink,
        CallContext,
        CallObserver,
        Clock,
        Elicitation,
        Elicited,
        Library,
        Listing,
        Model,
        Progress,
        Record,
        Sampled,
        Sampling,
        ServerAsked,
        ToolAnswer,
        Toolbox,
    )

_HOMES = {
    "adapters.approvers": ("CallbackApprover", "DenyApprover", "ScriptedApprover"),
    "adapters.functions": ("File", "FunctionTool", "Image", "tool"),
    "adapters.responses": ("Retries",),
    "adapters.terminal": ("TerminalApprover",),
    "audit": ("AuditLog", "MemoryAudit"),
    "bridge.bridge": ("Bridge",),
    "bridge.gate": ("Gate",),
    "bridge.reading": ("ServerReader",),
    "bridge.result": ("Result",),
    "config": (
        "Configuration",
        "Connection",
        "Profile",
        "SecretSources",
        "ServerDeclaration",
        "load_config",
    ),
    "core.action": ("Action", "ToolDefinition"),
    "core.conversation": ("Conversation", "Usage"),
    "core.decisions": ("Decided",),
    "core.question": ("Question",),
    "core.ruling": ("Approve", "Decision", "Deny", "Outcome"),
    "core.secret": ("Secret",),
    "engine.events": (
        "ActionDecided",
        "ApprovalAsked",
        "CallFinished",
        "CallProgress",
        "CallStarted",
        "Event",
        "Finished",
        "Notice",
        "ReasoningDelta",
        "ResponseReceived",
        "TextDelta",
        "ToolsListed",
        "WireEvent",
    ),
    "engine.loop": ("Turn",),
    "errors": (
        "AlreadyDecided",
        "AuditCorrupt",
        "AuditUnavailable",
        "AuthRefused",
        "CallNotSent",
        "CallTimedOut",
        "ConfigurationError",
        "DuplicateItem",
        "EditRefused",
        "Frozen",
        "GuardStopped",
        "MalformedItem",
        "McpbridgeError",
        "MissingSecret",
        "ModelError",
        "ModelUnavailable",
        "OutcomeLost",
        "OutcomeUnknown",
        "OutputInvalid",
        "ProtocolViolation",
        "RateLimited",
        "RepeatedRequest",
        "ReplayInvariant",
        "ResponseNotCompleted",
        "RoundLimitExceeded",
        "ServerError",
        "ServerUnavailable",
        "StateRefused",
        "ToolFailed",
        "ToolListUnavailable",
        "ToolsChanged",
        "UnapprovedCall",
        "UndeclaredServer",
        "UnsupportedItem",
        "UsageError",
    ),
    "policy": ("Policy", "load_policy"),
    "ports": (
        "Approver",
        "AuditSink",
        "CallContext",
        "CallObserver",
        "Clock",
        "Elicitation",
        "Elicited",
        "Library",
        "Listing",
        "Model",
        "Progress",
        "Record",
        "Sampled",
        "Sampling",
        "ServerAsked",
        "ToolAnswer",
        "Toolbox",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if name == "__version__":
        return _version()
    if home is None:
        raise AttributeError(f"module 'mcpbridge' has no attribute {name!r}")
    return getattr(import_module(f"mcpbridge.{home}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # half the time of importing a room

    try:
        return version("mcpbridge")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0+unknown"


__all__ = [
    "Action",
    "ActionDecided",
    "AlreadyDecided",
    "ApprovalAsked",
    "Approve",
    "Approver",
    "AuditCorrupt",
    "AuditLog",
    "AuditSink",
    "AuditUnavailable",
    "AuthRefused",
    "Bridge",
    "CallContext",
    "CallFinished",
    "CallNotSent",
    "CallObserver",
    "CallProgress",
    "CallStarted",
    "CallTimedOut",
    "CallbackApprover",
    "Clock",
    "Configuration",
    "ConfigurationError",
    "Connection",
    "Conversation",
    "Decided",
    "Decision",
    "Deny",
    "DenyApprover",
    "DuplicateItem",
    "EditRefused",
    "Elicitation",
    "Elicited",
    "Event",
    "File",
    "Finished",
    "Frozen",
    "FunctionTool",
    "Gate",
    "GuardStopped",
    "Image",
    "Library",
    "Listing",
    "MalformedItem",
    "McpbridgeError",
    "MemoryAudit",
    "MissingSecret",
    "Model",
    "ModelError",
    "ModelUnavailable",
    "Notice",
    "Outcome",
    "OutcomeLost",
    "OutcomeUnknown",
    "OutputInvalid",
    "Policy",
    "Profile",
    "Progress",
    "ProtocolViolation",
    "Question",
    "RateLimited",
    "ReasoningDelta",
    "Record",
    "RepeatedRequest",
    "ReplayInvariant",
    "ResponseNotCompleted",
    "ResponseReceived",
    "Result",
    "Retries",
    "RoundLimitExceeded",
    "Sampled",
    "Sampling",
    "ScriptedApprover",
    "Secret",
    "SecretSources",
    "ServerAsked",
    "ServerDeclaration",
    "ServerError",
    "ServerReader",
    "ServerUnavailable",
    "StateRefused",
    "TerminalApprover",
    "TextDelta",
    "ToolAnswer",
    "ToolDefinition",
    "ToolFailed",
    "ToolListUnavailable",
    "Toolbox",
    "ToolsChanged",
    "ToolsListed",
    "Turn",
    "UnapprovedCall",
    "UndeclaredServer",
    "UnsupportedItem",
    "Usage",
    "UsageError",
    "WireEvent",
    "load_config",
    "load_policy",
    "tool",
]
