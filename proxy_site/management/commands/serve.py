"""`manage.py serve`: everything that one machine needs to answer requests."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from proxy_site.serving.plan import Options
from proxy_site.serving.run import serve


class Command(BaseCommand):
    help = (
        "Run Dragoman on this machine: web server, embedded Valkey (unless REDIS_URL is set), Celery worker with beat."
    )
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=port, default=8787, help="port to listen on (8787); 0 takes a free one")
        parser.add_argument("--workers", type=workers, default=None, help="web workers (one per core)")

    def handle(self, *args: Any, **options: Any) -> None:
        serve(Options(options["host"], options["port"], options["workers"]), self.say)

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def port(text: str) -> int:
    return within(text, 0, 65535)


def workers(text: str) -> int:
    return within(text, 1, 256)


def within(text: str, least: int, most: int) -> int:
    if text.isascii() and text.isdigit() and least <= int(text) <= most:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a number from {least} to {most}")
