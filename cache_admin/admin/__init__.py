"""The admin pages: the usage log and cached completions (read-only, keyset pages), and prices.

Invariants: no page counts or scans a whole table; stored text is shown as text, never as HTML, and stored bodies only
to who may `view_bodies`.
"""

from cache_admin.admin import completions, prices, usage

__all__ = ["completions", "prices", "usage"]
