"""The Lua scripts that count limits in Redis, and how they are run: by their digest, loaded with each session.

Redis runs a script as one step (https://valkey.io/topics/eval-intro/), so what is checked cannot change before it is
taken. Names are built inside the scripts, so one server (or one primary) keeps them all: a cluster is not supported.
"""

from __future__ import annotations

from hashlib import sha1
from pathlib import Path
from typing import Any, NamedTuple

from redis.exceptions import NoScriptError

from keys import redis
from keys.redis import Argument

FOLDER = Path(__file__).parent
COMMON = (FOLDER / "common.lua").read_text()


class Script(NamedTuple):
    source: str
    digest: str


def read(name: str) -> Script:
    source = COMMON + (FOLDER / f"{name}.lua").read_text()
    return Script(source, sha1(source.encode(), usedforsecurity=False).hexdigest())  # Redis's own name for it


NAMES = ("reserve", "settle", "begin", "beat", "rebuild", "adopt", "use")
RESERVE, SETTLE, BEGIN, BEAT, REBUILD, ADOPT, USE = map(read, NAMES)


def ask(script: Script, *arguments: Argument) -> Any:
    """The script's reply. Raises redis.RedisAway, redis.ResponseError."""
    try:
        return ask_loaded(script, *arguments)
    except NoScriptError:  # its cache was flushed: nothing has run
        return redis.command("EVAL", script.source, 0, *arguments)


def ask_loaded(script: Script, *arguments: Argument) -> Any:
    """As ask(); NoScriptError where the server does not know the script."""
    return redis.command("EVALSHA", script.digest, 0, *arguments)


def tell(script: Script, *arguments: Argument) -> None:
    """Run a script that was loaded, and do not wait. Raises redis.RedisAway; a refusal counts as a loss."""
    redis.tell("EVALSHA", script.digest, 0, *arguments)


def load(script: Script) -> None:
    """Have the server know a script that will be told. Raises redis.RedisAway, redis.ResponseError."""
    redis.command("SCRIPT", "LOAD", script.source)


def prefix() -> str | None:
    """What all names begin with in the present epoch; None before the first. Raises redis.RedisAway."""
    said = redis.command("GET", "dgm:limits:epoch")
    return f"dgm:l:{said.decode().partition(' ')[0]}:" if said else None
