"""A mail server on 127.0.0.1 that keeps what it is sent, or refuses it: as much of SMTP (RFC 5321) as a client needs.

with Mailbox() as mailbox:
    mailbox.refuse(450)
    ...
    assert mailbox.mails[0]["Subject"] == "Hello"
"""

from __future__ import annotations

import email
import email.policy
import socket
import threading
from collections import deque
from contextlib import suppress
from email.message import EmailMessage
from types import TracebackType
from typing import BinaryIO


class Mailbox:
    """mails: in the order they came; recipients: of each, from its envelope."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self._refusals: deque[int] = deque()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def refuse(self, *codes: int) -> None:
        """The next mails, one each, with these codes instead of 250."""
        self._refusals.extend(codes)

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as lines, suppress(OSError):
            say(lines, "220 mailbox")
            recipient = ""
            while words := lines.readline().decode().strip():
                verb = words[:4].upper()
                if verb == "RCPT":
                    recipient = words.partition("<")[2].partition(">")[0]
                if verb == "DATA":
                    say(lines, "354 go on")
                    self._keep(lines, recipient)
                else:
                    say(lines, "221 bye" if verb == "QUIT" else "250 fine")

    def _keep(self, lines: BinaryIO, recipient: str) -> None:
        content = b"".join(iter(lines.readline, b".\r\n"))
        if self._refusals:
            say(lines, f"{self._refusals.popleft()} not now")
            return
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.append(recipient)
        say(lines, "250 kept")


def say(lines: BinaryIO, words: str) -> None:
    lines.write(f"{words}\r\n".encode())
    lines.flush()
