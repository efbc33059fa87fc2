"""What an answer of each language can say, as data, and answers that say no more than several languages can."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from proxy_api.chat import ChatResponse, Choice, Citation, Image, Part, Reasoning, Refusal, Text, ToolCall, Usage
from proxy_api.replay import collect, replay
from tests.strategies import arguments, base64s, counts, ids, logprobs, texts

Words = frozenset[str]

# thoughts: "signed", "unsigned" and "redacted" ones; "several" of them; an unsigned one "set apart" from the next.
# refusal: one that a filter made, without calls; "free refusal": any other. "no usage": it need not tell its tokens,
# nor that there are none. "empty call": arguments that are no text at all.
_WORDS = """choices id model created content_filter signed unsigned redacted several_thoughts set_apart refusal
free_refusal citation logprobs image signature empty_call cached written thought no_usage"""
ALL: Words = frozenset(_WORDS.split())


def _without(*words: str) -> Words:
    dropped = frozenset(" ".join(words).split())
    assert dropped <= ALL, dropped - ALL
    return ALL - dropped


_LESS = "citation logprobs image signature empty_call refusal free_refusal"  # OpenAI's, some Gemini's
_CLAUDE = _without(
    "choices created unsigned set_apart free_refusal no_usage citation logprobs image signature empty_call"
)
ANSWERS: dict[str, Words] = {
    "openai_chat": ALL,
    "openai_responses": _without("choices signature empty_call"),
    "anthropic": _CLAUDE,
    "anthropic_bedrock": _CLAUDE,
    "anthropic_vertex": _CLAUDE,
    "google": _without("created redacted set_apart written no_usage", _LESS) | {"image", "signature"},
    "bedrock_converse": _without("choices id model created thought", _LESS) | {"image"},
    "mistral": _without("content_filter redacted", _LESS) | {"logprobs"},
    "cohere": _without("choices model created signed redacted written", _LESS),
    "ollama": _without("choices id content_filter signed redacted several_thoughts cached written thought", _LESS)
    | {"logprobs"},
}


def _thoughts(can: Words) -> st.SearchStrategy[list[Reasoning]]:
    kinds = {
        "signed": st.builds(Reasoning, texts, ids),
        "unsigned": st.builds(Reasoning, texts),
        "redacted": st.builds(lambda data: Reasoning(redacted=data), ids),
    }
    known = [kind for word, kind in kinds.items() if word in can]
    if not known:
        return st.just([])
    drawn = st.lists(st.one_of(known), max_size=3 if "several_thoughts" in can else 1)
    return drawn if "set_apart" in can else drawn.filter(_signed_but_the_last)


def _signed_but_the_last(thoughts: list[Reasoning]) -> bool:
    return all(block.signature is not None or block.redacted is not None for block in thoughts[:-1])


def _calls(can: Words) -> st.SearchStrategy[list[ToolCall]]:
    said = st.just("") | arguments if "empty_call" in can else arguments
    signatures = st.none() | ids if "signature" in can else st.none()
    call = st.builds(ToolCall, ids, ids, said, signature=signatures)
    return st.lists(call, max_size=3, unique_by=lambda one: one.id)


@st.composite
def _parts(draw: st.DrawFn, can: Words, filtered: bool) -> tuple[Part, ...]:
    cited = st.builds(Citation, counts, counts, st.just("https://example.com/"), texts)
    citations = st.lists(cited, max_size=2).map(tuple) if "citation" in can else st.just(())
    signatures = st.none() | ids if "signature" in can else st.none()
    said = draw(st.lists(st.builds(Text, texts, signature=signatures, citations=citations), max_size=1))
    calls = draw(_calls(can))
    refuses = "free_refusal" in can or ("refusal" in can and filtered and not calls)
    refusals = draw(st.lists(st.builds(Refusal, texts), max_size=1)) if refuses else []
    images = draw(st.lists(st.builds(Image, st.just("image/png"), base64s.filter(bool)), max_size=2 * ("image" in can)))
    return (*draw(_thoughts(can)), *said, *refusals, *images, *calls)


@st.composite
def _choices(draw: st.DrawFn, can: Words) -> tuple[Choice, ...]:
    """An answer stops for its calls where it has any, and was cut or not."""
    choices = []
    for index in range(draw(st.integers(1, 3 if "choices" in can else 1))):
        reason = draw(st.sampled_from(["stop", "length", *(["content_filter"] if "content_filter" in can else [])]))
        parts = draw(_parts(can, reason == "content_filter"))
        calls = any(isinstance(part, ToolCall) for part in parts)
        reason = "tool_calls" if calls and reason == "stop" else reason
        told = draw(logprobs) if "logprobs" in can and any(isinstance(part, Text) for part in parts) else None
        choices.append(Choice(index, parts, reason, None, told))  # type: ignore[arg-type]
    return tuple(choices)


@st.composite
def _usages(draw: st.DrawFn, can: Words) -> Usage:
    cached, written, thought = (draw(counts) if word in can else 0 for word in ("cached", "written", "thought"))
    return Usage(1 + draw(counts) + cached + written, draw(counts) + thought, cached, written, thought)


@st.composite
def answers(draw: st.DrawFn, can: Words) -> ChatResponse:
    """created is the reader's clock, 1, where a language tells no time."""
    return ChatResponse(
        id=draw(ids) if "id" in can else "",
        model=draw(texts) if "model" in can else "",
        created=draw(st.integers(1, 2**31)) if "created" in can else 1,
        choices=draw(_choices(can)),
        usage=draw(st.none() | _usages(can)) if "no_usage" in can else draw(_usages(can)),
    )


def collected(response: ChatResponse) -> ChatResponse:
    """The one order that a stream keeps. Each provider has its own words for the end of an answer."""
    whole = collect(replay(response))
    return replace(whole, choices=tuple(replace(choice, native_finish_reason=None) for choice in whole.choices))
