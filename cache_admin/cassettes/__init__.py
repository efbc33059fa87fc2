"""Cached completions as a file, one line of JSON each, and such a file as the cassette of a project.

A line stands for itself: what was asked (endpoint, headers that make another answer, request) and what came of it.
Where it is kept is made of that anew on import, so a file fits every installation and may be written by hand. Whose
call it was stays behind. What is sealed to its caller cannot be told, and is counted.

lines.py      one line, written and read
exporting.py  rows as lines
importing.py  lines as the cassette of a project: examined, then all of them or none
"""

from cache_admin.cassettes.exporting import exported
from cache_admin.cassettes.importing import CassetteFault, Verdict, examined, imported
from cache_admin.cassettes.lines import Asked, Reader, register

__all__ = ["Asked", "CassetteFault", "Reader", "Verdict", "examined", "exported", "imported", "register"]
