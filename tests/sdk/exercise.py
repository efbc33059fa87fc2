"""The openai SDK of whichever environment runs this, driven by lines of JSON: {"do", "client", ...} in, what the SDK's
caller sees out. A program of its own, because only one version of a package fits into a process.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai
from pydantic import BaseModel


class City(BaseModel):
    name: str
    people: int


def client(azure: bool = False, **options: Any) -> Any:
    options = {"max_retries": 0, "timeout": 20, **options}
    return openai.AzureOpenAI(**options) if azure else openai.OpenAI(**options)


def chat(asked: Any, **fields: Any) -> dict[str, Any]:
    found = asked.chat.completions.create(**fields)
    return {"completion": found.model_dump(), "request_id": found._request_id}


def headers(asked: Any, **fields: Any) -> dict[str, str]:
    return dict(asked.chat.completions.with_raw_response.create(**fields).headers)


def stream(asked: Any, **fields: Any) -> dict[str, Any]:
    """What came before an error is kept, as a caller would have it."""
    chunks: list[dict[str, Any]] = []
    error = None
    try:
        chunks.extend(
            chunk.model_dump(exclude_unset=True) for chunk in asked.chat.completions.create(stream=True, **fields)
        )
    except openai.APIError as raised:
        error = seen(raised)
    return {"chunks": chunks, "error": error}


def parse(asked: Any, **fields: Any) -> dict[str, Any]:
    found = asked.chat.completions.parse(response_format=City, **fields)
    parsed = found.choices[0].message.parsed
    return {"type": type(parsed).__name__, "value": parsed.model_dump()}


def embed(asked: Any, **fields: Any) -> list[list[float]]:
    return [item.embedding for item in asked.embeddings.create(**fields).data]


def moderate(asked: Any, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = asked.moderations.create(**fields).model_dump()
    return found


def complete(asked: Any, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = asked.completions.create(**fields).model_dump()
    return found


def complete_streamed(asked: Any, **fields: Any) -> list[str]:
    return [chunk.choices[0].text for chunk in asked.completions.create(stream=True, **fields)]


def transcribe(asked: Any, sound: str, **fields: Any) -> str:
    return str(asked.audio.transcriptions.create(file=("a.mp3", sound.encode()), **fields).text)


def models(asked: Any) -> list[dict[str, Any]]:
    return [model.model_dump() for model in asked.models.list()]


def model(asked: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = asked.models.retrieve(name).model_dump()
    return found


def seen(error: openai.APIError) -> dict[str, Any]:
    """What a caller's `except` can read."""
    names = ("status_code", "message", "code", "type", "param", "request_id")
    return {"class": type(error).__name__, **{name: getattr(error, name, None) for name in names}}


STEPS = {
    "chat": chat,
    "headers": headers,
    "stream": stream,
    "parse": parse,
    "embed": embed,
    "moderate": moderate,
    "complete": complete,
    "complete_streamed": complete_streamed,
    "transcribe": transcribe,
    "models": models,
    "model": model,
}


def run(do: str, fields: dict[str, Any], options: dict[str, Any]) -> Any:
    try:
        return {"result": STEPS[do](client(**options), **fields)}
    except openai.APIError as error:
        return {"error": seen(error)}


def main() -> None:
    print(json.dumps({"version": openai.__version__}), flush=True)
    for line in sys.stdin:
        print(json.dumps(run(**json.loads(line)), default=str), flush=True)


if __name__ == "__main__":
    main()
