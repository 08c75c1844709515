"""Shipped profiles. Each says where its facts come from; nothing here was guessed from a name."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from mcpbridge.config.profiles_model import Profile

UNKNOWN: Final = Profile(name="unknown", source="nothing is known about this endpoint")
"""Where a mapping of capabilities starts that extends nothing."""

OPENAI: Final = Profile(
    name="openai",
    # The types document the approval items and `require_approval`; missing means `always` (WIRE §1).
    approvals_honoured=True,
    hosted_mcp=True,
    # Both are documented; a header keeps schemes other than Bearer.
    authorization_in="header",
    # Two users report that a replayed mcp_call is not shown to the model (WIRE §4.8); not measured by us.
    mcp_results="function_pair",
    encrypted_reasoning=True,
    # In the `mcp` tool's type of openai 3.54.
    allowed_callers=True,
    source="openai 3.54 types; https://developers.openai.com/api/docs/guides/tools-connectors-mcp",
)

AZURE: Final = Profile(
    name="azure",
    # Its guide to the Responses API shows the approval items (WIRE §2); not measured by us.
    approvals_honoured=True,
    hosted_mcp=True,
    authorization_in="header",
    mcp_results="function_pair",
    # Some deployments answer 400 to it; the adapter then goes on without (WIRE §4.1).
    encrypted_reasoning=True,
    # Nothing we read says that it is known there; an unknown parameter would be a 400.
    allowed_callers=False,
    source="Azure's guide to the Responses API, as summarised in WIRE §2, §4 and §8; not measured",
)

LOCAL: Final = Profile(
    name="local",
    # Our own service refuses a call without its approval.
    approvals_honoured=True,
    hosted_mcp=True,
    authorization_in="header",
    # The service can imitate the fault (--quirk drop-mcp-call), so the careful form is the default here too.
    mcp_results="function_pair",
    encrypted_reasoning=True,
    allowed_callers=True,
    source="mcpbridge.service",
)

PROFILES: Final = MappingProxyType({profile.name: profile for profile in (OPENAI, AZURE, LOCAL)})
