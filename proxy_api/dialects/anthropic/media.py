"""Images and documents as Anthropic takes them, checked before any money is spent.

https://platform.claude.com/docs/en/build-with-claude/vision (four types, 5 MB each)
https://platform.claude.com/docs/en/build-with-claude/pdf-support
"""

from __future__ import annotations

from typing import Any

from proxy_api.chat import File, Image
from proxy_api.dialects.saying import decoded
from proxy_api.errors import BadRequest

IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
IMAGE_LIMIT = 5 * 1024 * 1024  # bytes
_TEXT_TYPES = ("text/", "application/json", "application/xml", "application/x-ndjson", "application/yaml")


def image_block(image: Image, where: str) -> dict[str, Any]:
    """where: the param that a BadRequest names."""
    if image.data is None:
        return {"type": "image", "source": url_source(image.url, where)}
    media_type = "image/jpeg" if image.media_type == "image/jpg" else image.media_type
    if media_type == "application/pdf":  # clients put PDFs there too
        return file_block(File(media_type, image.data), where)
    if media_type not in IMAGE_TYPES:
        raise BadRequest(
            f"Images of type {media_type} are not understood, only jpeg, png, gif and webp",
            param=where,
            code="unsupported_image_media_type",
        )
    if len(decoded(image.data, where)) > IMAGE_LIMIT:
        raise BadRequest("The image is larger than 5 MB", param=where, code="image_too_large")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": image.data}}


def file_block(file: File, where: str) -> dict[str, Any]:
    """A PDF as it is, anything textual as plain text."""
    block: dict[str, Any] = {"type": "document", "source": _document_source(file, where)}
    return block | ({"title": file.filename} if file.filename else {})


def _document_source(file: File, where: str) -> dict[str, Any]:
    if file.url is not None:
        return url_source(file.url, where)
    if file.data is None:
        raise BadRequest("File part missing file_data", param=where)
    media_type = file.media_type or "application/pdf"
    data = decoded(file.data, where)
    if media_type == "application/pdf":
        return {"type": "base64", "media_type": media_type, "data": file.data}
    if not media_type.startswith(_TEXT_TYPES):
        raise BadRequest(f"Files of type {media_type} are not understood, only PDF and text", param=where)
    try:
        return {"type": "text", "media_type": "text/plain", "data": data.decode()}
    except UnicodeDecodeError:
        raise BadRequest("The file says that it is text, but is no UTF-8", param=where) from None


def url_source(url: str | None, where: str) -> dict[str, Any]:
    if url is None or not url.lower().startswith(("https://", "http://")):
        raise BadRequest("The address must be an http(s) URL or a base64 data URL", param=where)
    return {"type": "url", "url": url}
