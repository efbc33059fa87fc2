"""Recorded traffic of real providers through a live server: `recorded.py FOLDER` with drive.py, replay.py and data/.

Every case goes in as the caller's own provider key. Each API is driven in each way of cutting the answer's bytes; a
case is clean only where all three are. At least 98 % must be: docs/fidelity.md says why the others are right to differ.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import services
from tests.live import Live, started_live

ENDINGS = ("/chat/completions", "/messages", "/embeddings", "/responses")
# Where the recorded addresses hold a model, a project or a deployment, and the base URL does not.
BASES = {
    "google": "/v1beta",
    "vertex": "/v1/projects/p/locations/l",
    "bedrock": "",
    "bedrock-mantle": "/v1",
    "azure": "",
    "cohere": "/v2",
}
SPLITS = ("event", "bytes:1", "random:7")
# APIs, and the model name that asks for them.
RUNS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("openai.chat", "anthropic.messages", "mistral.chat", "cohere.chat"), "{provider}/{model}"),
    (("google.generateContent", "google.streamGenerateContent"), "{provider}/{model}"),
    (("bedrock.converse", "bedrock.converse-stream"), "{provider}/{model}"),
    (("openai.embeddings", "cohere.embed", "google.embedContent", "google.batchEmbedContents"), "{provider}/{model}"),
    (("bedrock.invoke-anthropic", "bedrock.invoke-anthropic-stream"), "bedrock:anthropic/{model}"),
    (("openai.responses",), "{provider}:responses/{model}"),
    (("ollama.chat",), "ollama:native/{model}"),
    (("vertex.anthropic",), "vertex:anthropic/{model}"),
    (("openai.chat",), "google:openai/{model}"),
)
OWN_LAYER = "google"  # speaks OpenAI's language at an address of its own, and its own by default
LEAST = 0.98


def prefix(folder: Path, provider: str) -> str:
    """The path before the endpoint, as recorded most often: `/v1`, `/openai/v1`, `/api/v1`."""
    if provider in BASES:
        return BASES[provider]
    found: Counter[str] = Counter()
    for path in (folder / "data" / provider).glob("*.json"):
        recorded = urlsplit(json.loads(path.read_text())["request"]["url"]).path
        found.update(recorded.removesuffix(ending) for ending in ENDINGS if recorded.endswith(ending))
    return found.most_common(1)[0][0]


def settings(folder: Path, port: int) -> dict[str, str]:
    """Provider keys allowed, no key of our own, each provider's address at the replay server, patient deadlines."""
    names = [path.name for path in (folder / "data").iterdir() if path.is_dir()]
    bases = {
        f"{name.upper().replace('-', '_')}_BASE_URL": f"http://127.0.0.1:{port}/{name}{prefix(folder, name)}"
        for name in names
    }
    patient = dict.fromkeys(("DRAGOMAN_FIRST_BYTE_TIMEOUT", "DRAGOMAN_IDLE_TIMEOUT"), "60")
    return {
        **bases,
        **patient,
        "DRAGOMAN_ALLOW_PROVIDER_KEYS": "1",
        "DRAGOMAN_PING_INTERVAL": "10",
        "OPENAI_API_KEY": "",
        "ANTHROPIC_API_KEY": "",
    }


def asked(folder: Path, model: str) -> list[str]:
    """The providers that OpenAI's chat is asked of by this model name."""
    names = sorted(path.name for path in (folder / "data").iterdir())
    return [OWN_LAYER] if model.startswith(OWN_LAYER) else [name for name in names if name != OWN_LAYER]


def drive(folder: Path, live: Live, port: int, scratch: Path) -> Iterator[dict[str, Any]]:
    """The report of every case, once for each way of cutting."""
    for apis, model in RUNS:
        for split in SPLITS:
            out = scratch / "cases.jsonl"
            command = [sys.executable, str(folder / "drive.py"), "--proxy", f"{live.url}/v1", "--port", str(port)]
            command += ["--header", "authorization: Bearer {id}", "--header", "x-bt-use-cache: never"]
            command += ["--model", model, "--split", split, "--out", str(out)]
            for api in apis:
                command += ["--api", api]
            for name in asked(folder, model) if "openai.chat" in apis else ():
                command += ["--only", name]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            yield from map(json.loads, out.read_text().splitlines())


def table(clean: dict[tuple[str, str, str], list[bool]]) -> Iterator[str]:
    yield "| provider | api | form | clean |\n|---|---|---|---|"
    for (provider, api, form), found in sorted(clean.items()):
        yield f"| {provider} | {api} | {form} | {sum(found)}/{len(found)} |"


def main() -> int:
    folder = Path(sys.argv[1]).resolve()
    services.clear_environment()
    os.environ.update(services.addresses(os.environ))
    port = services.free_port()
    bad: dict[str, set[str]] = defaultdict(set)
    rows: dict[str, tuple[str, str, str]] = {}
    with tempfile.TemporaryDirectory() as scratch, started_live(**settings(folder, port)) as live:
        for case in drive(folder, live, port, Path(scratch)):
            rows[case["id"]] = (case["provider"], case["api"], "stream" if case["stream"] else "plain")
            bad[case["id"]].update(case["bad"])
    clean: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for name, row in rows.items():
        clean[row].append(not bad[name])
    print("\n".join(table(clean)))
    for name in sorted(name for name in rows if bad[name]):
        print(f"{name} {rows[name][1]}: {'; '.join(sorted(bad[name]))[:300]}")
    good = sum(not bad[name] for name in rows)
    share = good / len(rows)
    print(f"{good} of {len(rows)} recorded cases clean ({share:.1%}); at least {LEAST:.0%} needed")
    return 0 if share >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
