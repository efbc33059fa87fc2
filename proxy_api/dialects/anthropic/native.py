"""What only Anthropic has: tools that run there, their blocks, citations, fields of the request; passed as they are.

Lists after the types of Anthropic's own SDK (https://github.com/anthropics/anthropic-sdk-python, types/ and types/beta)
and https://platform.claude.com/docs/en/agents-and-tools/tool-use/tool-reference .
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from proxy_api.chat import Citation, Opaque

NAME = "anthropic"
# Every tool that Anthropic runs, or knows by heart, carries the date of its version.
_TOOL = re.compile(r"[a-z][a-z0-9_]*_20[0-9]{6}|mcp_toolset")
# Content that a client may send as it is, in OpenAI's list of parts too.
BLOCKS = frozenset(
    {
        "advisor_tool_result",
        "bash_code_execution_tool_result",
        "browser_state",
        "code_execution_tool_result",
        "compaction",
        "container_upload",
        "document",
        "image",
        "mcp_tool_result",
        "mcp_tool_use",
        "redacted_thinking",
        "search_result",
        "server_tool_use",
        "text_editor_code_execution_tool_result",
        "thinking",
        "tool_reference",
        "tool_search_tool_result",
        "web_fetch_tool_result",
        "web_search_tool_result",
    }
)
# Fields of the request that OpenAI has not; `thinking` and `output_config` are tuning_out's and request_out's.
FIELDS = (
    "cache_control",
    "container",
    "context_management",
    "diagnostics",
    "fallbacks",
    "inference_geo",
    "mcp_servers",
    "speed",
)
TOOL_FIELDS = ("allowed_callers", "defer_loading", "eager_input_streaming", "input_examples")
_LOCATIONS = frozenset(
    {
        "char_location",
        "content_block_location",
        "page_location",
        "search_result_location",
        "web_search_result_location",
    }
)
# Features that are refused without their header: https://platform.claude.com/docs/en/api/beta-headers . Each pattern is
# searched in the types of the request's tools.
_TOOL_BETAS = (
    (re.compile(r"computer_20241022|(bash|text_editor)_20241022"), "computer-use-2024-10-22"),
    (re.compile(r"computer_20250124"), "computer-use-2025-01-24"),
    (re.compile(r"computer_20251124"), "computer-use-2025-11-24"),
    (re.compile(r"code_execution_20250522"), "code-execution-2025-05-22"),
    (re.compile(r"advisor_20260301"), "advisor-tool-2026-03-01"),
    (re.compile(r"mcp_toolset"), "mcp-client-2025-11-20"),
)
_FIELD_BETAS = {
    "context_management": "context-management-2025-06-27",
    "fallbacks": "server-side-fallback-2026-07-01",
}


def is_tool(tool: Opaque) -> bool:
    """Whether a tool that is no function is one of Anthropic's."""
    kind = tool.data.get("type") if isinstance(tool.data, dict) else None
    return tool.dialect == NAME or (isinstance(kind, str) and _TOOL.fullmatch(kind) is not None)


def is_block(part: Opaque) -> bool:
    """Whether a part that OpenAI does not know is one of Anthropic's blocks."""
    return part.dialect == NAME or (isinstance(part.data, dict) and part.data.get("type") in BLOCKS)


def read_citations(said: Any, start: int, end: int) -> tuple[Citation, ...]:
    """start, end: the cited block's place in the whole answer's text."""
    found = said if isinstance(said, list) else ()
    return tuple(_citation(item, start, end) for item in found if isinstance(item, dict))


def _citation(said: dict[str, Any], start: int, end: int) -> Citation:
    source = said.get("url") or said.get("source")
    url = source if isinstance(source, str) and source.startswith(("http://", "https://")) else None
    return Citation(start, end, url, said.get("title") or said.get("document_title"), said)


def write_citations(citations: Iterable[Citation]) -> list[dict[str, Any]]:
    """Those that Anthropic has given itself: it takes no others."""
    return [
        citation.native
        for citation in citations
        if isinstance(citation.native, dict) and citation.native.get("type") in _LOCATIONS
    ]


def betas_of(body: Mapping[str, Any], asked: Iterable[str] = ()) -> list[str]:
    """The features in trial that the client asked for, and those without which Anthropic refuses this body; each
    once."""
    return list(dict.fromkeys([*asked, *_needed(body)]))


def _needed(body: Mapping[str, Any]) -> Iterator[str]:
    kinds = [str(tool.get("type", "")) for tool in body.get("tools", ())]
    for pattern, beta in _TOOL_BETAS if kinds else ():
        if any(pattern.fullmatch(kind) for kind in kinds):
            yield beta
    for field, beta in _FIELD_BETAS.items():
        if field in body:
            yield beta
    if "mcp_servers" in body and "mcp_toolset" not in kinds:  # the servers' tools said in the older way
        yield "mcp-client-2025-04-04"
    if body.get("speed") == "fast":
        yield "fast-mode-2026-02-01"
    if isinstance(body.get("container"), dict) and body["container"].get("skills"):
        yield "skills-2025-10-02"
