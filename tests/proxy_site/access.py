"""The callers and the objects of the access matrix: they are another tenant's than key B's, and no caller's own."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client

from cache_admin.models import Price, StoredCompletion, UsageRecord
from keys.administration import audit, issuing, roles
from keys.ids import new_id
from keys.models import (
    AdminKey,
    AlertDelivery,
    Budget,
    BudgetAlert,
    InstallationLimits,
    Project,
    ProviderCredential,
    Role,
    TokenIssuer,
)
from proxy_api.models import Alias, CatalogModel
from proxy_site.login import second_factor
from proxy_site.models import SecondFactor
from proxy_site.wsgi import application

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Objects:
    """paths: what stands for {name} in a row: the primary key of a model's object; tokens: of the keys."""

    paths: dict[str, str]
    tokens: dict[str, str]


def made() -> Objects:
    project, other = Project.objects.create(name="theirs"), Project.objects.create(name="ours")
    tokens = {name: token_in(place) for name, place in (("key_A", project), ("key_B", other))}
    tokens["admin_key"] = issuing.issue_admin("caller", Role.ADMIN)[1]
    rows = [project, *of_keys(project), *of_logs(), *of_staff()]
    return Objects({str(row._meta.model_name): str(row.pk) for row in rows}, tokens)


def token_in(project: Project) -> str:
    key, token = issuing.issue(f"caller of {project}")
    key.project = project
    key.save()
    return token


def of_keys(project: Project) -> list[Model]:
    key, _ = issuing.issue("object")
    at = "https://127.0.0.1:9/v1"  # an address that no call may go to
    credential = ProviderCredential(name="theirs", provider="openai", project=project, base_url=at)
    credential.put_secret("sk-planted-secret-1234", "0" * 12)
    credential.save()
    limits, _ = InstallationLimits.objects.get_or_create(pk=1)
    issuer = TokenIssuer.objects.create(name="sso", issuer="https://sso.example", audience="us")
    admin_key = AdminKey.objects.create(name="automation", digest="0" * 64, prefix="dga_", last_four="0000")
    budget = Budget.objects.create(key=key, amount=1)
    alert = BudgetAlert.objects.create(budget=budget, period_start=NOW, threshold=80)
    delivery = AlertDelivery.objects.create(alert=alert, channel="email")
    return [key, credential, limits, issuer, admin_key, budget, delivery]


def of_logs() -> list[Model]:
    completion = StoredCompletion(digest="0" * 64, answer_sealed=b"\x01", request_sealed=b"", scope="key:1")
    completion.created_at = completion.expires_at = NOW
    completion.save()
    return [
        completion,
        UsageRecord.objects.create(id=new_id(), at=NOW, status="ok"),
        Price.objects.create(provider="openai", model="gpt-4o", input=1, output=1),
        Alias.objects.create(name="smart", targets=["openai/gpt-4o"]),
        CatalogModel.objects.create(provider="openai", model="gpt-4o"),
        audit.note(audit.Actor("command", "root"), "key.issued", None),
    ]


def of_staff() -> list[Model]:
    for name in roles.GROUPS.values():
        Group.objects.get_or_create(name=name)
    roles.fill("default")
    user = User.objects.create_user("somebody", is_staff=True)
    second_factor.begin(user)
    return [user, Group.objects.create(name="a group"), SecondFactor.objects.get(user=user)]


Caller = Callable[[Objects], dict[str, str]]  # what a caller's requests have in their environ
CSRF = "c" * 32


def key(name: str) -> Caller:
    return lambda objects: {"HTTP_AUTHORIZATION": f"Bearer {objects.tokens[name]}"}


def staff(role: Role | None) -> Caller:
    return lambda _: cookies(member(role))


def member(role: Role | None) -> User:
    """One of the staff, with the rights of a role's group; None: with none."""
    user = User.objects.create_user(f"caller {role}", is_staff=True)
    if role is not None:
        user.groups.add(Group.objects.get(name=roles.GROUPS[role]))
    return user


def cookies(user: User) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    return {"HTTP_COOKIE": f"sessionid={session}; csrftoken={CSRF}", "HTTP_X_CSRFTOKEN": CSRF}


CALLERS: dict[str, Caller] = {
    "anonymous": lambda _: {},
    "key_A": key("key_A"),
    "key_B": key("key_B"),
    "no_role": staff(None),
    **{role.value: staff(role) for role in (Role.LOG_READER, Role.BODY_READER, Role.KEY_MANAGER, Role.ADMIN)},
    "superuser": lambda _: cookies(User.objects.create_superuser("caller")),
    "admin_key": key("admin_key"),
}


def said(method: str, path: str, caller: dict[str, str]) -> str:
    """The status that the whole application answers, door and all; `login` for a redirect to the login page."""
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": "2",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(b"{}"),
        **caller,
    }
    told: list[tuple[str, dict[str, str]]] = []
    answer = application(environ, lambda status, headers, *_: told.append((status, dict(headers))))
    getattr(answer, "close", bool)()
    status, headers = told[0]
    return "login" if headers.get("Location", "").startswith("/admin/login/") else status[:3]
