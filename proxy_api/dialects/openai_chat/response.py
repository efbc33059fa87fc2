"""A finished completion, both ways, and the judgement whether it is one.

https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast, get_args

from proxy_api.chat import JSON, Audio, ChatResponse, Choice, FinishReason, Image, Opaque, Part, Text, ToolCall
from proxy_api.dialects.failures import understood
from proxy_api.dialects.openai_chat.errors import error_in
from proxy_api.dialects.openai_chat.media_out import read_audio, write_media
from proxy_api.dialects.openai_chat.messages_in import read_answer, read_call, read_reasoning
from proxy_api.dialects.openai_chat.messages_out import write_assistant
from proxy_api.dialects.openai_chat.usage import usage_of, write_usage
from proxy_api.errors import UpstreamError, UpstreamIncomplete

_REASONS = frozenset(get_args(FinishReason))
_SYNONYMS: dict[str, FinishReason] = {"model_length": "length", "max_tokens": "length"}
_FIELDS = frozenset({"id", "object", "created", "model", "choices", "usage"})


@understood()
def judge(body: JSON) -> dict[int, str]:
    """The finish reason of every choice. Raises what an error object in a 200 means, UpstreamIncomplete where a choice
    or its finish reason is missing: such an answer is neither given as whole nor cached."""
    if (error := error_in(body)) is not None:
        raise error
    choices = body.get("choices") if isinstance(body, dict) else None
    if not isinstance(choices, list) or not choices:
        raise UpstreamIncomplete("The provider's answer has no choices")
    return dict(_finish(choice, position) for position, choice in enumerate(choices))


def _finish(choice: Any, position: int) -> tuple[int, str]:
    if not isinstance(choice, dict):
        raise UpstreamError("The provider's answer is no chat completion")
    if (error := error_in(choice)) is not None:  # OpenRouter puts a failure in mid-answer into the choice
        raise error
    reason = choice.get("finish_reason")
    if not isinstance(reason, str) or not reason:
        raise UpstreamIncomplete("The provider's answer has no finish_reason")
    return choice.get("index", position), reason


@understood()
def finished(body: JSON) -> JSON:
    """The answer of a host that says no finish reason, with the one that its content means; what else it is stays."""
    choices = body.get("choices") if isinstance(body, dict) else None
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and not choice.get("finish_reason"):
            choice["finish_reason"] = "tool_calls" if choice.get("message", {}).get("tool_calls") else "stop"
    return body


@understood()
def read_response(body: JSON, now: int) -> ChatResponse:
    """Raises what judge() raises."""
    reasons = judge(body)
    choices = zip(body["choices"], reasons.items(), strict=True)
    return ChatResponse(
        id=body.get("id") or "",
        model=body.get("model") or "",
        created=int(body.get("created") or now),
        choices=tuple(_choice(choice, index, reason) for choice, (index, reason) in choices),
        usage=usage_of(body),
        extra={key: value for key, value in body.items() if key not in _FIELDS},
    )


def _choice(said: dict[str, Any], index: int, reason: str) -> Choice:
    native = said.get("native_finish_reason")
    return Choice(
        index=index,
        parts=tuple(_parts(said.get("message") or {})),
        finish_reason=finish_reason(reason),
        native_finish_reason=reason if native is None else native,
        logprobs=said.get("logprobs"),
    )


def finish_reason(said: str) -> FinishReason:
    """Unknown words are `stop`; what the host really said stays in native_finish_reason."""
    return cast("FinishReason", said) if said in _REASONS else _SYNONYMS.get(said, "stop")


def _parts(message: dict[str, Any]) -> Iterator[Part]:
    yield from read_reasoning(message)
    yield from read_answer(message)
    if isinstance(audio := message.get("audio"), dict):
        yield read_audio(audio)
    for call in message.get("tool_calls") or ():
        if "function" in call:
            yield read_call(call)
    if call := message.get("function_call"):
        yield ToolCall("", call["name"], call.get("arguments") or "")


def write_response(response: ChatResponse) -> dict[str, Any]:
    """All text blocks are one string."""
    said: dict[str, Any] = {
        "id": response.id,
        "object": "chat.completion",
        "created": response.created,
        "model": response.model,
        "choices": [_written(choice) for choice in response.choices],
    }
    if response.usage is not None:
        said["usage"] = write_usage(response.usage)
    return said | dict(response.extra)


def _joined(texts: list[Text]) -> list[Text]:
    if len(texts) == 1 and texts[0].text and texts[0].cache_control is None:
        return texts
    whole = "".join(part.text for part in texts)
    signature = next((part.signature for part in reversed(texts) if part.signature), None)
    phase = next((part.phase for part in reversed(texts) if part.phase), None)
    cited = tuple(citation for part in texts for citation in part.citations)
    return [Text(whole, signature=signature, citations=cited, phase=phase)] if whole or signature or cited else []


def _message(parts: Sequence[Part]) -> dict[str, Any]:
    texts = [part for part in parts if isinstance(part, Text)]
    media = [part for part in parts if isinstance(part, (Image, Audio))]
    others = [part for part in parts if not isinstance(part, (Text, Image, Audio, Opaque))]
    return {"refusal": None} | write_assistant([*others, *_joined(texts)]) | write_media(media)


def _written(choice: Choice) -> dict[str, Any]:
    return {
        "index": choice.index,
        "message": _message(choice.parts),
        "logprobs": choice.logprobs,
        "finish_reason": choice.finish_reason,
        "native_finish_reason": choice.native_finish_reason,
    }
