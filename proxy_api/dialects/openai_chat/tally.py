"""What a streamed answer amounts to, judged chunk by chunk while the provider's own bytes are relayed.

Hosts do odd things and must survive: finish_reason said twice (OpenRouter), usage in every chunk or in the last with
a choice (Perplexity, DeepSeek) or in `x_groq` (Groq), a last object `chat.completion.done` and then perhaps no [DONE]
(Perplexity: https://docs.perplexity.ai), an id that changes.
Hot path: about 2 us for a small chunk, most of it orjson.
"""

from __future__ import annotations

from typing import Any

from orjson import JSONDecodeError, loads

from proxy_api.chat import Usage
from proxy_api.dialects.openai_chat.errors import error_in
from proxy_api.dialects.openai_chat.usage import usage_of
from proxy_api.errors import GatewayError, UpstreamError


class Tally:
    """One per stream. see() every data payload in order, then read the rest.

    finish_reasons: by choice; done: the provider's terminal marker was seen; error: what an error frame means.
    needs_finish: without a finish reason an answer is not complete; some hosts say none. written: characters of texts,
    thoughts and calls, for a stream that tells no usage.
    """

    __slots__ = ("_choices", "_needs_finish", "done", "error", "finish_reasons", "id", "model", "usage", "written")

    def __init__(self, needs_finish: bool = True) -> None:
        self._needs_finish = needs_finish
        self.id: str | None = None
        self.model: str | None = None
        self.usage: Usage | None = None
        self.finish_reasons: dict[int, str] = {}
        self.error: GatewayError | None = None
        self.done = False
        self.written = 0
        self._choices: set[int] = set()

    @property
    def complete(self) -> bool:
        """Marked complete: a finish reason for every choice, the terminal marker, no error."""
        said = not self._needs_finish or self._choices <= self.finish_reasons.keys()
        return self.done and self.error is None and bool(self._choices) and said

    def see(self, data: bytes) -> dict[str, Any]:
        """data: the payload of one frame. Returns the chunk, {} for [DONE]. Raises UpstreamError for bad JSON."""
        if data.startswith(b"[DONE]"):
            self.done = True
            return {}
        chunk = parsed(data)
        try:
            self._take(chunk)
        except (AttributeError, TypeError) as error:  # what understood() does, without its cost per chunk
            raise UpstreamError("The provider sent an event that is no chunk of a chat completion") from error
        return chunk

    def _take(self, chunk: dict[str, Any]) -> None:
        choices = chunk.get("choices")
        if choices:
            for choice in choices:
                self._note(choice)
        if self.id is None and "id" in chunk:
            self.id, self.model = chunk["id"], chunk.get("model")
        if chunk.get("usage") is not None or "x_groq" in chunk:
            self.usage = usage_of(chunk) or self.usage
        if "error" in chunk or not choices:
            self.error = self.error or error_in(chunk)
        if chunk.get("object") == "chat.completion.done":
            self.done = True

    def _note(self, choice: dict[str, Any]) -> None:
        index = choice.get("index", 0)
        self._choices.add(index)
        reason = choice.get("finish_reason")
        if reason:
            self.finish_reasons[index] = reason
        if "error" in choice:
            self.error = self.error or error_in(choice)
        delta = choice.get("delta")
        text = delta.get("content") if type(delta) is dict else None
        self.written += len(text) if text and type(text) is str else written_in(choice, "delta")


def written_in(choice: Any, name: str = "message") -> int:
    """Characters of what a choice says, in its `delta` or `message`, or as a completion's text; a thought that is told
    under two names counts once."""
    if type(choice) is not dict:
        return 0
    said = choice.get(name)
    if type(said) is not dict:
        return size(choice.get("text"))
    thought = said.get("reasoning_content") or said.get("reasoning")
    return sum(map(size, (said.get("content"), said.get("refusal"), said.get("tool_calls"), thought)))


def size(value: Any) -> int:
    """Characters in it, however deep, media apart. Total: what a host sends beside its language must not end its
    stream."""
    match value:
        case str():
            return 0 if value.startswith("data:") else len(value)
        case list():
            return sum(map(size, value))
        case dict():
            return sum(map(size, value.values()))
        case _:
            return 0


def parsed(data: bytes) -> dict[str, Any]:
    """One data payload as a JSON object."""
    try:
        chunk = loads(data)
    except JSONDecodeError:
        raise UpstreamError("The provider sent an event that is no JSON") from None
    if type(chunk) is not dict:
        raise UpstreamError("The provider sent an event that is no JSON object")
    return chunk


def is_usage_chunk(chunk: dict[str, Any]) -> bool:
    """The chunk of usage alone, which a client that did not ask for it must not see (it indexes choices[0])."""
    return bool(chunk.get("usage")) and not chunk.get("choices")
