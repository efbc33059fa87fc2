"""How a change in the admin reaches every process within a second: a revision, raised with each change, polled by all.

The revision stands in the database (raised in the change's own transaction) and in Redis (raised on commit). A thread
polls Redis every 0.4 s, and the database where Redis is away, and every 5 s in any case, because the word to Redis may
have been lost. While both are away, snapshots stay as they are.

Invariant: nothing here is asked on the request path; `generation()` reads a number.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from django.db import models, transaction
from django.db.models import F
from django.db.models.signals import post_delete, post_save

from keys import redis
from keys.models import Revision
from keys.native import passing
from keys.reading import DATABASE, DatabaseAway

INTERVAL = 0.4
BACKSTOP = 5.0
RETRY = 1.0
REDIS_KEY = "dgm:revision"
log = logging.getLogger("dragoman.keys")
Callback = Callable[[], None]


_generations = itertools.count(1)  # never the same twice in a process, however often the thread is started


class Watch:
    """What this process knows of the revision, and the thread that keeps it so."""

    def __init__(self) -> None:
        self.generation = next(_generations)
        self.database_seen = float("-inf")  # time.monotonic() of the last answer of the database
        self.thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._ticking = threading.Lock()
        self._redis_value: bytes | None = None
        self._database_value: int | None = None
        self._tried_at = float("-inf")
        self._pending: set[Callback] = set()

    def start(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True, name="dragoman-freshness")
        self.thread.start()

    def end(self) -> None:
        self._ended.set()
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join(3)

    def _run(self) -> None:
        while not self._ended.wait(INTERVAL):
            try:
                self.tick()
            except Exception as error:  # whatever it was: the next tick must come
                log.error("the revision could not be read: %s", type(error).__name__)

    def tick(self, *, whole: bool = False) -> None:
        """Look once; `whole`: at the database too, whether it is due or not."""
        with self._ticking:
            told = self._look_at_redis()
            if whole or not told or self._database_is_due():
                self._look_at_database()
            self._call(self._pending)

    def _look_at_redis(self) -> bool:
        """Whether Redis told the revision: it does not while it is away, or new and empty."""
        try:
            value = redis.command("GET", REDIS_KEY)
        except (redis.RedisAway, redis.ResponseError):
            return False
        if value != self._redis_value:
            self._redis_value = value
            self.changed()
        return value is not None

    def _database_is_due(self) -> bool:
        now = time.monotonic()
        answered = self.database_seen >= self._tried_at
        return now - self._tried_at >= (BACKSTOP if answered else RETRY)

    def _look_at_database(self) -> None:
        self._tried_at = time.monotonic()
        try:
            value = DATABASE.read(database_revision)
        except DatabaseAway:
            return
        self.database_seen = time.monotonic()
        if self._redis_value is None:
            seed(value or 0)
        if value != self._database_value:
            self._database_value = value
            self.changed()

    def changed(self) -> None:
        self.generation = next(_generations)
        self._call(_callbacks)

    def _call(self, callbacks: list[Callback] | set[Callback]) -> None:
        for callback in list(callbacks):
            try:
                callback()
                self._pending.discard(callback)
            except DatabaseAway:
                self._pending.add(callback)

    def again(self, callback: Callback) -> None:
        self._pending.add(callback)


def seed(number: int) -> None:
    """Give an empty Redis a revision, so that the database need not be polled in its place."""
    with suppress(redis.RedisAway, redis.ResponseError):
        redis.command("SET", REDIS_KEY, number, "NX")


_callbacks: list[Callback] = []
_watch = Watch()


def _fresh_start() -> None:
    """A forked child has none of its parent's threads."""
    global _watch
    _watch = Watch()


os.register_at_fork(after_in_child=_fresh_start)


def generation() -> int:
    """A number that is another after each change: what was kept under an older one is stale. The first call begins the
    poll, but in a page's thread, in which it would end: a worker makes that call as it starts."""
    if _watch.thread is None and not passing():
        _watch.start()
    return _watch.generation


def database_seen() -> float:
    """time.monotonic() when the database last answered the poll."""
    return _watch.database_seen


def subscribe(callback: Callback) -> None:
    """Have `callback` called after each change, from the polling thread. DatabaseAway from it: called again."""
    _callbacks.append(callback)


def again(callback: Callback) -> None:
    """Have `callback` called at the next poll, because it could not do its work now."""
    generation()
    _watch.again(callback)


def check_now() -> None:
    """Poll at once, in this thread, and take whatever was kept for stale."""
    _watch.tick(whole=True)
    _watch.changed()


def stop() -> None:
    """End the polling thread; the next use starts another."""
    _watch.end()
    _fresh_start()


def bump() -> None:
    """Raise the revision in the transaction under way; every process is told on its commit."""
    with transaction.atomic():
        if not Revision.objects.filter(pk=1).update(number=F("number") + 1):
            Revision.objects.get_or_create(pk=1, defaults={"number": 1})
    transaction.on_commit(_announce)


def watch_model(model: type[models.Model]) -> None:
    """Raise the revision with each save and deletion of a row of `model`."""
    mark = f"freshness-{model._meta.label}"
    post_save.connect(_bump_after, sender=model, dispatch_uid=f"{mark}-save", weak=False)
    post_delete.connect(_bump_after, sender=model, dispatch_uid=f"{mark}-delete", weak=False)


def _bump_after(sender: object, **_: object) -> None:
    bump()


def _announce() -> None:
    """Tell the others by Redis (without it their poll of the database does), and this process at once."""
    try:
        redis.command("INCR", REDIS_KEY)
    except (redis.RedisAway, redis.ResponseError) as error:
        log.debug("the new revision was not told to Redis: %s", type(error).__name__)
    _watch.changed()


def database_revision() -> int | None:
    row = Revision.objects.filter(pk=1).values_list("number", flat=True).first()
    return row if row is None else int(row)
