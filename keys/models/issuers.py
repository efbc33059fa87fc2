"""Outside issuers whose JWTs are taken as bearer tokens."""

from __future__ import annotations

from django.db import models as db
from django.utils import timezone

from keys.ids import new_id
from keys.models.policies import Told
from keys.models.projects import Project


class TokenIssuer(Told):
    """Who signs, for whom, and to which project a caller belongs.

    projects: value of the claim -> id or name of a project; a value that is not among them is refused, unless there
    is a default project. https://openid.net/specs/openid-connect-core-1_0.html (iss, aud), RFC 7517 (JWKS).
    """

    id = db.CharField(primary_key=True, max_length=36, default=new_id, editable=False)
    name = db.CharField(max_length=200, unique=True)
    issuer = db.CharField(max_length=500, unique=True, help_text="The `iss` claim, exactly.")
    audience = db.CharField(max_length=500, help_text="The `aud` claim that tokens for us have.")
    jwks_url = db.URLField(max_length=500, verbose_name="JWKS URL", help_text="Where the issuer's public keys are.")
    project_claim = db.CharField(max_length=200, blank=True, default="", help_text="E.g. groups or team.")
    projects = db.JSONField(default=dict, blank=True, help_text="claim value=project, one a line.")
    default_project = db.ForeignKey(Project, null=True, blank=True, on_delete=db.PROTECT, related_name="+")
    models = db.JSONField(default=list, blank=True, help_text="One model or pattern a line. None: every model.")
    enabled = db.BooleanField(default=True)
    created_at = db.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("name",)
        verbose_name = "token issuer"

    def __str__(self) -> str:
        return self.name
