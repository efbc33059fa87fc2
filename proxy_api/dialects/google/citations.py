"""What Gemini says that its text rests on: groundingMetadata of a search, citationMetadata of what it recites.

https://ai.google.dev/api/generate-content#GroundingMetadata, https://ai.google.dev/api/generate-content#CitationMetadata
Google counts bytes of UTF-8, we count characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy_api.chat import Citation
from proxy_api.dialects.google.fields import get

Data = dict[str, Any]


def read_citations(candidate: Data, text: str) -> Iterator[Citation]:
    """text: the whole of the candidate's. Only what has an address can be said."""
    raw = text.encode()
    grounding = get(candidate, "groundingMetadata") or {}
    chunks = [
        get(chunk, "web") or get(chunk, "retrievedContext") or {} for chunk in get(grounding, "groundingChunks") or ()
    ]
    for support in get(grounding, "groundingSupports") or ():
        for number in get(support, "groundingChunkIndices") or ():
            if number < len(chunks):
                yield from _citation(get(support, "segment") or {}, chunks[number], raw)
    recited = get(candidate, "citationMetadata") or {}
    for source in recited.get("citations") or get(recited, "citationSources") or ():
        yield from _citation(source, source, raw)


def _citation(place: Data, source: Data, raw: bytes) -> Iterator[Citation]:
    if address := source.get("uri"):
        start, end = get(place, "startIndex") or 0, get(place, "endIndex") or 0
        yield Citation(_characters(raw, start), _characters(raw, end), address, source.get("title"))


def _characters(raw: bytes, count: int) -> int:
    return len(raw[: max(0, count)].decode(errors="ignore"))
