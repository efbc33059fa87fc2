"""Images and documents of a request: inline ones checked, those named by address fetched where bytes are wanted.

A client names these addresses, so each one, and each redirect, passes the address gate (outbound.py): it is resolved
once, every address is checked, and the connection goes to the checked address. No key goes along.
What a target fetches by itself (an https address, for a dialect that takes addresses) is checked as far as it is
written out, and left to the target; addresses of the operator's own network are reached from here alone.
Limits: DRAGOMAN_MEDIA_MAX_BYTES for all media of one request together, DRAGOMAN_MEDIA_TIMEOUT for each.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from threading import Event, Lock, Thread
from time import monotonic
from urllib.parse import quote, urljoin

from django.conf import settings

from keys.outward.outbound import AddressRefused, check_origin, listed, read_url
from proxy_api import transport
from proxy_api.chat import Audio, ChatRequest, File, Image, Message, Part, Reasoning, ToolCall, ToolResult
from proxy_api.errors import AddressBlocked, BadRequest, GatewayError, UpstreamTimeout
from proxy_api.transport import Deadlines, Exchange, Watching
from proxy_api.transport_wire import REDIRECTS
from proxy_api.upstream import UpstreamRequest

MAX_REDIRECTS = 3
AT_ONCE = 8
TICK = 0.25  # seconds between two looks at the client while media are fetched
TYPES = ("image/", "audio/", "video/", "text/", "application/pdf", "application/json", "application/xml")
HEADERS = {"accept": "image/*, application/pdf, audio/*, video/*, text/*, */*;q=0.1", "user-agent": "dragoman"}
# Addresses that mean something to Google alone: https://ai.google.dev/gemini-api/docs/files and .../video-understanding
GOOGLES = re.compile(
    r"https://(generativelanguage\.googleapis\.com/|(www\.|m\.)?youtube\.com/|youtu\.be/)", re.IGNORECASE
)
_ORIGIN = re.compile(r"(https?://[^/?#]*)([^#]*)", re.IGNORECASE)
_UNTYPED = ("", "application/octet-stream", "binary/octet-stream", "application/x-download")
_MAGIC = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"%PDF-"), "application/pdf"),
)
# RFC 4648 sections 4 and 5: Google's clients write the URL-safe alphabet.
_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_STANDARD = str.maketrans("-_", "+/", " \t\r\n")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address held: its type (lower case, without parameters) and its bytes in base64."""

    media_type: str
    data: str


def with_media(
    request: ChatRequest,
    *,
    wants_bytes: bool,
    kept: dict[str, Fetched],
    watch: Watching | None,
    any_base64: bool = False,
) -> Generator[None, None, ChatRequest]:
    """The request with its media checked and fetched; yields None for each ping's length of waiting.

    kept: what earlier attempts fetched, by address. any_base64: the target reads both alphabets of base64, so that
    inline data that can be read goes to it as it came. Raises BadRequest naming the part, ClientGone.
    """
    wanted: dict[str, str] = {}

    def check(part: Part, where: str) -> Part:
        if isinstance(part, (Image, File)) and part.url is not None:
            if to_fetch(part.url, where, wants_bytes):
                wanted.setdefault(part.url, where)
            return part
        standard = standard_base64(part, where)
        return part if any_base64 else standard

    messages = mapped(request.messages, check)
    missing = {url: where for url, where in wanted.items() if url not in kept}
    if missing:
        yield from fetch_all(missing, kept, watch)
    if wanted:
        messages = mapped(messages, lambda part, _: filled(part, kept))
    return request if messages is request.messages else replace(request, messages=messages)


_HAS_MEDIA = frozenset({Image, File, Audio, ToolResult})


# -- walking through a request ----------------------------------------------------------------------------------------
def mapped(messages: tuple[Message, ...], change: Callable[[Part, str], Part]) -> tuple[Message, ...]:
    """Every media part changed, those in tool results too. `change` is told the part's place in the client's words.
    The same tuple where nothing changed."""
    found, index = [], 0
    for message in messages:
        found.append(_message(message, index, change))
        index += len(message.parts) if message.role == "tool" else 1  # results of parallel calls were messages each
    same = all(new is old for new, old in zip(found, messages, strict=True))
    return messages if same else tuple(found)


