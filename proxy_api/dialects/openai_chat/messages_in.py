"""OpenAI messages read into neutral ones: parts in the order reasoning, content, refusal, tool calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from proxy_api.chat import Audio, File, Image, Message, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from proxy_api.dialects.openai_chat.annotations import read_annotations
from proxy_api.dialects.reading import content_of, data_url, image_at, together
from proxy_api.errors import BadRequest


def read_messages(said: list[Any]) -> tuple[Message, ...]:
    """Tool results that follow each other become one message of role tool."""
    return together(_message(item, f"messages[{index}]") for index, item in enumerate(said))


def _message(said: dict[str, Any], where: str) -> Message:
    match said["role"]:
        case "tool" | "function":
            return Message("tool", (_result(said),))
        case "assistant":
            return Message("assistant", tuple(_assistant(said, where)), said.get("name"))
        case role:
            return Message(role, tuple(read_content(said.get("content"))), said.get("name"))


def _result(said: dict[str, Any]) -> ToolResult:
    return ToolResult(
        call_id=said.get("tool_call_id") or "",
        parts=tuple(read_content(said.get("content"))),
        name=said.get("name"),
        is_error=bool(said.get("is_error")),
        cache_control=said.get("cache_control"),
    )


def _assistant(said: dict[str, Any], where: str) -> Iterator[Part]:
    if said.get("audio"):
        raise BadRequest("This provider has not heard that audio answer", param=f"{where}.audio")
    yield from read_reasoning(said)
    yield from read_answer(said)
    for index, call in enumerate(said.get("tool_calls") or ()):
        yield _call(call, f"{where}.tool_calls[{index}]")
    if said.get("function_call"):
        yield ToolCall("", said["function_call"]["name"], said["function_call"].get("arguments") or "")


def _call(said: dict[str, Any], where: str) -> ToolCall:
    if "function" not in said:
        raise BadRequest("This provider has only function calls", param=f"{where}.type", code="unsupported_value")
    return read_call(said)


def read_call(said: dict[str, Any]) -> ToolCall:
    return ToolCall(
        id=said.get("id") or "",
        name=said["function"]["name"],
        arguments=said["function"].get("arguments") or "",
        signature=signature_of(said),
        cache_control=said.get("cache_control"),
    )


def signature_of(said: dict[str, Any]) -> str | None:
    """Google's OpenAI layer keeps a signature in the extra_content of a message, a delta or a call; here an image has
    one too. https://ai.google.dev/gemini-api/docs/thought-signatures"""
    extra = said.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) else None


def phase_of(said: dict[str, Any]) -> str | None:
    """What its model calls a text, as Responses has it."""
    phase = said.get("phase")
    return phase if isinstance(phase, str) else None


def read_answer(said: dict[str, Any]) -> Iterator[Part]:
    """The content of an assistant's message, of a request or of an answer: a message's signature, its annotations
    and its phase are its text's."""
    parts = list(read_content(said.get("content")))
    signature, cited = signature_of(said), tuple(read_annotations(said)) if said.get("annotations") else ()
    last = parts[-1] if parts else None
    phase = phase_of(said) if isinstance(last, Text) else None
    if signature or cited or phase:
        text = last if isinstance(last, Text) else Text("")
        parts[len(parts) - (text is last) :] = [replace(text, signature=signature, citations=cited, phase=phase)]
    yield from parts
    if said.get("refusal"):
        yield Refusal(said["refusal"])
    yield from read_images(said)


def read_images(said: dict[str, Any]) -> Iterator[Image]:
    """Images that the model made, as OpenRouter gives them: https://openrouter.ai/docs/features/multimodal/image-generation"""
    for item in said.get("images") or ():
        image = _part(item) if isinstance(item, dict) else None
        if isinstance(image, Image):
            yield image


def read_reasoning(said: dict[str, Any]) -> Iterator[Reasoning]:
    """`reasoning` as a list of {id: signature, content} (or redacted) first; else the string that hosts give."""
    listed = said.get("reasoning")
    if isinstance(listed, list):
        for item in listed:
            yield Reasoning(item.get("content") or "", item.get("id"), item.get("redacted"))
    elif text := said.get("reasoning_content") or (listed if isinstance(listed, str) else ""):
        yield Reasoning(text)


def read_content(said: Any) -> Iterator[Part]:
    return content_of(said, _part)


def _part(said: dict[str, Any]) -> Part:
    match said:
        case {"type": "text", "text": str(text)}:
            return Text(text, said.get("cache_control"))
        case {"type": "refusal", "refusal": str(text)}:
            return Refusal(text)
        case _:
            return _media(said, said.get("cache_control"))


def _media(said: dict[str, Any], cache_control: Any) -> Part:
    match said:
        case {"type": "image_url", "image_url": {"url": str(url)} as image}:
            image_said = image_at(url, image.get("detail"))
            return replace(image_said, cache_control=cache_control, signature=signature_of(said))
        case {"type": "image_url", "image_url": str(url)}:
            return replace(image_at(url), cache_control=cache_control)
        case {"type": "file", "file": dict(file)}:
            return _file(file, cache_control)
        case {"type": "input_audio", "input_audio": dict(audio)}:
            return Audio(audio.get("format", ""), audio.get("data", ""), cache_control)
        case _:
            return Opaque("openai_chat", said)


def _file(said: dict[str, Any], cache_control: Any) -> File:
    """file_data is a data URL in OpenAI's own words; an http(s) address there is what OpenRouter takes."""
    given = said.get("file_data")
    media_type, data = data_url(given) if given else (None, None)
    is_url = data is None and given is not None and given.startswith(("http://", "https://"))
    return File(
        media_type=media_type,
        data=None if is_url else data if data is not None else given,
        url=given if is_url else None,
        file_id=said.get("file_id"),
        filename=said.get("filename"),
        cache_control=cache_control,
    )
