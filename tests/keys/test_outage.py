"""The database away for real: stopped, frozen and back."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest
from django.conf import settings

from tests import services
from tests.keys.process import Process

GRACE = 5  # seconds, of which the unknown keys take two
ISSUE = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, skip_checks=True)
from keys.administration import issuing; from keys.entrance import remembered, temporary
import time
for name in ("known", "unknown"):
    key, token = issuing.issue(name)
    print(token, temporary.issue(remembered.BY_ID.get(key.id), temporary.Wishes(), time.time(), "1"))
"""


@pytest.fixture(scope="module")
def own_postgres():
    service = services.start_postgres()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def issued(own_postgres):
    """Two tokens of an installation on a PostgreSQL of its own, each with a temporary credential."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "proxy_site.settings", "DATABASE_URL": own_postgres.url}
    done = subprocess.run(
        [sys.executable, "-c", ISSUE], env=environment, cwd=settings.ROOT, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.django_db
@pytest.mark.parametrize(("halt", "worker"), [(signal.SIGSTOP, ""), (signal.SIGSTOP, "gevent"), (signal.SIGQUIT, "")])
def test_without_a_database_known_keys_work_for_their_grace_and_unknown_ones_get_503(
    own_postgres, issued, halt, worker
):
    known, known_for_now, unknown, unknown_for_now = issued
    with Process(worker, DATABASE_URL=own_postgres.url, DRAGOMAN_KEY_GRACE=str(GRACE)) as process:
        assert process.ask("identify", known)[0] == process.ask("identify", known_for_now)[0] == "known"
        time.sleep(0.6)
        postmaster_and_backends(own_postgres, halt)
        assert process.ask("identify", known)[0] == "known"
        assert min(process.ask("identify", known)[1] for _ in range(3)) < 0.005
        said, seconds = process.ask("identify", unknown)
        assert (said, seconds < 2.5) == (503, True)
        assert process.ask("identify", unknown)[0] == process.ask("identify", unknown_for_now)[0] == 503
        assert process.ask("identify", known)[0] == process.ask("identify", known_for_now)[0] == "known"
        assert until(process, known, lambda said: said == 503) == 503
        assert process.ask("identify", known_for_now)[0] == 503
        if halt == signal.SIGSTOP:
            postmaster_and_backends(own_postgres, signal.SIGCONT)
            assert until(process, unknown, lambda said: said != 503) == "unknown"
            assert process.ask("identify", known)[0] == "known"


def postmaster_and_backends(service, sent):
    """PostgreSQL's processes are one group each: freeze the children too, or pooled connections would still answer."""
    for process in (psutil.Process(service.process.pid), *psutil.Process(service.process.pid).children()):
        with suppress(psutil.NoSuchProcess):  # gone with the postmaster
            process.send_signal(sent)


def until(process, token, wanted):
    """What is said of the token once it is as wanted, or after two graces."""
    deadline = time.monotonic() + 2 * GRACE
    while not wanted(said := process.ask("identify", token)[0]) and time.monotonic() < deadline:
        time.sleep(0.2)
    return said
