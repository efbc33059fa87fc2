"""The thread below gevent's greenlets, told apart without a system call."""

from __future__ import annotations

from collections.abc import Callable

from gevent import monkey

# The module's own function, whatever gevent has put in its place (threading.get_native_id asks the kernel each time).
native_thread: Callable[[], int] = monkey.get_original("_thread", "get_ident")
