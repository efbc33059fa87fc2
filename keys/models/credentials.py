"""Provider credentials: what we present to a provider."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models as db
from django.utils import timezone

from keys.ids import new_id
from keys.models.policies import Told
from keys.models.projects import Project
from keys.secrecy import sealing
from keys.secrecy.secret import Secret

SHOWN_FROM = 16  # of a provider's secret shorter than this, no character is shown


class ProviderCredential(Told):
    """A secret that we present to a provider, sealed, and bound to this row, its provider, its address and headers.

    So neither a copy of the sealed bytes in another row nor a changed address can be used (threats T2, T4).
    """

    id = db.CharField(primary_key=True, max_length=36, default=new_id, editable=False)
    name = db.CharField(max_length=200, help_text="x-bt-endpoint-name picks it, x-bt-used-endpoint tells it.")
    provider = db.CharField(max_length=64)
    project = db.ForeignKey(
        Project,
        null=True,
        blank=True,
        on_delete=db.PROTECT,
        related_name="credentials",
        help_text="Empty: for every caller. Else for the project's keys alone, before all others.",
    )
    sealed = db.BinaryField(null=True, editable=False)
    last_four = db.CharField(max_length=4, blank=True, default="", editable=False)
    fingerprint = db.CharField(max_length=12, blank=True, default="", editable=False)
    base_url = db.CharField(
        max_length=500,
        blank=True,
        default="",
        verbose_name="base URL",
        help_text="With the version, e.g. https://api.openai.com/v1. Empty: the provider's public address.",
    )
    options = db.JSONField(default=dict, blank=True, help_text="What its address needs beside the key.")
    models = db.JSONField(
        default=list, blank=True, help_text="One model or pattern a line. None: every model of the provider."
    )
    regions = db.JSONField(
        default=list, blank=True, help_text="One region a line, tried like credentials of their own. Needs {region}."
    )
    headers = db.JSONField(default=dict, blank=True, help_text="Sent with each request: name=value, one a line.")
    priority = db.PositiveSmallIntegerField(default=0, help_text="The lowest is tried first, the others after it.")
    weight = db.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="Its share among those of one priority.",
    )
    enabled = db.BooleanField(default=True)
    created_at = db.DateTimeField(default=timezone.now, editable=False)

    # What the secret was entered for: it does not open after one of these has changed, until it is entered anew.
    BOUND = ("provider", "base_url", "options", "regions", "headers")

    class Meta:
        ordering = ("provider", "name", "id")
        verbose_name = "provider credential"

    def __str__(self) -> str:
        return f"{self.name} ({self.provider})"

    def place(self) -> bytes:
        """All of BOUND. Options and regions are a part of the address: `{region}` stands in it."""
        chosen = [f"{name}={value}" for name, value in sorted(self.options.items())]
        chosen += [f"region:{region}" for region in self.regions]
        chosen += [f"header:{name}={value}" for name, value in sorted(self.headers.items())]
        return sealing.place("keys_providercredential", self.id, "secret", self.provider, self.base_url, *chosen)

    def put_secret(self, text: str, fingerprint: str) -> None:
        """Seal `text` for the provider and the address that the row has now."""
        self.sealed = sealing.ring().seal(text.encode(), self.place())
        self.last_four = text[-4:] if len(text) >= SHOWN_FROM else ""
        self.fingerprint = fingerprint

    def secret(self) -> Secret | None:
        """The secret; None where there is none. SealBroken where it does not open."""
        if self.sealed is None:
            return None
        return Secret(sealing.ring().unseal(bytes(self.sealed), self.place()).decode())
