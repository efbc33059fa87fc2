"""What a text rests on, as OpenAI says it beside the text: https://platform.openai.com/docs/guides/tools-web-search

`url_citation` is OpenAI's own; a passage of a document, which OpenAI's chat has no word for, is a `document_citation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from proxy_api.chat import Citation


def write_annotations(citations: Iterable[Citation]) -> dict[str, Any]:
    """A field of a message or a delta; none where nothing is cited."""
    said = [_annotation(citation) for citation in citations]
    return {"annotations": said} if said else {}


def _annotation(citation: Citation) -> dict[str, Any]:
    place: dict[str, Any] = {"start_index": citation.start, "end_index": citation.end, "title": citation.title}
    if citation.url is not None:
        return {"type": "url_citation", "url_citation": place | {"url": citation.url, "title": citation.title or ""}}
    return {"type": "document_citation", "document_citation": place | {"citation": citation.native}}


def read_annotations(said: dict[str, Any]) -> Iterator[Citation]:
    """Those of the two kinds above; others are a host's own."""
    for item in said.get("annotations") or ():
        match item:
            case {"type": "url_citation", "url_citation": {"url": str(url)} as found}:
                yield Citation(_count(found, "start_index"), _count(found, "end_index"), url, found.get("title"))
            case {"type": "document_citation", "document_citation": dict(found)}:
                start, end = _count(found, "start_index"), _count(found, "end_index")
                yield Citation(start, end, None, found.get("title"), found.get("citation"))


def _count(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    return value if isinstance(value, int) else 0
