"""The kill loop's short form: see tests/kill_loop.py, and `make kill-loop` for as long as one likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import kill_loop


@pytest.mark.timeout(120)
def test_nothing_is_lost_or_doubled_when_everything_is_killed_at_random(tmp_path: Path) -> None:
    verdict = kill_loop.run(6, seed=98, folder=tmp_path)  # a seed whose first seconds kill one of each
    assert verdict.lost_nothing, verdict
    assert verdict.ok_for_broken < 0.02, verdict  # of a few hundred calls; `make kill-loop` holds 0.5 %
