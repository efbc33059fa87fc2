"""The database under gevent: a page's thread may come first, and end, without taking the pool with it."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests.keys.process import database_url

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import gevent, json, threading
import django
django.setup()
from django.db import connection
from keys.reading import Reader

def backend():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        found = cursor.fetchone()[0], connection.pool is not None
    connection.close()
    return found

def page():
    # With a read in a thread of its own, as some pages have.
    return [backend(), Reader(5).read(backend)]

found = {"pages": [gevent.get_hub().threadpool.apply(page) for _ in range(2)]}
gevent.get_hub().threadpool.kill()  # as idle ones end
calls = [gevent.spawn(backend) for _ in range(20)]
gevent.joinall(calls, timeout=10)
found["calls"] = [call.value for call in calls]
print(json.dumps(found))
"""


@pytest.mark.django_db
def test_after_a_pages_thread_has_ended_calls_have_the_pool():
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "proxy_site.settings", "DATABASE_URL": database_url()}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        cwd=settings.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert [pooled for page in found["pages"] for _, pooled in page] == [False] * 4
    assert all(pooled for _, pooled in found["calls"])
    assert 1 <= len({process for process, _ in found["calls"]}) <= 10