def _message(message: Message, index: int, change: Callable[[Part, str], Part]) -> Message:
    if _HAS_MEDIA.isdisjoint(map(type, message.parts)):
        return message
    parts: list[Part] = []
    spoken = 0
    for position, part in enumerate(message.parts):
        if isinstance(part, ToolResult):
            inner = _parts(part.parts, f"messages[{index + position}]", change)
            parts.append(part if inner is part.parts else replace(part, parts=inner))
        elif isinstance(part, (Image, File, Audio)):
            parts.append(change(part, f"messages[{index}].content[{spoken}]"))
        else:
            parts.append(part)
        spoken += not isinstance(part, (Reasoning, ToolCall))
    same = all(new is old for new, old in zip(parts, message.parts, strict=True))
    return message if same else replace(message, parts=tuple(parts))


def _parts(parts: tuple[Part, ...], where: str, change: Callable[[Part, str], Part]) -> tuple[Part, ...]:
    found = tuple(
        change(part, f"{where}.content[{position}]") if isinstance(part, (Image, File, Audio)) else part
        for position, part in enumerate(parts)
    )
    return parts if all(new is old for new, old in zip(found, parts, strict=True)) else found


def filled(part: Part, kept: dict[str, Fetched]) -> Part:
    """The part with its bytes instead of its address. What is no image though it was said to be one is a file."""
    if not isinstance(part, (Image, File)) or part.url not in kept:
        return part
    found = kept[part.url]
    if isinstance(part, Image) and not found.media_type.startswith("image/"):
        return File(found.media_type, found.data, cache_control=part.cache_control)
    return replace(part, media_type=found.media_type, data=found.data, url=None)


def standard_base64(part: Part, where: str) -> Part:
    """Inline data in the one spelling that every provider reads: standard alphabet, padded, no white space."""
    if not isinstance(part, (Image, File, Audio)) or part.data is None:
        return part
    digits = part.data.rstrip("=")
    if not digits.isascii() or digits.encode().translate(None, _DIGITS):
        digits = digits.translate(_STANDARD).rstrip("=")
    if not digits.isascii() or len(digits) % 4 == 1 or digits.encode().translate(None, _DIGITS):
        raise BadRequest("The data is not valid base64", param=where, code="invalid_base64")
    data = digits + "=" * (-len(digits) % 4)
    return part if data == part.data else replace(part, data=data)


# -- addresses --------------------------------------------------------------------------------------------------------
def to_fetch(url: str, where: str, wants_bytes: bool) -> bool:
    """Whether the bytes are fetched here. Addresses of object stores (gs:, s3:) are the target's own matter."""
    if not url[:8].lower().startswith(("http://", "https://")):
        return False
    host, scheme = checked(url, where)
    if wants_bytes:
        return not GOOGLES.match(url)
    return scheme == "http" or listed(host)


def checked(url: str, where: str) -> tuple[str, str]:
    """(host, scheme) of an address that may be asked as far as it is written out; names are resolved on connecting."""
    try:
        parts = read_url(spelt(url))
        check_origin(parts, public=True)
    except AddressRefused:
        raise blocked(where) from None
    return parts.host, parts.scheme


def spelt(url: str) -> str:
    """Without a fragment, odd characters of path and query percent-encoded (RFC 3986 section 2); the host as it is."""
    match = _ORIGIN.match(url)
    return match[1] + quote(match[2], safe="/?%~!$&'()*+,;=:@-._") if match else url


def blocked(where: str) -> BadRequest:
    return BadRequest("Media URL resolves to a blocked address", param=where, code="blocked_media_url")


# -- fetching ---------------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Job:
    """All that one request fetches: a few threads share the list of addresses. Use start(), then done, then close()."""

    wanted: dict[str, str]
    room: int
    found: dict[str, Fetched] = field(default_factory=dict)
    failure: Exception | None = None
    done: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)
    under_way: set[Exchange] = field(default_factory=set)
    left: list[tuple[str, str]] = field(default_factory=list)
    running: int = 0

    def start(self) -> None:
        self.left = list(self.wanted.items())[::-1]
        self.running = min(len(self.left), AT_ONCE)
        for _ in range(self.running):
            Thread(target=self._work, daemon=True).start()

    def close(self) -> None:
        """Nobody waits any more: what is still under way is cut off. Idempotent."""
        with self.lock:
            self.left.clear()
            for exchange in tuple(self.under_way):
                exchange.end(UpstreamTimeout("Nobody waits for this any more."))

    def take(self, size: int) -> bool:
        """Room for `size` more bytes; False where the request has used it up."""
        with self.lock:
            self.room -= size
            return self.room >= 0

    def _work(self) -> None:
        try:
            while (item := self._next()) is not None:
                self.found[item[0]] = fetched(*item, self)
        except Exception as error:  # told by who waits for this thread
            self.failure = self.failure or error
        finally:
            with self.lock:
                self.running -= 1
            if self.failure is not None or self.running == 0:
                self.done.set()

    def _next(self) -> tuple[str, str] | None:
        with self.lock:
            return self.left.pop() if self.left and self.failure is None else None


