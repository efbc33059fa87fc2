"""Images, documents and audio as parts of Gemini's, checked before any money is spent.

https://ai.google.dev/api/caching#Part (inlineData, fileData)
https://ai.google.dev/gemini-api/docs/file-input-methods (public https addresses, files of the Files API, gs://)
"""

from __future__ import annotations

import binascii
from posixpath import splitext
from typing import Any
from urllib.parse import urlsplit

from proxy_api.chat import Audio, File, Image
from proxy_api.errors import BadRequest

INLINE_LIMIT = 100 * 1024 * 1024  # bytes: https://ai.google.dev/gemini-api/docs/file-input-methods
_FILES = "https://generativelanguage.googleapis.com/v1beta/"
_OWN = (_FILES, "gs://", "https://generativelanguage.googleapis.com/")
# Textual types that Gemini refuses under their own name.
_TEXTUAL = frozenset({"application/json", "application/xml", "application/x-ndjson", "application/yaml"})
_TYPE_OF = {
    ".aac": "audio/aac",
    ".csv": "text/csv",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".md": "text/markdown",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
}
_URL_SAFE = str.maketrans("-_", "+/")
_AUDIO = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav"}


def media_part(part: Image | File | Audio, where: str) -> dict[str, Any]:
    """where: the param that a BadRequest names."""
    match part:
        case Audio():
            return _inline(f"audio/{_AUDIO.get(part.format, part.format)}", part.data, where)
        case Image(data=str(data)):
            return _inline(part.media_type or "image/jpeg", data, where)
        case Image():
            return _by_address(part.url, _guessed(part.url, "image/jpeg", "image/"), where)
        case File(data=str(data)):
            guess = part.media_type or _guessed(part.filename, "application/pdf")
            return _inline("text/plain" if guess in _TEXTUAL else guess, data, where)
        case File():
            address = part.url or _own_file(part, where)
            return _by_address(address, part.media_type or _guessed(address, "application/pdf"), where)


def _inline(media_type: str, data: str, where: str) -> dict[str, Any]:
    if "/" not in media_type.strip("/"):
        raise BadRequest("The media type is missing", param=where)
    if len(data) > INLINE_LIMIT * 4 // 3:
        raise BadRequest("The data is larger than 100 MB", param=where, code="image_too_large")
    try:
        binascii.a2b_base64(data.translate(_URL_SAFE), strict_mode=True)  # Google takes both alphabets
    except (binascii.Error, ValueError):
        raise BadRequest("The data is not valid base64", param=where) from None
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _by_address(address: str | None, media_type: str, where: str) -> dict[str, Any]:
    """Google fetches public addresses itself."""
    if address is None or not address.lower().startswith(("https://", "http://", "gs://")):
        raise BadRequest("The address must be an http(s) URL, a gs:// URI or a base64 data URL", param=where)
    return {"fileData": {"mimeType": media_type, "fileUri": address}}


def _own_file(file: File, where: str) -> str:
    """A file_id means something only to its maker: an address of Google's Files API or Cloud Storage, or files/ID."""
    given = file.file_id or ""
    if given.startswith("files/"):
        return _FILES + given
    if given.startswith(_OWN):
        return given
    raise BadRequest("File part missing file_data", param=where)


def _guessed(name: str | None, otherwise: str, kind: str = "") -> str:
    guess = _TYPE_OF.get(splitext(urlsplit(name or "").path)[1].lower(), "")
    return guess if guess and guess.startswith(kind) else otherwise
