"""A finished response, both ways. https://developers.openai.com/api/reference/resources/responses

Items of tools that run at OpenAI (web_search_call, code_interpreter_call, ...) are its own bookkeeping: the text around
them is the answer, and other languages pass them over. So are kinds of tomorrow, never an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

from proxy_api.chat import (
    JSON,
    Audio,
    ChatResponse,
    Choice,
    File,
    FinishReason,
    Image,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from proxy_api.dialects.failures import understood
from proxy_api.dialects.openai_responses.annotations import read_citations, read_logprobs, write_citations
from proxy_api.dialects.openai_responses.errors import error_in
from proxy_api.dialects.openai_responses.reasoning import read_reasoning, write_reasoning
from proxy_api.dialects.openai_responses.usage import read_usage, write_usage
from proxy_api.errors import UpstreamError, UpstreamIncomplete

_REASONS: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
_INCOMPLETE: dict[FinishReason, str] = {reason: word for word, reason in _REASONS.items()}
NAME = "openai_responses"
CALLS = ("function_call", "custom_tool_call")  # items that the client owes a result
_EXTRA = ("service_tier",)  # what a chat completion has a field of the same name and meaning for


@understood()
def read_response(body: JSON, now: int) -> ChatResponse:
    """Raises as judge(). now: Unix seconds, where the response gives no time."""
    reason, native = judge(body)
    parts = tuple(_parts(body["output"]))
    tokens = [token for said in _spoken(body["output"]) for token in said.get("logprobs") or ()]
    usage = body.get("usage")
    return ChatResponse(
        id=body.get("id") or "",
        model=body.get("model") or "",
        created=int(body.get("created_at") or now),
        choices=(Choice(0, parts, reason, native, read_logprobs(tokens)),),
        usage=read_usage(usage) if usage else None,
        extra={name: body[name] for name in _EXTRA if body.get(name) is not None},
    )


@understood()
def judge(body: JSON) -> tuple[FinishReason, str]:
    """(OpenAI chat's word, Responses' own) for how a response ended. Raises what an error object means, UpstreamError
    for anything that is no response, UpstreamIncomplete for one that is still under way."""
    if (error := error_in(body)) is not None:
        raise error
    if not isinstance(body, dict) or not isinstance(body.get("output"), list):
        raise UpstreamError("The provider's answer is no response")
    return finish(body, any(item.get("type") in CALLS for item in body["output"]))


def finish(body: dict[str, Any], calls: bool) -> tuple[FinishReason, str]:
    """(OpenAI chat's word, Responses' own). calls: the answer has tool calls."""
    match body.get("status"):
        case "completed":
            return "tool_calls" if calls else "stop", "completed"
        case "incomplete":
            word = (body.get("incomplete_details") or {}).get("reason") or "incomplete"
            return _REASONS.get(word, "stop"), word
        case "failed" | "cancelled" as status:
            raise UpstreamError(f"The provider's answer is {status}")
        case _:
            raise UpstreamIncomplete("The provider's answer has no final status")


def _parts(output: list[dict[str, Any]]) -> Iterator[Part]:
    before = 0
    for item in output:
        match item:
            case {"type": "message"}:
                for said in _spoken([item]):
                    yield from _said(said, before, item.get("phase"))
                    before += len(said.get("text") or "")
            case {"type": "reasoning"}:
                if block := read_reasoning(item):
                    yield block
            case {"type": "function_call" | "custom_tool_call"}:
                yield read_call(item)
            case _:
                yield read_media(item)


def _spoken(output: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The parts of all messages."""
    for item in output:
        if item.get("type") == "message":
            yield from item.get("content") or ()


def read_media(item: dict[str, Any]) -> Image | Opaque:
    """An image that the model made; anything else is OpenAI's own, which other languages pass over."""
    match item:
        case {"type": "image_generation_call", "result": str(data)} if data:
            return Image(f"image/{item.get('output_format') or 'png'}", data)
        case _:
            return Opaque(NAME, item)


def read_call(item: dict[str, Any]) -> ToolCall:
    """The id that the result must name is call_id. A custom tool's input is text."""
    arguments = item.get("input" if item["type"] == "custom_tool_call" else "arguments")
    return ToolCall(item.get("call_id") or item.get("id") or "", item["name"], arguments or "")


def _said(part: dict[str, Any], before: int, phase: str | None) -> Iterator[Part]:
    match part:
        case {"type": "output_text", "text": str(text)} if text:
            yield Text(text, citations=read_citations(part, before), phase=phase)
        case {"type": "refusal", "refusal": str(text)} if text:
            yield Refusal(text)


def write_response(response: ChatResponse) -> dict[str, Any]:
    """The first choice: Responses has one."""
    choice = response.choices[0]
    output = list(_output(choice))
    said = envelope(response.id, response.model, response.created) | ending(choice) | {"output": output}
    if response.usage is not None:
        said["usage"] = write_usage(response.usage)
    return said | dict(response.extra)


def _output(choice: Choice) -> Iterator[dict[str, Any]]:
    """Log probabilities stand at the first text."""
    before, logprobs = 0, (choice.logprobs or {}).get("content")
    for number, part in enumerate(choice.parts):
        if item := write_item(part, number, before):
            if isinstance(part, Text):
                item["content"][0] |= {"logprobs": logprobs} if logprobs else {}
                before, logprobs = before + len(part.text), None
            yield item


def envelope(response_id: str, model: str, created: int) -> dict[str, Any]:
    """A response that has just begun, with every field that clients insist on."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }


def ending(choice: Choice) -> dict[str, Any]:
    """status and incomplete_details."""
    word = _INCOMPLETE.get(choice.finish_reason)
    if word is None:
        return {"status": "completed", "incomplete_details": None}
    return {"status": "incomplete", "incomplete_details": {"reason": word}}


def write_item(part: Part, number: int, before: int = 0) -> dict[str, Any] | None:
    """None for what an answer has no item for. number: the item's place in the output; before: the characters of the
    answer's text in front of it."""
    match part:
        case Text():
            notes = write_citations(part.citations, before)
            said = _message(number, {"type": "output_text", "text": part.text, "annotations": notes})
            return said | ({"phase": part.phase} if part.phase else {})
        case Refusal():
            return _message(number, {"type": "refusal", "refusal": part.text})
        case Reasoning():
            return write_reasoning(part, number)
        case ToolCall():
            call = {"call_id": part.id, "name": part.name, "arguments": part.arguments}
            return {"type": "function_call", "id": f"fc_{number}", "status": "completed", **call}
        case Image() | Opaque():
            return write_media(part, number)
        case File() | Audio() | ToolResult():
            return None
        case _:
            assert_never(part)


def write_media(part: Image | Opaque, number: int) -> dict[str, Any] | None:
    if isinstance(part, Opaque):
        return dict(part.data) if part.dialect == NAME else None
    if part.data is None:
        return None
    form = (part.media_type or "image/png").rpartition("/")[2]
    made = {"status": "completed", "result": part.data, "output_format": form}
    return {"type": "image_generation_call", "id": f"ig_{number}", **made}


def _message(number: int, content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": [content]}
