"""The pages of cached completions: found, read, kept, purged, asked once more.

page: the list and each entry's own page; columns, searching, opening: what these show and find; purging, comparing,
savings, removals, exporting, importing: a page of their own each; charts: what two of them draw. What is done to
entries is cache_admin/acts.py.
Invariants: stored text is shown as text; bodies are opened for who may `view_bodies` alone, and the audit log says so.
"""

from cache_admin.admin.completions.page import StoredCompletionAdmin

__all__ = ["StoredCompletionAdmin"]
