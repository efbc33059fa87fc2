"""Another process of the same installation, driven line by line: it says who a token belongs to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Self

from django.conf import settings
from django.db import connection

PROGRAM = """
import json, sys, time
lines = sys.stdin
if "gevent" in sys.argv:
    from gevent import monkey
    monkey.patch_all()
    from gevent.fileobject import FileObjectThread
    lines = FileObjectThread(sys.stdin)  # reading a pipe would hold the loop
import django
django.setup()
from keys.entrance import access; from keys.outward import credentials; from keys import freshness
from keys.entrance.refusals import AccessRefused
print("ready", flush=True)

def answer(word, argument):
    if word == "identify":
        return access.identify(f"Bearer {argument}", None).name
    if word == "credentials":
        return [[c.name, c.secret.reveal() if c.secret else None] for c in credentials.all_credentials()]
    if word == "declare":
        credentials.declare({argument: credentials.Declared()})

for line in lines:
    word, _, argument = line.strip().partition(" ")
    started = time.monotonic()
    try:
        said = answer(word, argument)
    except AccessRefused as refused:
        said = refused.status
    print(json.dumps([said, time.monotonic() - started]), flush=True)
"""


class Process:
    """`ask(word, argument)` gives (answer, seconds it took). environment: settings that differ from this process's."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        settings_of_test = {"DJANGO_SETTINGS_MODULE": "proxy_site.settings", "DATABASE_URL": database_url()}
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env={**os.environ, **settings_of_test, **environment},
            cwd=settings.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "ready"

    def ask(self, word: str, argument: str = "") -> tuple[Any, float]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word} {argument}\n")
        self._process.stdin.flush()
        said, seconds = json.loads(self._read())
        return said, seconds

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def database_url() -> str:
    """Where this test's tables are."""
    given = connection.settings_dict
    return f"postgres://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"
