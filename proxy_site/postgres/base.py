"""Connections of a gevent worker: from psycopg's pool in the worker's own thread, and apart in the threads of pages.

The pool's queues belong to the event loop of the thread that opens it. A page's thread ends when it has been idle, and
its loop with it: opened there, the pool would be lost to the whole worker. So pages have connections of their own, for
one request each (3 ms), and so do the reads that they start.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base
from gevent import monkey

from keys.native import native_thread

OWN_THREAD = native_thread()  # Django loads this where it is set up; a forked worker goes on in the same thread


class DatabaseWrapper(base.DatabaseWrapper):
    @property
    def pool(self) -> Any:
        """None: this connection is its thread's own. Without gevent any thread may use the pool."""
        foreign = monkey.is_module_patched("socket") and native_thread() != OWN_THREAD
        return None if foreign else super().pool
