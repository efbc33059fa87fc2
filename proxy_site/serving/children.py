"""One program of the installation: started in a session of its own, dying with us, started again with backoff."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

FIRST_WAIT, LONGEST_WAIT, STEADY = 0.5, 30.0, 60.0  # seconds
SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)


@dataclass(slots=True)
class Child:
    """command, environment: as for execve; descriptors: file descriptors it inherits; quiet: its stdout is noise."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    descriptors: tuple[int, ...] = ()
    quiet: bool = False
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    wait: float = FIRST_WAIT
    due: float = field(default=0.0)

    def start(self, now: float) -> None:
        """Start it. `now` is monotonic, in seconds."""
        self.began = now
        self.process = subprocess.Popen(  # noqa: S603  (our own words, no shell)
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if self.quiet else None,
            pass_fds=self.descriptors,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def exit_code(self) -> int | None:
        """None while it runs (or was never started)."""
        return None if self.process is None else self.process.poll()

    def revive(self, now: float) -> bool:
        """Start it again where it has ended and its wait is over; True where it was. The wait doubles from half a
        second to half a minute, and begins anew once it has run for a minute.
        """
        if self.exit_code() is None:
            return False
        if self.due <= self.began:
            self.wait = FIRST_WAIT if now - self.began > STEADY else min(self.wait * 2, LONGEST_WAIT)
            self.due = now + self.wait
        if now < self.due:
            return False
        self.start(now)
        return True

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self, seconds: float) -> None:
        """SIGTERM, and after `seconds` SIGKILL to it and everything that it started."""
        self.signal(signal.SIGTERM)
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def die_with_parent() -> None:
    """In the child, before exec: SIGTERM to it when we end, kill -9 included. Linux alone has this."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGTERM)
