"""What the channels share."""

from __future__ import annotations


class NotDelivered(Exception):
    """A try failed; the text says why, for an operator: no address and no secret is in it."""