def fetch_all(wanted: dict[str, str], kept: dict[str, Fetched], watch: Watching | None) -> Generator[None]:
    """wanted: address -> where it stands; what is found goes into `kept`. Yields None for each ping's length."""
    job = Job(wanted, settings.DRAGOMAN_MEDIA_MAX_BYTES)
    job.start()
    ping_at = monotonic() + settings.DRAGOMAN_PING_INTERVAL
    try:
        while not job.done.wait(TICK):
            if watch is not None and watch.check():
                raise watch.parting()
            if monotonic() >= ping_at:
                ping_at += settings.DRAGOMAN_PING_INTERVAL
                yield None
        if job.failure is not None:
            raise job.failure
        kept.update(job.found)
    finally:
        job.close()


def fetched(url: str, where: str, job: Job) -> Fetched:
    """One address, over at most three redirects. Raises BadRequest naming `where`."""
    until = monotonic() + settings.DRAGOMAN_MEDIA_TIMEOUT
    try:
        for _ in range(MAX_REDIRECTS + 1):
            checked(url, where)
            found = asked(spelt(url), where, job, until)
            if isinstance(found, Fetched):
                return found
            url = urljoin(url, found)
    except AddressBlocked:
        raise blocked(where) from None
    except UpstreamTimeout:
        raise unreachable("it did not answer in time", where) from None
    except BadRequest:
        raise
    except GatewayError as error:
        raise unreachable(error.message.replace("The provider", "its server"), where) from None
    raise unreachable("it redirects too often", where)


def unreachable(reason: str, where: str) -> BadRequest:
    return BadRequest(f"The media URL could not be fetched: {reason}", param=where, code="invalid_media_url")


def asked(url: str, where: str, job: Job, until: float) -> Fetched | str:
    """One GET: what it holds, or the address that it redirects to."""
    left = max(until - monotonic(), 0.001)
    deadlines = Deadlines(settings.DRAGOMAN_CONNECT_TIMEOUT, left, left, left, left)
    exchange = transport.send(UpstreamRequest("GET", url, HEADERS, b"", public=True), deadlines)
    with closing(exchange):
        job.under_way.add(exchange)
        try:
            while (head := exchange.head()) is None:
                pass
            if head.status in REDIRECTS and (location := head.headers.get("location")):
                return location
            if head.status != 200:
                raise unreachable(f"its server answered {head.status}", where)
            return typed(head.headers.get("content-type", ""), received(exchange, where, job), where)
        finally:
            job.under_way.discard(exchange)


def received(exchange: Exchange, where: str, job: Job) -> bytes:
    pieces = []
    for piece in exchange.pieces():
        if piece is not None:
            if not job.take(len(piece)):
                limit = settings.DRAGOMAN_MEDIA_MAX_BYTES
                raise BadRequest(
                    f"The media of this request are larger than {limit} bytes", param=where, code="media_too_large"
                )
            pieces.append(piece)
    return b"".join(pieces)


def typed(content_type: str, body: bytes, where: str) -> Fetched:
    """What the bytes begin with beats what the server says: hosts that serve a JPEG as image/png are many, and
    providers refuse it."""
    said = content_type.partition(";")[0].strip().lower()
    seen = next((media_type for magic, media_type in _MAGIC if magic.match(body)), said)
    media_type = seen if said in _UNTYPED or said.startswith(TYPES) else said
    if not media_type.startswith(TYPES):
        raise BadRequest(
            f"The media URL holds {media_type or 'something without a type'}, which is no image, document or audio",
            param=where,
            code="unsupported_media_type",
        )
    return Fetched(media_type, b2a_base64(body, newline=False).decode())
