"""Media that the model made, in an OpenAI answer.

`images` is OpenRouter's extension: https://openrouter.ai/docs/features/multimodal/image-generation
`audio` is OpenAI's own: https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy_api.chat import Audio, Image
from proxy_api.dialects.openai_chat.messages_out import signed

PCM = "pcm16"  # 24 kHz, 16 bit, little-endian, as OpenAI streams it


def write_media(parts: Sequence[Image | Audio]) -> dict[str, Any]:
    """Fields of a message. OpenAI has room for one piece of audio."""
    images = [write_image(part, index) for index, part in enumerate(parts) if isinstance(part, Image)]
    audio = [write_audio(part) for part in parts if isinstance(part, Audio)]
    said: dict[str, Any] = {"images": images} if images else {}
    return said | ({"audio": audio[-1]} if audio else {})


def write_image(image: Image, index: int) -> dict[str, Any]:
    url = image.url if image.data is None else f"data:{image.media_type or ''};base64,{image.data}"
    return {"type": "image_url", "index": index, "image_url": {"url": url}} | signed(image.signature)


def write_audio(audio: Audio) -> dict[str, Any]:
    """OpenAI keeps audio for a while under its id; here it is whole, and nobody keeps it."""
    return {"id": "", "data": audio.data, "expires_at": 0, "transcript": ""}


def read_audio(said: dict[str, Any]) -> Audio:
    data = said.get("data")
    return Audio(PCM, data if isinstance(data, str) else "")
