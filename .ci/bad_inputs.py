"""Hostile and broken requests against a live server: `bad_inputs.py FOLDER` with run.py and cases.jsonl."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import services
from tests.bodies import openai_answer, openai_stream
from tests.live import Live, started_live
from tests.loopback import Call, answer, stream

MODEL = "gpt-4o-mini"
CANARIES = (9, 6379, 3128)
EXPIRE = """
from datetime import timedelta
from keys.models import VirtualKey
key = VirtualKey.objects.get(name="expired")
key.expires_at = now() - timedelta(days=1)
key.save()
"""
REVOKE = """
from keys.administration import issuing
from keys.models import VirtualKey
issuing.revoke(VirtualKey.objects.get(name="revoked"), now())
"""


def provider(call: Call) -> None:
    """Accepts any body for its one model, knows no other and no other path, echoes nothing."""
    body = call.received.json() if call.received.body else {}
    if call.received.path != "/v1/chat/completions" or body.get("model") != MODEL:
        error = {"message": "not found", "type": "invalid_request_error", "param": None, "code": "model_not_found"}
        answer({"error": error}, 404)(call)
    elif body.get("stream"):
        stream(openai_stream("Hello"))(call)
    else:
        answer(openai_answer())(call)


def count_of(live: Live) -> None:
    """GET /count: how many calls the provider has had."""

    def count(call: Call) -> None:
        answer(json.dumps(sum(received.method == "POST" for received in live.upstream.calls)))(call)

    live.upstream.script(provider)
    live.upstream.script(count, path="/count")


def free(port: int) -> bool:
    with suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


def run(folder: Path, live: Live) -> int:
    keys = {name: live.key(name) for name in ("good", "revoked", "expired")}
    keys["nomodel"] = live.key("nomodel", "--models", "nothing/at-all")
    live.python(EXPIRE)
    live.python(REVOKE)
    command = [sys.executable, str(folder / "run.py"), "--base", live.url, "--key", keys["good"]]
    command += ["--key-revoked", keys["revoked"], "--key-expired", keys["expired"], "--key-nomodel", keys["nomodel"]]
    command += ["--upstream-count", f"{live.upstream.url}/count"]
    if canaries := [str(port) for port in CANARIES if free(port)]:
        command += ["--canary", ",".join(canaries)]
    return subprocess.run(command, check=False).returncode


def main() -> int:
    services.clear_environment()
    os.environ.update(services.addresses(os.environ))
    with started_live(DRAGOMAN_BODY_TIMEOUT="5") as live:
        count_of(live)
        return run(Path(sys.argv[1]).resolve(), live)


if __name__ == "__main__":
    sys.exit(main())
