"""A client that reads an answer piece by piece, knows how its connection ended, and can leave at any moment."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from tests.live import Live

CHAT = "/v1/chat/completions"


def hello(model: str = "openai/gpt-4o-mini", **fields: Any) -> dict[str, Any]:
    """A chat request; with temperature=0 one that may be cached."""
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}


class Client:
    """One call over a connection of its own.

    status, headers (lower case) once the head is there; body: what came so far, chunk framing removed; whole: it ended
    as HTTP says (terminal chunk, Content-Length) and was not cut.
    """

    def __init__(self, live: Live, body: Mapping[str, Any], token: str = "", path: str = CHAT, **headers: str) -> None:
        self.status, self.headers, self.body, self.whole = 0, dict[str, str](), b"", False
        self._connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=20)
        self._response: http.client.HTTPResponse | None = None
        given = {"authorization": f"Bearer {token or live.token}", "content-type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("POST", path, json.dumps(body).encode(), given | named)
        self.sent_at = time.monotonic()

    def head(self) -> Client:
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.headers = {name.lower(): value for name, value in self._response.getheaders()}
        return self

    def until(self, mark: bytes) -> Client:
        """Read until `mark` has come, or the answer's end."""
        while mark not in self.body and self._piece():
            pass
        return self

    def rest(self) -> Client:
        while self._piece():
            pass
        self.close()
        return self

    def _piece(self) -> bool:
        response = self._response or self.head()._response
        assert response is not None
        try:
            piece = response.read1(65536)
        except (http.client.HTTPException, OSError):
            return False
        self.body += piece
        self.whole = not piece and not response.length  # a short Content-Length raises nothing here
        return bool(piece)

    def leave(self, *, abruptly: bool = False) -> float:
        """Hang up, with FIN or RST; the moment (monotonic)."""
        sock = self._connection.sock or socket.socket()
        if abruptly:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self.close()
        return time.monotonic()

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
        self._connection.close()

    @property
    def id(self) -> str:
        return self.headers["x-request-id"]

    @property
    def done(self) -> bool:
        """Ended with the terminal event, and as HTTP says."""
        return self.whole and self.body.endswith(b"data: [DONE]\n\n")

    @property
    def error(self) -> dict[str, Any]:
        """OpenAI's error object: the whole body, or the stream's last frame."""
        text = self.body.strip().rpartition(b"\n\n")[2].removeprefix(b"data: ")
        found: dict[str, Any] = json.loads(text)["error"]
        assert set(found) == {"message", "type", "param", "code"}
        return found

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
