"""What is wrong with what an operator writes of keys, projects and budgets, in words for a form, a file or the API.

Pure, but for `provider_faults` and `address_faults`, which read what this installation knows and allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from ipaddress import ip_network

from keys.limits.subjects import NANO
from keys.outward import credentials, outbound

MOST = 500  # members of a list
LONGEST = 200  # characters of one
MOST_COUNTED = 2**53  # what Redis's Lua counts exactly (its numbers are doubles), in nano-USD, tokens or requests
MOST_THRESHOLDS, HIGHEST_THRESHOLD = 10, 1000
ENDPOINT = re.compile(r"[a-z_*?\[\]][A-Za-z0-9._~:@+=,*?\[\]!/-]*")


def list_faults(written: Sequence[str], noun: str = "pattern") -> list[str]:
    """Of any list: at most 500 members without blanks, each once."""
    found = [f"At most {MOST} {noun}s."] if len(written) > MOST else []
    if any(not one or len(one) > LONGEST or set(one) & set(" \t\0") for one in written):
        found.append(f"A {noun} has no blanks and at most {LONGEST} characters.")
    return found


def mapping_faults(written: Mapping[str, str]) -> list[str]:
    """Of any mapping of texts by name: PostgreSQL's jsonb takes no NUL."""
    return ["A name or a value holds NUL."] if any("\0" in text for pair in written.items() for text in pair) else []


def network_faults(written: Sequence[str]) -> list[str]:
    """One address or network (CIDR, RFC 4632; RFC 4291 for IPv6) each."""
    return [f"{one} is no network: write 10.0.0.0/8, 203.0.113.7 or 2001:db8::/32." for one in written if not net(one)]


def net(text: str) -> bool:
    try:
        return bool(ip_network(text, strict=False))
    except ValueError:
        return False


def endpoint_faults(written: Sequence[str]) -> list[str]:
    """As `Identity.may_call` reads them: `chat/completions`, `audio/*`, without /v1."""
    if any(one.startswith(("/", "v1/", "http")) for one in written):
        return ["Write an endpoint without its beginning: chat/completions, not /v1/chat/completions."]
    odd = [one for one in written if not ENDPOINT.fullmatch(one)]
    return [f"{one} is no endpoint: write chat/completions, embeddings or audio/*." for one in odd]


def provider_faults(written: Sequence[str]) -> list[str]:
    """Names of providers that there are, or patterns that fit one."""
    known = credentials.providers()
    odd = [one for one in written if not any(fnmatchcase(name, one) for name in known)]
    return [f"No provider is called {', '.join(odd)}: there are {', '.join(known)}."] if odd else []


def threshold_faults(written: Sequence[int]) -> list[str]:
    """Percentages of a budget at which an alert goes out."""
    if len(written) > MOST_THRESHOLDS or any(not 1 <= one <= HIGHEST_THRESHOLD for one in written):
        return [f"At most {MOST_THRESHOLDS} percentages, from 1 to {HIGHEST_THRESHOLD}."]
    return []


def amount_faults(amount: Decimal, unit: str) -> list[str]:
    """Of a budget; unit: usd, tokens or requests. Both are counted in whole numbers, USD in billionths."""
    if unit != "usd" and amount != int(amount):
        return [f"A number of {unit} is a whole number."]
    most = MOST_COUNTED // (NANO if unit == "usd" else 1)
    return [f"At most {most:,} can be counted."] if amount > most else []


def address_faults(url: str) -> list[str]:
    """Of an address that we are to fetch or tell something: what the address gate says of it, no name server asked."""
    try:
        outbound.check_origin(outbound.read_url(url))
    except outbound.AddressRefused as refused:
        return [str(refused)]
    return []
