"""/v1/admin/budgets with their use, and /v1/admin/limits, the installation's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from keys import limits
from keys.administration import acts
from keys.entrance import callers
from keys.limits import Use
from keys.limits.subjects import NANO, Subject
from keys.models import Budget, InstallationLimits
from proxy_api.control import openapi
from proxy_api.control.reading import answered, body_of
from proxy_api.control.resources import DeletableView, ListView, Resource, Values
from proxy_api.control.serializers.budgets import BudgetFilters, BudgetSerializer, LimitsSerializer
from proxy_api.control.serializers.keys import NothingSerializer
from proxy_api.control.views import ControlView, check_role, shown

CHANGE_LIMITS = "keys.change_installationlimits"


class BudgetResource(Resource):
    model = Budget
    serializer = BudgetSerializer

    def rows(self) -> QuerySet[Budget]:
        return Budget.objects.select_related("key", "project")

    def check(self, row: Budget) -> None:
        """A budget of the whole installation is one of its limits: whoever may change those may write it."""
        if row.key_id is None and row.project_id is None:
            check_role(self.administrator, CHANGE_LIMITS)

    def represented(self, rows: Sequence[Any]) -> list[Any]:
        """With their use: one question to Redis for all of them."""
        used = limits.states([subject_of(row) for row in rows], self.moment.timestamp())
        for row, (use,) in zip(rows, used, strict=True):
            row.use = said(use)
        return super().represented(rows)


def subject_of(row: Budget) -> Subject:
    """Whoever has this budget, with no other."""
    if row.key_id:
        return callers.subject("key", row.key_id, None, [row])
    if row.project_id:
        return callers.subject("project", row.project_id, None, [row])
    return callers.subject("installation", "all", None, [row])


def said(use: Use) -> dict[str, Any]:
    factor = NANO if use.unit == "usd" else 1
    used, held = Decimal(use.used) / factor, Decimal(use.held) / factor
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (max(use.start, use.since), use.end))
    return {"used": used, "held": held, "start": start, "end": end}


@openapi.rows("budgets", "budget", BudgetSerializer, BudgetFilters)
class BudgetsView(BudgetResource, ListView):
    filters = BudgetFilters
    rights = {"get": "keys.view_budget", "post": "keys.add_budget"}

    def filtered(self, rows: QuerySet[Any], wanted: Values) -> QuerySet[Any]:
        for name in ("key", "project"):
            if name in wanted:
                rows = rows.filter(Q(**{f"{name}_id": wanted[name]}) | Q(**{f"{name}__name": wanted[name]}))
        return rows.filter(key=None, project=None) if "of" in wanted else rows


@openapi.row("budget", BudgetSerializer)
class BudgetView(BudgetResource, DeletableView):
    rights = {"get": "keys.view_budget", "patch": "keys.change_budget", "delete": "keys.delete_budget"}


@openapi.act("reset_budget", "Begin a budget anew: what was used before does not count", BudgetSerializer)
class BudgetResetView(BudgetResource):
    rights = {"post": "keys.change_budget"}

    def post(self, request: HttpRequest, id: str) -> HttpResponse:
        budget = self.row(id)
        self.check(budget)
        answered(NothingSerializer(data=body_of(request)))
        acts.reset(budget, self.moment, self.actor)
        return shown(self.represented([budget])[0])


@openapi.row("limits", LimitsSerializer)
class LimitsView(ControlView):
    """One row, which is there as soon as somebody sets one of them."""

    rights = {"get": "keys.view_installationlimits", "patch": CHANGE_LIMITS}

    def get(self, request: HttpRequest) -> HttpResponse:
        return shown(LimitsSerializer(InstallationLimits.objects.first() or InstallationLimits()).data)

    def patch(self, request: HttpRequest) -> HttpResponse:
        row, _ = InstallationLimits.objects.get_or_create(pk=1)
        values = answered(LimitsSerializer(row, data=body_of(request), partial=True))
        acts.change(row, acts.put(row, values), self.actor)
        return shown(LimitsSerializer(row).data)
