"""A webhook's receiver and a mail server on this machine, a key with budgets, and calls on the ledger."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from cache_admin.models import UsageRecord
from cache_admin.rows import moment
from keys.administration import issuing
from keys.alerts import raising, send_alerts
from keys.ids import uuid7
from keys.models import AlertDelivery, Budget, VirtualKey
from tests.loopback import Upstream, answer
from tests.mailbox import Mailbox

ADDRESS = "owner@example.com"


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Upstream]:
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ("127.0.0.1",)
    with Upstream() as server:
        server.script(answer(b"", 204))
        yield server


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    """pytest-django puts a backend of its own in the place of Django's."""
    with Mailbox() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.DEFAULT_FROM_EMAIL = "Dragoman <dragoman@example.com>"
        yield server


@pytest.fixture(autouse=True)
def nothing_said() -> Iterator[None]:
    yield
    raising._said.clear()


@pytest.fixture
def key(db: None) -> VirtualKey:
    return issuing.issue("mine")[0]


def budget(owner: VirtualKey, amount: int = 100, **terms: object) -> Budget:
    """Of tokens a month, unless `terms` say otherwise."""
    return Budget.objects.create(**{"key": owner, "amount": Decimal(amount), "unit": "tokens", **terms})


def used(owner: VirtualKey, tokens: int, at: float | None = None, usd: str = "0") -> None:
    """A call on the ledger, as shipping would have left it."""
    at = time.time() if at is None else at
    UsageRecord.objects.create(
        id=uuid7(int(at * 1000), time.monotonic_ns().to_bytes(10, "big")),
        at=moment(at),
        status="ok",
        key_id=owner.id,
        project_id=owner.project_id or "",
        attempts=1,
        input_tokens=tokens,
        output_tokens=0,
        cost_usd=Decimal(usd),
    )
    VirtualKey.objects.filter(id=owner.id).update(last_used_at=moment(at))


def round_of() -> dict[str, int]:
    return dict(+send_alerts(time.time()))


def later() -> None:
    """What waits is due."""
    AlertDelivery.objects.exclude(due_at=None).update(due_at=timezone.now() - timedelta(seconds=1))
