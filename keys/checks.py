"""What `manage.py check` says of keys: a misconfiguration has an id and a hint, and never shows a secret."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from keys.outward.credentials import from_environment, unsendable, unusable_options
from keys.secrecy.sealing import ring_faults

MAKE_ONE = "Make a key: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


@register()
def key_ring(app_configs: Sequence[Any] | None, **_: object) -> list[CheckMessage]:
    faults = ring_faults(settings.DRAGOMAN_MASTER_KEYS)
    return [Error(f"DRAGOMAN_MASTER_KEYS: {fault}.", hint=MAKE_ONE, id="keys.E001") for fault in faults]


@register()
def environment_keys(app_configs: Sequence[Any] | None, **_: object) -> list[CheckMessage]:
    hint = "A key is printable ASCII without blanks, or a JSON object such as a service account's file."
    return [Error(f"{name} cannot be sent in a header.", hint=hint, id="keys.E002") for name in unsendable()]


@register()
def environment_options(app_configs: Sequence[Any] | None, **_: object) -> list[CheckMessage]:
    hint = "1 to 200 letters, digits and . _ : / -"
    return [Error(f"{name} is no option's value.", hint=hint, id="keys.E004") for name in unusable_options()]


@register()
def environment_addresses(app_configs: Sequence[Any] | None, **_: object) -> list[CheckMessage]:
    hint = "e.g. https://api.openai.com/v1, without user, query or fragment."
    return [
        Error(f"The base URL of {credential.provider} is no address.", hint=hint, id="keys.E003")
        for credential in from_environment()
        if credential.base_url and not is_address(credential.base_url)
    ]


def is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = not (parts.username or parts.query or parts.fragment) and parts.port != 0
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and plain
