"""Budgets near their end, for the admin's first page."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.auth.models import User
from django.urls import reverse

from keys.alerts import nearing
from keys.alerts.notices import owner
from keys.models import Budget

register = template.Library()
PAGES = {"key": "virtualkey", "project": "project", "installation": "installationlimits"}


@register.inclusion_tag("keys/near.html", takes_context=True)
def near_budgets(context: dict[str, Any]) -> dict[str, Any]:
    """(whose, their page, bar) of each, the fullest first. None for who may not see budgets."""
    from keys.admin.bars import bar_of  # template tags are loaded while unfold's are

    user = context["request"].user
    uses = nearing.near() if user.has_perm("keys.view_budget") else []
    rows = Budget.objects.select_related("key", "project").in_bulk([use.budget_id for use in uses])
    found = [(rows[use.budget_id], bar_of(use)) for use in uses if use.budget_id in rows]
    return {"near": [(owner(budget)[2], page_of(budget, user), bar) for budget, bar in found]}


def page_of(budget: Budget, user: User) -> str:
    """The page of the budget's owner; empty for who may not see it."""
    kind, owner_id, _ = owner(budget)
    if not user.has_perm(f"keys.view_{PAGES[kind]}"):
        return ""
    return reverse(f"admin:keys_{PAGES[kind]}_change", args=[1 if kind == "installation" else owner_id])
