"""gunicorn's logger without its access log: the usage ledger says more, and gunicorn gathers its fields even where
nobody writes them (about 15 us a request) as soon as logging is configured by a dictionary."""

from __future__ import annotations

import sys
from typing import Any

from gunicorn.glogging import Logger


class ServerLog(Logger):  # type: ignore[misc]  # gunicorn has no types
    @property
    def access_log_enabled(self) -> bool:
        return False

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """A client that takes nothing until the kernel gives it up is no error of the server; the ledger has it."""
        if not isinstance(sys.exc_info()[1], TimeoutError):
            super().exception(msg, *args, **kwargs)
