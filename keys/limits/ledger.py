"""The ledger's word on what was used: asked where Redis has lost an account, or a process died.

Keys know no ledger: whoever keeps one registers a function at start-up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keys.limits.accounts import Account, countable
from keys.reading import DatabaseAway, Reader

# (account, process) -> what each process has used, by its name; process: of this one alone, "" = of all.
Sums = Callable[[Account, str], Mapping[str, int]]

READER = Reader(seconds=60.0, most=4)  # a month of a busy installation is millions of rows
_registered: list[Sums] = []


def register(sums: Sums) -> None:
    """`sums` is asked from now on; it may raise any of the database's errors."""
    _registered[:] = [sums]


def sums(account: Account) -> Mapping[str, int]:
    """What each process has used of the account. Raises DatabaseAway."""
    if not _registered:
        raise DatabaseAway("no ledger is registered")
    said = READER.read(lambda: _registered[0](account, ""))
    return {process: countable(amount) for process, amount in said.items()}


def sum_of(account: Account, process: str) -> int:
    """What one process has used of it, read at once and in this thread. Raises the database's errors."""
    return countable(_registered[0](account, process).get(process, 0)) if _registered else 0
