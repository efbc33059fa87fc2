"""Images, documents and audio as Converse takes them, checked before any money is spent.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html (formats, what a name may hold)
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_AudioBlock.html
"""

from __future__ import annotations

import re
from typing import Any

from proxy_api.chat import Audio, File, Image
from proxy_api.dialects.bedrock_converse.hosted import Hosted
from proxy_api.dialects.saying import decoded
from proxy_api.errors import BadRequest

IMAGE_FORMATS = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
DOCUMENT_FORMATS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
AUDIO_FORMATS = ("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv")
_TEXT_TYPES = ("text/", "application/json", "application/xml", "application/x-ndjson", "application/yaml")
_UNNAMEABLE = re.compile(r"[^a-zA-Z0-9\s()\[\]-]+")
_ROOM = 180  # of the 200 characters that a name may have; the rest counts its namesakes


def image_block(image: Image, hosted: Hosted, where: str) -> dict[str, Any]:
    """where: the param that a BadRequest names."""
    media_type = image.media_type or _by_ending(image.url)
    if media_type not in IMAGE_FORMATS:
        raise BadRequest(
            f"Images of type {media_type} are not understood, only jpeg, png, gif and webp",
            param=where,
            code="unsupported_image_media_type",
        )
    source = _source(image.data, image.url, where)
    _check_size(image.data, hosted.image_limit, where, "image_too_large")
    return {"image": {"format": IMAGE_FORMATS[media_type], "source": source}}


def is_document(image: Image) -> bool:
    """Clients put PDFs into image_url too."""
    return image.media_type == "application/pdf"


def document_block(file: File, hosted: Hosted, names: set[str], where: str) -> dict[str, Any]:
    """names: those that the request's documents have so far; Bedrock refuses a name that stands there twice."""
    if file.data is None and file.url is None:
        raise BadRequest("File part missing file_data", param=where)
    form = _format(file)
    if form is None:
        raise BadRequest(f"Files of type {file.media_type} are not understood", param=where)
    source = _source(file.data, file.url, where)
    _check_size(file.data, hosted.document_limit, where, "file_too_large")
    return {"document": {"format": form, "name": _named(file.filename, names), "source": source}}


def audio_block(audio: Audio, where: str) -> dict[str, Any]:
    if audio.format not in AUDIO_FORMATS:
        raise BadRequest(f"Audio of the format {audio.format} is not understood", param=where)
    return {"audio": {"format": audio.format, "source": _source(audio.data, None, where)}}


def _by_ending(url: str | None) -> str | None:
    return f"image/{url.rsplit('.', 1)[-1].lower()}" if url else None


def _format(file: File) -> str | None:
    """By the media type; where that says nothing (octet-stream, or no registered name: application/docx), by the name's
    ending; a file without either is taken for a PDF."""
    media_type = file.media_type or "application/"
    if (form := DOCUMENT_FORMATS.get(media_type)) is not None:
        return form
    if media_type.startswith(_TEXT_TYPES):
        return "txt"
    if not media_type.startswith("application/"):
        return None
    ending = (file.filename or file.url or "").rpartition(".")[2].lower()
    if ending in DOCUMENT_FORMATS.values():
        return ending
    return "pdf" if file.media_type is None and not file.filename else None


def _named(filename: str | None, names: set[str]) -> str:
    """The file's own name without its ending, in letters that Bedrock takes, numbered where it stands there already."""
    stem = (filename or "document").rpartition(".")
    plain = " ".join(_UNNAMEABLE.sub("-", stem[0] or stem[2]).split())[:_ROOM].strip() or "document"
    name, count = plain, 1
    while name in names:
        count += 1
        name = f"{plain} ({count})"
    names.add(name)
    return name


def _source(data: str | None, url: str | None, where: str) -> dict[str, Any]:
    """Bytes as base64, or an object in S3; anything else should have been fetched."""
    if data is not None:
        return {"bytes": data}
    if url is not None and url.startswith("s3://"):
        return {"s3Location": {"uri": url}}
    raise BadRequest("The address must be a base64 data URL or one of s3:", param=where)


def _check_size(data: str | None, limit: int, where: str, code: str) -> None:
    if data is not None and len(decoded(data, where)) > limit:
        raise BadRequest(f"The file is larger than {limit / (1024 * 1024):g} MB", param=where, code=code)
