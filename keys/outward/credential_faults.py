"""What is wrong with a provider credential as it was entered, in words for a form, a file or the API.

Invariant: nothing is written, and no name server asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from keys.entrance import tokens
from keys.models import ProviderCredential
from keys.outward import credentials, extra_headers, options, outbound
from keys.secrecy.secret import presentable


def secret_faults(secret: str) -> list[str]:
    if not presentable(secret):
        return ["A secret is printable ASCII without blanks, or a JSON object of texts."]
    return ["This is a key that we issued: enter the provider's."] if tokens.looks_like_ours(secret) else []


def address_faults(base_url: str) -> list[str]:
    """What the address gate says of a provider's base address."""
    try:
        outbound.check_url(base_url)
    except outbound.AddressRefused as refused:
        return [str(refused)]
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A credential as it is to be; secret: empty where none is given, and the stored one stays."""

    provider: str
    base_url: str
    options: dict[str, str]
    regions: list[str]
    headers: dict[str, str]
    secret: str

    def bound(self) -> dict[str, Any]:
        """What a secret is entered for."""
        return {name: getattr(self, name) for name in ProviderCredential.BOUND}


def faults(entered: Entered, stored: ProviderCredential) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it) where values do not fit each other. stored: the row as it was; a new one."""
    for fault in options.faults(entered.options, credentials.options_of(entered.provider)):
        yield "options", fault
    region = credentials.region_option(entered.provider)
    for fault in options.region_faults(entered.regions, region, entered.options):
        yield "regions", fault
    if not entered.secret:
        yield from _without_a_new_secret(entered, stored)
    if entered.secret or not stored.sealed:
        for name in extra_headers.missing(entered.headers, entered.secret):
            yield "headers", f"The secret has no part {name} that a header can hold."


def _without_a_new_secret(entered: Entered, stored: ProviderCredential) -> Iterator[tuple[str, str]]:
    """A stored secret stays only for what it was entered for; none at all is fine for a keyless provider."""
    before = {name: getattr(stored, name) for name in ProviderCredential.BOUND}
    if stored.sealed and entered.bound() != before:
        yield "secret", "Provider, address, options, regions or headers changed: enter the secret anew."
    elif not stored.sealed and not credentials.is_keyless(entered.provider):
        yield "secret", "This provider needs a secret."
