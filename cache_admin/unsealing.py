"""What a row holds, opened. Who may read it, and who is told of that, is the caller's to see to."""

from __future__ import annotations

from cache_admin.completions import Completion, read_value
from cache_admin.models import StoredCompletion
from cache_admin.sealed import unseal_completion
from keys.secrecy.sealing import SealBroken

SEALED = ("answer_sealed", "request_sealed")  # the columns that a list does without


def request_of(row: StoredCompletion) -> bytes:
    """b"" where it was too large to be kept. Raises SealBroken."""
    sealed = bytes(row.request_sealed)
    return unseal_completion(row.digest, row.scope, "request", sealed) if sealed else b""


def completion_of(row: StoredCompletion) -> Completion:
    """Raises SealBroken, where it is sealed to its caller or of a later version too, and ValueError."""
    try:
        return read_value(row.digest, row.scope, bytes(row.answer_sealed))
    except TypeError:
        raise SealBroken("facts that this version does not know") from None
