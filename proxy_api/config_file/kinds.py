"""The sections: of each how an entry finds its row, and what becomes of a row that no entry names, where it prunes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet
from rest_framework.serializers import ModelSerializer

from cache_admin.models import Price, Source
from keys.administration import acts
from keys.administration.audit import Actor
from keys.models import ANONYMOUS, InstallationLimits, Project, ProviderCredential, TokenIssuer, VirtualKey
from proxy_api.control.serializers.budgets import LimitsSerializer
from proxy_api.control.serializers.credentials import CredentialSerializer
from proxy_api.control.serializers.fields import projects
from proxy_api.control.serializers.issuers import IssuerSerializer
from proxy_api.control.serializers.keys import KeySerializer
from proxy_api.control.serializers.models import AliasSerializer, PriceSerializer
from proxy_api.control.serializers.projects import ProjectSerializer
from proxy_api.models import Alias

Values = Mapping[str, Any]
Retire = Callable[[Any, datetime, Actor], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """section: its name in the file; noun: what one is called; names: the fields by which an entry finds its row;
    rows: those that may be found; retire: takes a row out of use, and says how, "" where it is out already; owns: the
    field by which budgets are tied to a row."""

    section: str
    noun: str
    serializer: type[ModelSerializer[Any]]
    names: tuple[str, ...]
    rows: Callable[[], QuerySet[Any]]
    retire: Retire
    owns: str = ""

    def found(self, values: Values) -> list[Model]:
        """The rows that the entry names; of more than one nobody knows which is meant."""
        return list(self.rows().filter(**{name: named(values, name) for name in self.names})[:2])


def named(values: Values, name: str) -> Any:
    """As the serializer reads it; of a project the row."""
    value = values.get(name)
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    if name != "project":
        return text.replace("\x00", "")
    return projects(text.replace("\x00", "")).first() if text else None


def revoked(row: VirtualKey, now: datetime, actor: Actor) -> str:
    if row.id == ANONYMOUS:  # nobody has issued it
        return ""
    acts.revoke(row, now, actor)
    return "revoked"


def switched_off(row: Any, now: datetime, actor: Actor) -> str:
    row.enabled = False
    return "switched off" if acts.change(row, ("enabled",), actor) else ""


def deleted(row: Model, now: datetime, actor: Actor) -> str:
    acts.remove(row, actor)
    return "deleted"


def kept(row: Model, now: datetime, actor: Actor) -> str:
    return ""


KINDS = (
    Kind("projects", "project", ProjectSerializer, ("name",), Project.objects.all, switched_off, "project"),
    Kind(
        "credentials",
        "credential",
        CredentialSerializer,
        ("name", "provider"),
        ProviderCredential.objects.all,
        switched_off,
    ),
    Kind(
        "keys",
        "key",
        KeySerializer,
        ("name", "project"),
        lambda: VirtualKey.objects.filter(revoked_at=None),
        revoked,
        "key",
    ),
    Kind("limits", "limits", LimitsSerializer, (), InstallationLimits.objects.all, kept, "installation"),
    Kind("issuers", "issuer", IssuerSerializer, ("name",), TokenIssuer.objects.all, switched_off),
    Kind("aliases", "alias", AliasSerializer, ("name",), Alias.objects.all, switched_off),
    Kind("prices", "price", PriceSerializer, ("provider", "model"), Price.objects.all, deleted),
)
SECTIONS = {kind.section: kind for kind in KINDS}


def in_use(kind: Kind) -> QuerySet[Any]:
    """The rows that pruning is about: of prices, those that somebody has entered."""
    return kind.rows().filter(source=Source.OWN) if kind.section == "prices" else kind.rows()
