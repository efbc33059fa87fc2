"""One running call of a process and its listeners, on threads: whoever is first takes the step, all hear the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from proxy_api.errors import ClientGone, UpstreamError
from proxy_api.joining import shared as calls
from proxy_api.joining.audience import Ear
from proxy_api.joining.shared import TOLD_BYTES, End, Shared, Source, joined

WORDS = [f"data: {n}\n\n".encode() for n in range(200)]
WHOLE = b"".join(WORDS)


def source(pieces: list[bytes], pause: float = 0.0, end: End | None = None) -> Callable[[Shared], Source]:
    def run(_: Shared) -> Source:
        for piece in pieces:
            if pause:
                time.sleep(pause)
            yield piece
        return end or End(answer=b"{}")

    return run


def heard(shared: Shared, ear: Ear) -> tuple[bytes, End]:
    """All that the listener is told, and how it ends."""
    pieces, hearing = [], shared.hear(ear)
    try:
        while True:
            try:
                pieces.append(next(hearing) or b"")
            except StopIteration as ended:
                return b"".join(pieces), ended.value
    finally:
        shared.leave(ear)


def listened(name: str, make: Callable[[Shared], Source], frames: bool = True) -> tuple[bytes, End]:
    ear = Ear(None, frames=frames)
    return heard(joined(name, ear, make), ear)


@pytest.mark.parametrize("pause", [0.0, 0.0005])
def test_all_hear_the_whole_whoever_takes_the_steps(pause: float) -> None:
    runs: list[int] = []

    def make(shared: Shared) -> Source:
        runs.append(1)
        return source(WORDS, pause)(shared)

    started = threading.Barrier(12)

    def listen(number: int) -> tuple[bytes, End]:
        ear = Ear(None, frames=number % 3 > 0)
        shared = joined("one", ear, make)
        started.wait()
        return heard(shared, ear)

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(listen, range(12)))
    assert len(runs) == 1
    assert [told for told, _ in found] == [WHOLE if number % 3 else b"" for number in range(12)]
    assert {end.answer for _, end in found} == {b"{}"}
    assert calls._running == {}


def test_who_comes_late_or_reads_slowly_reads_on_from_what_is_held_in_pieces_of_a_bounded_size() -> None:
    first, late = Ear(None, frames=True), Ear(None, frames=True)
    pieces = [bytes(100_000)] * 50
    shared = joined("slow", first, source(pieces))
    hearing = shared.hear(first)
    assert [next(hearing) for _ in range(40)] == pieces[:40]
    assert joined("slow", late, source([])) is shared
    behind = shared.hear(late)
    told = [next(behind) for _ in range(10)]
    assert all(piece is not None and len(piece) < TOLD_BYTES + 100_000 for piece in told)
    assert heard(shared, first)[0] == b"".join(pieces[40:])
    assert b"".join(piece or b"" for piece in told) + heard(shared, late)[0] == b"".join(pieces)


@pytest.mark.parametrize("error", [UpstreamError("out of order"), None])
def test_nothing_is_left_of_a_call_that_is_over(error: UpstreamError | None) -> None:
    for number in range(20):
        assert listened(f"call {number}", source(WORDS, end=End(error=error)))[1].error is error
    assert calls._running == {}


def test_the_last_who_leaves_ends_the_call() -> None:
    ended: list[bool] = []

    def make(_: Shared) -> Source:
        try:
            while True:
                yield b"data: 1\n\n"
        except GeneratorExit:
            ended.append(True)
            raise

    ears = [Ear(None, frames=True) for _ in range(2)]
    shared = joined("left", ears[0], make)
    joined("left", ears[1], make)
    for ear in ears:
        assert next(shared.hear(ear)) is not None
    shared.leave(ears[0])
    shared.leave(ears[0])
    assert (ended, list(calls._running)) == ([], ["left"])
    shared.leave(ears[1])
    assert (ended, calls._running) == ([True], {})
    again = Ear(None, frames=True)
    assert joined("left", again, make) is not shared
    calls._running.clear()


def test_one_who_is_cut_off_in_a_step_leaves_the_others_an_end() -> None:
    """gunicorn ends a worker's greenlets by an exception where they stand."""

    def make(_: Shared) -> Source:
        yield b"data: 1\n\n"
        raise KeyboardInterrupt

    first, second = Ear(None, frames=True), Ear(None, frames=True)
    shared = joined("cut", first, make)
    joined("cut", second, make)
    hearing = shared.hear(first)
    next(hearing)
    with pytest.raises(KeyboardInterrupt):
        next(hearing)
    told, end = heard(shared, second)
    assert told == b"data: 1\n\n"
    assert (end.again, calls._running) == ("always", {})


def test_who_has_left_is_told_so_even_while_another_takes_the_step() -> None:
    stepping, go = threading.Event(), threading.Event()

    def make(_: Shared) -> Source:
        stepping.set()
        go.wait(10)
        yield b"data: 1\n\n"
        return End(answer=b"{}")

    first, second = Ear(None, frames=True), Ear(None, frames=True)
    shared = joined("gone", first, make)
    joined("gone", second, make)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(heard, shared, first)
        assert stepping.wait(10)
        other = pool.submit(heard, shared, second)
        time.sleep(0.05)
        second.left = True
        shared.audience.lost(second)
        with pytest.raises(ClientGone):
            other.result(1)
        go.set()
        assert one.result(10)[0] == b"data: 1\n\n"
