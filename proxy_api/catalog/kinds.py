"""What a model is for, by its name: which of OpenAI's endpoints can serve it.

Sources: https://developers.openai.com/api/docs/models (OpenAI's own), the models' names for the rest: makers of
embedding models call them so. None where nothing is known: open weights answer chat and plain completions alike.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Kind = Literal["chat", "completion", "embedding", "moderation", "image", "audio", "video", "ranking"]

# First match wins, searched in the lower-cased name.
_ROWS: tuple[tuple[str, Kind], ...] = (
    (r"gpt-3\.5-turbo-instruct|(^|/)(davinci|babbage)-002", "completion"),
    (r"embed|(^|/)(voyage|bge|e5|gte|all-minilm)-", "embedding"),
    (r"(omni|text|mistral)-moderation", "moderation"),
    (r"gpt-image|chatgpt-image|dall-e|(^|/)imagen-", "image"),
    (r"whisper|-transcribe|-tts|(^|/)tts-", "audio"),
    (r"(^|/)(sora|veo)-", "video"),
    (r"rerank", "ranking"),
    (
        r"(^|[/.:])(gpt-(?!oss)|chatgpt-|o[1-9](-|$)|claude-|gemini-|grok-|sonar|command-|deepseek-(chat|reasoner))",
        "chat",
    ),
)
_KINDS = tuple((re.compile(pattern), kind) for pattern, kind in _ROWS)


@lru_cache(maxsize=1024)
def kind_of(model: str) -> Kind | None:
    """The kind of a model by its name, `provider/` before it or not; None: not known."""
    name = model.lower()
    return next((kind for pattern, kind in _KINDS if pattern.search(name)), None)
