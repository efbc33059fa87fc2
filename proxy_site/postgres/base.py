"""Connections of a gevent worker: from psycopg's pool in the worker's own thread, and apart in the threads of pages.

The pool's queues belong to the event loop of the thread that opens it. A page's thread ends when it has been idle, and
its loop with it: opened there, the pool would be lost to the whole worker. So pages have connections of their own, for
one request each (3 ms), and so do the reads that they start.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base

from keys.native import passing


class DatabaseWrapper(base.DatabaseWrapper):
    @property
    def pool(self) -> Any:
        """None: this connection is its thread's own. Without gevent any thread may use the pool."""
        return None if passing() else super().pool
