"""From the rows of a key or an issuer, a project and their budgets to the identity that the request path keeps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_network

from django.db.models import Q, QuerySet

from keys.entrance.identity import Identity, Network, Rights
from keys.limits.subjects import NANO, Allowance, Subject
from keys.models import (
    ANONYMOUS,
    Budget,
    InstallationLimits,
    Project,
    Scope,
    TokenIssuer,
    Unit,
    VirtualKey,
    globs,
)
from keys.models.policies import Limited


def by_digest(digest: str, now: datetime) -> Identity | None:
    """Who the token with this digest is: the current secret's, or the one before while its grace lasts. None for an
    unknown or revoked one, one that is off, and one whose project is off."""
    current = Q(digest=digest)
    previous = Q(previous_digest=digest, previous_until__gt=now)
    row = usable().filter(current | previous).first()
    return None if row is None else identity_of(row, grace=row.previous_until if row.digest != digest else None)


def by_id(id: str, now: datetime) -> Identity | None:
    """Who the key with this id is, whatever its secret; None as by_digest."""
    row = usable().filter(id=id).first()
    return None if row is None else identity_of(row)


def usable() -> QuerySet[VirtualKey]:
    on = Q(project=None) | Q(project__enabled=True)
    return VirtualKey.objects.select_related("project").filter(on, revoked_at=None, enabled=True)


def identity_of(row: VirtualKey, grace: datetime | None = None) -> Identity:
    """grace: when the secret that was presented ends, where that is before the key does."""
    project = row.project
    ends = [moment for moment in (row.expires_at, grace) if moment is not None]
    return Identity(
        kind="anonymous" if row.id == ANONYMOUS else "virtual",
        id=row.id,
        name=row.name,
        scope=scope_of(row),
        rights=Rights(globs(row.models), globs(row.providers), project=project.id if project else ""),
        expires_at=min(ends).timestamp() if ends else None,
        log_bodies=row.log_bodies or (project.log_bodies if project else "") or None,
        cache_mode=row.cache_mode or (project.cache_mode if project else "") or None,
        project_name=project.name if project else "",
        organization=(project.organization if project else "") or None,
        endpoints=globs(row.endpoints),
        networks=networks(row.networks),
        strict=row.strict,
        fail_open=row.fail_open,
        subjects=subjects_of(row, project),
        cassette=project.cassette if project else "",
        seal_to_caller=row.seal_to_caller,
    )


def of_issuer(row: TokenIssuer, project: Project | None) -> Identity:
    """What all callers of an outside issuer have who belong to `project`; who each of them is, its token says."""
    return Identity(
        kind="outside",
        id=row.id,
        name=row.name,
        scope="",
        rights=Rights(globs(row.models), project=project.id if project else ""),
        log_bodies=(project.log_bodies if project else "") or None,
        cache_mode=(project.cache_mode if project else "") or None,
        project_name=project.name if project else "",
        organization=(project.organization if project else "") or None,
        subjects=subjects_of(None, project),
        cassette=project.cassette if project else "",
    )


def scope_of(row: VirtualKey) -> str:
    """Whom it shares its cached completions with."""
    if row.cache_scope == Scope.EVERYONE:
        return "everyone"
    if row.cache_scope == Scope.PROJECT and row.project_id:
        return f"project:{row.project_id}"
    return f"key:{row.id}"


def networks(written: Iterable[object]) -> tuple[Network, ...]:
    return tuple(ip_network(str(one), strict=False) for one in written)


def subjects_of(row: VirtualKey | None, project: Project | None) -> tuple[Subject, ...]:
    """Those of the key, its project and the installation that have a limit at all, in this order."""
    found = [
        subject(
            "installation", "all", InstallationLimits.objects.first(), Budget.objects.filter(key=None, project=None)
        )
    ]
    if project is not None:
        found.insert(0, subject("project", project.id, project, project.budgets.all()))
    if row is not None:
        found.insert(0, subject("key", row.id, row, row.budgets.all()))
    return tuple(one for one in found if one.limited())


def subject(kind: str, id: str, limits: Limited | None, budgets: Iterable[Budget]) -> Subject:
    return Subject(
        kind=kind,  # type: ignore[arg-type]  # one of the three, by the callers above
        id=id,
        requests_per_minute=limits.requests_per_minute if limits else None,
        tokens_per_minute=limits.tokens_per_minute if limits else None,
        concurrent_requests=limits.concurrent_requests if limits else None,
        budgets=tuple(map(allowance, budgets)),
    )


def allowance(row: Budget) -> Allowance:
    factor = NANO if row.unit == Unit.USD else 1
    since = row.reset_at.timestamp() if row.reset_at else 0.0
    return Allowance(row.id, row.unit, row.period, int(row.amount * factor), since)  # type: ignore[arg-type]
