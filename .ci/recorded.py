"""Recorded traffic of real providers through a live server: `recorded.py FOLDER` with drive.py, replay.py and data/.

Every case goes in as the caller's own provider key. Each API is driven in each way of cutting the answer's bytes; a
case is clean only where all three are. At least 99 % must be: docs/fidelity.md says why the others are right to differ,
and its table is what this prints.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
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
    (("openai.embeddings", "cohere.embed", "google.embed", "vertex.embed"), "{provider}/{model}"),
    (("bedrock.invoke-anthropic", "bedrock.invoke-anthropic-stream"), "bedrock:anthropic/{model}"),
    (("openai.responses",), "{provider}:responses/{model}"),
    (("ollama.chat", "ollama.embed"), "ollama:native/{model}"),
    (("vertex.anthropic",), "vertex:anthropic/{model}"),
    (("openai.chat",), "google:openai/{model}"),
)
OWN_LAYER = "google"  # speaks OpenAI's language at an address of its own, and its own by default
# Title, and the words in a case's form or features that count it in.
COLUMNS: tuple[tuple[str, frozenset[str]], ...] = (
    ("plain", frozenset({"plain"})),
    ("stream", frozenset({"stream"})),
    ("tools", frozenset({"tools", "tool_call"})),
    ("tool results", frozenset({"multi_turn_tool_result", "media_tool_result"})),
    ("images", frozenset({"vision", "media_out"})),
    ("files, audio, video", frozenset({"pdf", "file", "audio", "video"})),
    ("reasoning", frozenset({"thinking", "thinking_request", "thinking_replay", "signature"})),
    ("JSON", frozenset({"json_schema", "json_object"})),
    ("cache marks, cached tokens", frozenset({"cache_control", "usage_cache_tokens"})),
    ("citations", frozenset({"citations"})),
    ("server tools", frozenset({"builtin_tool", "web_search"})),
    ("errors", frozenset({"error"})),
)
LEAST = 0.99


@dataclass(slots=True)
class Case:
    """A recorded exchange: whose, of which API, what is in it, and what differed in any way of cutting."""

    provider: str
    api: str
    words: frozenset[str]
    bad: set[str] = field(default_factory=set)


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


def read(folder: Path, report: dict[str, Any]) -> Case:
    """The case that a line of the driver's report is about. Streams have APIs of their own at some providers."""
    recorded = json.loads((folder / "data" / report["provider"] / f"{report['id']}.json").read_text())
    api = report["api"].removesuffix("-stream").replace("streamGenerate", "generate")
    return Case(report["provider"], api, frozenset([*recorded["features"], "stream" if report["stream"] else "plain"]))


def table(cases: Iterable[Case]) -> Iterator[str]:
    """Provider x feature x clean cases, in Markdown."""
    found = sorted(cases, key=lambda case: (case.provider, case.api))
    yield f"| provider | api | {' | '.join(title for title, _ in COLUMNS)} |"
    yield "|---|---|" + "---|" * len(COLUMNS)
    for (provider, api), own in groupby(found, key=lambda case: (case.provider, case.api)):
        yield f"| {provider} | {api} | {cells(list(own))} |"
    yield f"| all | | {cells(found)} |"


def cells(cases: list[Case]) -> str:
    columns = ([case for case in cases if case.words & words] for _, words in COLUMNS)
    return " | ".join(share(column) if column else "" for column in columns)


def share(cases: Collection[Case]) -> str:
    return f"{sum(not case.bad for case in cases)}/{len(cases)}"


def main() -> int:
    folder = Path(sys.argv[1]).resolve()
    services.clear_environment()
    os.environ.update(services.addresses(os.environ))
    port = services.free_port()
    cases: dict[str, Case] = {}
    with tempfile.TemporaryDirectory() as scratch, started_live(**settings(folder, port)) as live:
        for report in drive(folder, live, port, Path(scratch)):
            name = report["id"]
            cases[name] = cases.get(name) or read(folder, report)
            cases[name].bad.update(report["bad"])
    print("\n".join(table(cases.values())))
    for name, case in sorted(cases.items()):
        if case.bad:
            print(f"{name} {case.api}: {'; '.join(sorted(case.bad))[:300]}")
    clean = sum(not case.bad for case in cases.values()) / len(cases)
    print(f"{share(cases.values())} recorded cases clean ({clean:.2%}); at least {LEAST:.0%} needed")
    return 0 if clean >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
