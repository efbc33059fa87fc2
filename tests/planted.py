"""Whether a planted secret stands in anything that an installation keeps, in whatever form."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote_plus

import psycopg
import redis

from tests.live import Live


def forms(secret: str) -> list[bytes]:
    """As it is, URL-encoded, in hex, and in base64 wherever it may begin in it, in either alphabet."""
    data = secret.encode()
    shifted = [base64.b64encode(b"\0" * pad + data)[pad and 4 : -4] for pad in range(3)]
    other = [form.translate(bytes.maketrans(b"+/", b"-_")) for form in shifted]
    return [data, quote_plus(secret).encode(), data.hex().encode(), *shifted, *other]


def found(planted: Mapping[str, str], place: bytes) -> list[str]:
    """The names of those that stand there."""
    return [name for name, secret in planted.items() if any(form in place for form in forms(secret))]


def tables(live: Live) -> bytes:
    """Every row of every table as text, binary columns in hex."""
    with psycopg.connect(live.database_url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        dumped = [
            row[0]
            for (name,) in names
            for row in connection.execute(f'SELECT t::text FROM "{name}" AS t'.encode()).fetchall()
        ]
    return "\n".join(dumped).encode()


def in_redis(live: Live) -> bytes:
    """Every key and all that is kept under it, the messages of Celery among them."""
    parts: list[bytes] = []
    for database in range(4):
        client = redis.Redis.from_url(live.valkey.url, db=database)
        for key in client.scan_iter():
            parts += [key, *flat(kept(client, key))]
        client.close()
    return b"\n".join(parts)


def kept(client: redis.Redis, key: bytes) -> object:
    """By the key's type: DUMP would compress what is long."""
    match client.type(key):
        case b"string":
            return client.get(key)
        case b"hash":
            return client.hgetall(key)
        case b"list":
            return client.lrange(key, 0, -1)
        case b"set":
            return client.smembers(key)
        case b"zset":
            return client.zrange(key, 0, -1)
        case kind:
            raise AssertionError(f"{kind!r} is not read here")


def flat(value: object) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, Mapping):
        yield from flat(value.keys())
        yield from flat(value.values())
    elif isinstance(value, Iterable):
        for item in value:
            yield from flat(item)


def in_files(live: Live) -> bytes:
    """All files of the data folder, the spool among them."""
    files = (path for path in Path(live.environment["DRAGOMAN_DATA_DIR"]).rglob("*") if path.is_file())
    return b"\n".join(path.read_bytes() for path in files)
