"""Django's settings, each looked up once in a process: `settings.NAME` costs 0.6 us, twenty times a request.

Tests change settings; Django tells of that by its own signal, and what was kept is dropped.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.core.signals import setting_changed


class Settled:
    """Stands in for `django.conf.settings` in modules that every request passes through."""

    def __getattr__(self, name: str) -> Any:
        value = self.__dict__[name] = getattr(django_settings, name)
        return value


settings = Settled()


def forget(**_: object) -> None:
    settings.__dict__.clear()


setting_changed.connect(forget)
