from math import inf

from hypothesis import assume, given
from hypothesis import strategies as st

from keys.limits.windows import MINUTE, Window, empty_in, used, wait

NOW = 1_800_000_000_000
windows = st.builds(
    Window,
    start=st.integers(NOW - MINUTE + 1, NOW),
    current=st.integers(0, 1000),
    previous=st.integers(0, 1000),
)


def later(window: Window, now: int) -> Window:
    """The window as it stands at `now` if nothing has come since."""
    if now >= window.start + 2 * MINUTE:
        return Window(now, 0, 0)
    return Window(window.start + MINUTE, 0, window.current) if now >= window.start + MINUTE else window


def fits(window: Window, now: int, most: int, amount: int) -> bool:
    return used(later(window, now), now) + amount <= most + 1e-6


def test_the_minute_before_counts_for_the_part_of_it_that_is_less_than_a_minute_ago():
    window = Window(NOW, 10, 100)
    assert used(window, NOW) == 110
    assert used(window, NOW + MINUTE // 4) == 85
    assert used(window, NOW + MINUTE) == 10


def test_a_clock_that_is_behind_counts_as_the_windows_start():
    assert used(Window(NOW, 1, 100), NOW - 5000) == 101


@given(windows, st.integers(1, 1000), st.integers(1, 1000))
def test_after_the_wait_the_call_fits_and_a_moment_before_it_did_not(window, most, amount):
    assume(amount <= most)
    needed = wait(window, NOW, most, amount)
    assert fits(window, NOW + int(needed), most, amount)
    assert needed == 0 or not fits(window, NOW + int(needed) - 2, most, amount)


def test_what_is_larger_than_the_limit_never_fits():
    assert wait(Window(NOW, 0, 0), NOW, 10, 11) == inf


@given(windows)
def test_a_window_is_empty_when_it_says(window):
    ms = empty_in(window, NOW)
    assert used(later(window, NOW + ms), NOW + ms) == 0
    assert ms == 0 or used(later(window, NOW + ms - 1), NOW + ms - 1) > 0
