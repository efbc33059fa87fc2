"""What stands beside a text: citations and log probabilities, Responses' words <-> neutral.

https://developers.openai.com/api/reference/resources/responses (output_text: annotations, logprobs)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from proxy_api.chat import Citation

_OWN = frozenset({"file_citation", "container_file_citation", "file_path"})


def read_citations(part: Mapping[str, Any], before: int) -> tuple[Citation, ...]:
    """part: an output_text. before: the characters of the answer's text in front of it."""
    return tuple(_citations(part.get("annotations") or (), before))


def _citations(said: Iterable[Any], before: int) -> Iterator[Citation]:
    for item in said:
        match item:
            case {"type": "url_citation", "url": str(url), "start_index": int(start), "end_index": int(end)}:
                yield Citation(before + start, before + end, url, item.get("title"))
            case {"type": "container_file_citation", "start_index": int(start), "end_index": int(end)}:
                yield Citation(before + start, before + end, None, item.get("filename"), item)
            case {"type": "file_citation" | "file_path", "index": int(index)}:
                yield Citation(before + index, before + index, None, item.get("filename"), item)


def write_citations(citations: Iterable[Citation], before: int = 0) -> list[dict[str, Any]]:
    """Passages of documents that another provider cites have no word here."""
    return [said for citation in citations if (said := _annotation(citation, before))]


def _annotation(citation: Citation, before: int) -> dict[str, Any] | None:
    if citation.url is not None:
        place = {"start_index": citation.start - before, "end_index": citation.end - before}
        return {"type": "url_citation", "url": citation.url, "title": citation.title or "", **place}
    native = citation.native
    return native if isinstance(native, dict) and native.get("type") in _OWN else None


def read_logprobs(said: Any) -> dict[str, list[Any]] | None:
    """A list of tokens, as OpenAI chat has them; there every token has its bytes."""
    tokens = [{"bytes": None} | token for token in said or ()]
    return {"content": tokens} if tokens else None
