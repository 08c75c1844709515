"""Configuration: YAML → frozen values, every problem named by file and line. Loads neither openai nor mcp."""

from mcpbridge.config.connection import Connection
from mcpbridge.config.credentials import (
    Credentials,
    resolve_authorization,
    resolve_credentials,
    resolve_headers,
)
from mcpbridge.config.declaration import DeclarationRefused, ServerDeclaration
from mcpbridge.config.load import audit_path, audit_section, check_config, load_config, load_config_text
from mcpbridge.config.models import (
    Approvals,
    AuditConfig,
    Configuration,
    Limits,
    Logging,
    ModelConfig,
    Reasoning,
    Replay,
)
from mcpbridge.config.profiles import AZURE, LOCAL, OPENAI, PROFILES, UNKNOWN
from mcpbridge.config.profiles_model import Profile
from mcpbridge.config.shipped import NotShipped, shipped, shipped_names
from mcpbridge.config.sources import SecretSources, SecretUnavailable, process_sources
from mcpbridge.config.template import SecretTemplate, parse_template
from mcpbridge.config.warnings import config_warnings

__all__ = [
    "AZURE",
    "LOCAL",
    "OPENAI",
    "PROFILES",
    "UNKNOWN",
    "Approvals",
    "AuditConfig",
    "Configuration",
    "Connection",
    "Credentials",
    "DeclarationRefused",
    "Limits",
    "Logging",
    "ModelConfig",
    "NotShipped",
    "Profile",
    "Reasoning",
    "Replay",
    "SecretSources",
    "SecretTemplate",
    "SecretUnavailable",
    "ServerDeclaration",
    "audit_path",
    "audit_section",
    "check_config",
    "config_warnings",
    "load_config",
    "load_config_text",
    "parse_template",
    "process_sources",
    "resolve_authorization",
    "resolve_credentials",
    "resolve_headers",
    "shipped",
    "shipped_names",
]
