"""The threads below gevent's greenlets: the worker's own, and those of gevent's pool, in which pages are answered.

A thread of the pool ends when it has been idle for a while, its loop with it, and all that waits in that loop. The next
one may get its number. So what outlives a request (a socket, a poll) belongs to the worker's own thread, or is kept in
a `Local`, which ends with its thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gevent import monkey

# The module's own, whatever gevent has put in their place (threading.get_native_id asks the kernel each time).
native_thread: Callable[[], int] = monkey.get_original("_thread", "get_ident")
# For what never waits while it holds it: gevent's, which lets other greenlets run meanwhile, costs ten times as much.
Lock: Callable[[], Any] = monkey.get_original("_thread", "allocate_lock")
Local: Callable[[], Any] = monkey.get_original("_thread", "_local")

OWN = native_thread()  # this is imported where Django is set up; a forked worker goes on in the same thread


def passing() -> bool:
    """Whether this is a thread of gevent's pool. Without gevent every thread is as good as another."""
    return native_thread() != OWN and monkey.is_module_patched("socket")
