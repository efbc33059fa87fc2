"""Recorded traffic of real providers through a live server: `recorded.py FOLDER` with drive.py, replay.py and data/.

Every case goes in as the caller's own provider key. At least 95 % must come out clean.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import services
from tests.live import Live, started_live

PROVIDERS = ("openai", "groq", "deepseek", "openrouter", "cerebras", "together", "ollama", "anthropic")
ENDINGS = ("/chat/completions", "/messages")
LEAST = 0.95


def prefix(folder: Path, provider: str) -> str:
    """The path before the endpoint, as recorded most often: `/v1`, `/openai/v1`, `/api/v1`."""
    found: Counter[str] = Counter()
    for path in (folder / "data" / provider).glob("*.json"):
        recorded = urlsplit(json.loads(path.read_text())["request"]["url"]).path
        for ending in ENDINGS:
            if recorded.endswith(ending):
                found[recorded.removesuffix(ending)] += 1
    return found.most_common(1)[0][0]


def settings(folder: Path, port: int) -> dict[str, str]:
    """Provider keys allowed, no key of our own, each provider's address at the replay server, patient deadlines."""
    bases = {f"{name.upper()}_BASE_URL": f"http://127.0.0.1:{port}/{name}{prefix(folder, name)}" for name in PROVIDERS}
    patient = dict.fromkeys(("DRAGOMAN_FIRST_BYTE_TIMEOUT", "DRAGOMAN_IDLE_TIMEOUT"), "60")
    return {
        **bases,
        **patient,
        "DRAGOMAN_ALLOW_PROVIDER_KEYS": "1",
        "DRAGOMAN_PING_INTERVAL": "10",
        "OPENAI_API_KEY": "",
        "ANTHROPIC_API_KEY": "",
    }


def drive(folder: Path, live: Live, port: int, out: Path) -> None:
    command = [sys.executable, str(folder / "drive.py"), "--proxy", f"{live.url}/v1", "--port", str(port)]
    command += ["--header", "authorization: Bearer {id}", "--header", "x-bt-use-cache: never"]
    command += [
        "--model",
        "{provider}/{model}",
        "--out",
        str(out),
        "--api",
        "openai.chat",
        "--api",
        "anthropic.messages",
    ]
    for provider in PROVIDERS:
        command += ["--only", provider]
    subprocess.run(command, check=True)


def main() -> int:
    folder = Path(sys.argv[1]).resolve()
    services.clear_environment()
    os.environ.update(services.addresses(os.environ))
    port = services.free_port()
    with tempfile.TemporaryDirectory() as scratch, started_live(**settings(folder, port)) as live:
        out = Path(scratch) / "cases.jsonl"
        drive(folder, live, port, out)
        cases = [json.loads(line) for line in out.read_text().splitlines()]
    unclean = [case for case in cases if case["bad"]]
    for case in unclean:
        print(f"{case['id']} {case['api']}: {'; '.join(case['bad'])[:300]}")
    share = 1 - len(unclean) / len(cases)
    print(
        f"{len(cases) - len(unclean)} of {len(cases)} recorded cases clean ({share:.1%}); at least {LEAST:.0%} needed"
    )
    return 0 if share >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
