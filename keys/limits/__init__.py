"""Limits: requests and tokens a minute, calls under way, budgets. All of a call's are checked and taken in one step.

    reservation = reserve(identity.subjects, instance, Estimate(tokens, usd_nano), now)   # LimitReached, LimitsAway
    ...
    reservation.settle(tokens, usd_nano)

Code map: subjects.py whose limits and how much; periods.py, windows.py, accounts.py, standing.py pure; scripts/ what
Redis counts in one step; desk.py a process's part in it; reserving.py a call's; rebuilding.py, ledger.py, adoption.py
what the ledger makes good; use.py how much is used, for pages.
Invariant: a process's word in Redis can be lost, late or repeated without harm: it is absolute, and only ever grows.
Invariant: the ledger is the truth; whatever Redis holds can be summed anew from it.
"""

from keys.limits.adoption import adopt
from keys.limits.reserving import Estimate, Reservation, reserve, reserve_uncounted, start
from keys.limits.standing import LimitReached, LimitsAway
from keys.limits.use import Use, state, states

__all__ = (
    "Estimate",
    "LimitReached",
    "LimitsAway",
    "Reservation",
    "Use",
    "adopt",
    "reserve",
    "reserve_uncounted",
    "start",
    "state",
    "states",
)
