"""What an installation keeps and where: secrets in the data folder, and what Django and Celery call the two URLs."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

CACHE_DATABASE = 1
SOCKET_NAME = "valkey.sock"


def kept_secret(folder: Path, name: str) -> str:
    """A secret of 384 bits (64 characters), made on first need and kept in `folder`/secrets/`name` (mode 0600)."""
    path = folder / "secrets" / name
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return made_secret(path)


def made_secret(path: Path) -> str:
    """Write a new secret beside `path` and link it into place: of two processes that try at once, one wins for both."""
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()


def runtime_folder(data_folder: Path) -> Path:
    """A short folder for sockets: a unix socket's path must stay below 108 bytes (unix(7)), data folders are longer."""
    return Path(tempfile.gettempdir()) / f"dragoman-{os.getuid()}-{mark(str(data_folder))}"


def mark(text: str) -> str:
    """A short name that differs where `text` does."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def embedded_redis_url(data_folder: Path) -> str:
    return f"unix://{runtime_folder(data_folder) / SOCKET_NAME}"


def redis_urls(url: str) -> tuple[str, str]:
    """(django-redis URL, Celery broker URL): the same server, the cache and the broker in databases of their own.

    A database named in `url` is where the cache goes; the broker takes the one after it.
    """
    parts = urlsplit(url)
    if parts.scheme == "unix":
        first = int(dict(parse_qsl(parts.query)).get("db", CACHE_DATABASE))
        return f"unix://{parts.path}?db={first}", f"redis+socket://{parts.path}?virtual_host={first + 1}"
    if parts.scheme not in ("redis", "rediss"):
        raise ImproperlyConfigured("REDIS_URL must begin with redis://, rediss:// or unix://")
    named = parts.path.strip("/")
    first = int(named) if named else CACHE_DATABASE
    query = f"?{parts.query}" if parts.query else ""
    address = f"{parts.scheme}://{parts.netloc}"
    return f"{address}/{first}{query}", f"{address}/{first + 1}{query}"


def cache(url: str) -> dict[str, Any]:
    """Django's cache: short timeouts, no retries, many connections (defaults cost 4 s a command when Redis is dead)."""
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": redis_urls(url)[0],
        "KEY_PREFIX": "dgm",
        "OPTIONS": {
            "SOCKET_TIMEOUT": 0.07,
            "SOCKET_CONNECT_TIMEOUT": 0.07,
            "CONNECTION_POOL_KWARGS": {"max_connections": 1000, "retry": Retry(NoBackoff(), 0)},
        },
    }


def ship_queue(data_folder: Path) -> str:
    """The queue for shipping this host's spool: hosts may share a broker, but no other can read this one's files."""
    return f"ship-{mark(f'{socket.gethostname()}:{data_folder}')}"


def celery(url: str, data_folder: Path) -> dict[str, Any]:
    """Celery's settings: JSON only, two queues, so that a purge never holds up shipping."""
    return {
        "broker_url": redis_urls(url)[1],
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "worker_hijack_root_logger": False,
        "worker_prefetch_multiplier": 1,
        "task_routes": {"cache_admin.tasks.ship_usage": {"queue": ship_queue(data_folder)}},
        "task_default_queue": "purge",
    }


def database(url: str, data_folder: Path) -> dict[str, Any]:
    return postgres(url) if url else sqlite(data_folder)


def sqlite(data_folder: Path) -> dict[str, Any]:
    """WAL, so that a reader never waits for a writer; written by the worker process and the admin alone."""
    data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(data_folder / "dragoman.sqlite3"),
        "OPTIONS": {
            "timeout": 10,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def postgres(url: str) -> dict[str, Any]:
    """psycopg's pool, connections given back after each request (CONN_MAX_AGE=0), statements bounded in time."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// (leave it out for SQLite)")
    options = dict(parse_qsl(parts.query))
    limits = "-c statement_timeout=5000 -c lock_timeout=1000"
    return {
        "ENGINE": "proxy_site.postgres",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": str(parts.port or options.pop("port", "")),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            **options,
            "options": limits,
            "connect_timeout": 3,
            # With psycopg's 300 s the pool waits ever longer between its tries, and comes back minutes late.
            "pool": {"min_size": 0, "max_size": 10, "timeout": 3, "reconnect_timeout": 1},
        },
    }
