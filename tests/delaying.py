"""A relay before a server on a unix socket that keeps its replies back for as long as a test says."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit


class Delaying:
    """with Delaying(url) as slow: slow.url leads to the server at `url`; slow.seconds: how late its replies are."""

    def __init__(self, url: str) -> None:
        self.seconds = 0.0
        self._server = urlsplit(url).path
        self._folder = tempfile.TemporaryDirectory(prefix="dgm-slow-")
        self._listener = socket.socket(socket.AF_UNIX)
        path = Path(self._folder.name) / "slow.sock"
        self._listener.bind(str(path))
        self._listener.listen(64)
        self.url = f"unix://{path}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            threading.Thread(target=self._relay, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._relay, args=(server, client, True), daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket, late: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                if late:
                    time.sleep(self.seconds)
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            end.close()

    def __enter__(self) -> Delaying:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self._folder.cleanup()
