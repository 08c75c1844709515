"""`email_domain`: one plain address, and the domain behind its one `@`.

Display names, comments, quoted local parts, lists of addresses, routes and non-ASCII domains are
undecided: mail programs do not agree where such mail goes. Two of Python's parsers must see the same.
"""

from __future__ import annotations

import re
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Final

from mcpbridge.policy.matchers.values import TEXT, BadOperand, show, texts
from mcpbridge.policy.model import Facts, Matcher, Truth

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LOCAL: Final = re.compile(r"(?!-)[A-Za-z0-9_+'=&~^#$*?{}-]+(?:\.[A-Za-z0-9_+'=&~^#$*?{}-]+)*")
"""RFC 5322's dot-atom without `%`, `!` and `/`, which once were routes (`a%b@c` went to b by way of c);
without `|` and back-ticks, which run programs where a mail program hands an address on; and without a `-` in
front, which is an option there."""


def email_domain(operand: object) -> Matcher:
    domains = [_read_domain(one) for one in texts(operand, "corp.example")]

    def decide(value: object, facts: Facts) -> Truth:
        domain = domain_of(value) if type(value) is str else None
        return None if domain is None else any(_is(domain, one) for one in domains)

    text = f"is an e-mail address at {show(operand)}"
    return Matcher(name="email_domain", operand=operand, text=text, kinds=TEXT, decide=decide)


def domain_of(value: str) -> str | None:
    """The domain of one plain address, in lower case; None for whatever else."""
    local, at, domain = value.partition("@")
    if not at or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return None
    if len(local) > 64 or len(domain) > 253:
        return None
    try:
        parsed = Address(addr_spec=value)
    except (MessageError, ValueError, IndexError):
        return None
    same = (parsed.username, parsed.domain) == (local, domain) and parseaddr(value) == ("", value)
    return domain.lower() if same else None


def _is(domain: str, wanted: str) -> bool:
    return domain.endswith(wanted[1:]) if wanted.startswith("*.") else domain == wanted


def _read_domain(text: str) -> str:
    bare = text.removeprefix("*.")
    if not _DOMAIN.fullmatch(bare) or bare != bare.lower():
        advice = "a domain in lower case (a non-ASCII one as xn--…), or *.corp.example"
        raise BadOperand(f"takes {advice}, not {show(text)}")
    return text
