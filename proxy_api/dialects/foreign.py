"""What a client says in one provider's own words, and whether the target is that provider.

OpenAI's chat has function tools; providers have tools of their own beside them, which run there. A dialect that takes
such tools stands in TAKES_NATIVE_TOOLS and refuses those of others itself; for every other they are refused here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from proxy_api.chat import ChatRequest, Loss
from proxy_api.dialects.anthropic.native import betas_of
from proxy_api.errors import BadRequest

TAKES_NATIVE_TOOLS = frozenset({"anthropic", "anthropic_bedrock", "anthropic_vertex"})

# https://platform.claude.com/docs/en/api/beta-headers ; Bedrock takes them in the body: anthropic_hosted, Converse.
_BETAS = "anthropic-beta"
_SAYS_BETAS_IN_A_HEADER = ("anthropic", "anthropic_vertex")


def check_tools(request: ChatRequest, dialect: str) -> tuple[Loss, ...]:
    """What of the tools this dialect passes over in silence. Raises BadRequest for a tool that it does not have."""
    if dialect in TAKES_NATIVE_TOOLS:
        return ()
    for place, tool in request.native_tools:
        raise BadRequest(
            f"This provider has only function tools, not {tool.data.get('type')!r}",
            param=f"tools[{place}].type",
            code="unsupported_value",
        )
    return tuple(_unknown_fields(request))


def _unknown_fields(request: ChatRequest) -> Iterator[Loss]:
    field = "functions[{}]" if request.legacy_functions else "tools[{}].function"
    for index, tool in enumerate(request.tools):
        for name in tool.extra:
            yield Loss(f"{field.format(index)}.{name}", "unknown to this provider")


def betas_in(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The features in trial that the client names. headers: its own, names in lower case."""
    said = headers.get(_BETAS)
    if not said:
        return ()
    names = (name.strip() for name in said.split(","))
    return tuple(dict.fromkeys(name for name in names if name and name.isascii() and name.isprintable()))


def headers_for(dialect: str, body: Mapping[str, Any], asked: Iterable[str] = ()) -> Mapping[str, str]:
    """Headers without which the provider refuses what this body asks for. asked: the client's features in trial."""
    betas = ",".join(betas_of(body, asked)) if dialect in _SAYS_BETAS_IN_A_HEADER else ""
    return {_BETAS: betas} if betas else {}
