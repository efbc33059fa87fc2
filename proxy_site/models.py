"""What the site keeps of who may log in, beside Django's users and groups."""

from __future__ import annotations

from django.conf import settings
from django.db import models as db
from django.utils import timezone

from keys.secrecy import sealing


class SecondFactor(db.Model):
    """A user's authenticator app: the secret that it shares with us, sealed and bound to the user.

    Not asked for before it is confirmed. last_step: of the last code that was taken, in steps of 30 s since 1970: none
    is taken twice (RFC 6238, 5.2).
    """

    user = db.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=db.CASCADE, primary_key=True, related_name="second_factor"
    )
    sealed = db.BinaryField(editable=False)
    created_at = db.DateTimeField(default=timezone.now, editable=False)
    confirmed_at = db.DateTimeField(null=True, editable=False)
    last_step = db.BigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = "second factor"

    def __str__(self) -> str:
        return f"second factor of {self.user}"

    def place(self) -> bytes:
        return sealing.place("proxy_site_secondfactor", str(self.pk), "secret")

    def put_secret(self, secret: bytes) -> None:
        self.sealed = sealing.ring().seal(secret, self.place())

    def secret(self) -> bytes:
        """Raises SealBroken."""
        return sealing.ring().unseal(bytes(self.sealed), self.place())
