"""What a page's thread may keep: it ends when it has been idle, its loop with it, and another gets its number."""

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
import gevent, json
from gevent.threadpool import ThreadPool
import django
django.setup()
from keys import freshness, redis

def page(number):
    freshness.generation()
    return redis.command("ECHO", f"page {number}").decode()

def connections():
    return int(redis.command("INFO", "clients").split(b"connected_clients:")[1].split()[0])

before, said = connections(), []
for number in range(20):
    threads = ThreadPool(1)  # of which one has the number of the one before
    said.append(threads.apply(page, (number,)))
    threads.kill()
known = freshness.generation()
redis.command("INCR", freshness.REDIS_KEY)
gevent.sleep(1)
print(json.dumps([said, connections() - before, freshness.generation() != known]))
"""


@pytest.mark.django_db
def test_threads_come_and_go_and_redis_answers_each_and_the_poll_goes_on():
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
    said, more, polled = json.loads(ran.stdout)
    assert said == [f"page {number}" for number in range(20)]
    assert more <= 2
    assert polled
