"""Budgets: rows in the page of whoever they are for, and begun anew after a question."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.checks import InlineModelAdminChecks
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import BaseModelFormSet, modelformset_factory
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.utils import timezone
from unfold.admin import TabularInline

from keys.admin.bars import Limited, bars, budgets_of
from keys.admin.shown import action, page, row_of
from keys.administration import acts, audit
from keys.forms.budgets import BudgetForm
from keys.models import Budget, InstallationLimits


class BudgetInline(TabularInline):  # type: ignore[misc]  # Unfold is published without types
    model = Budget
    form = BudgetForm
    extra = 0
    hide_title = True
    verbose_name_plural = "budgets"


class WholeFormSet(BaseModelFormSet):  # type: ignore[type-arg]  # Django has no BaseModelFormSet[...] at run time
    """The budgets of the installation, which are tied to no row: the admin's inlines know none but those that are."""

    def __init__(self, *args: Any, instance: object = None, save_as_new: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance = instance

    def clean(self) -> None:
        """One of a unit and a period: the constraint has a condition, so no formset looks at it."""
        kept = [getattr(form, "cleaned_data", {}) for form in self.forms if form not in self.deleted_forms]
        terms = [(one.get("unit"), one.get("period")) for one in kept if one.get("amount") is not None]
        if len(set(terms)) != len(terms):
            raise ValidationError("One budget of a unit and a period is enough.")

    @classmethod
    def get_default_prefix(cls) -> str:
        return "budgets"


class NoKeyNeeded(InlineModelAdminChecks):
    """https://docs.djangoproject.com/en/5.2/ref/checks/#admin (E202), which such an inline cannot meet."""

    def _check_relation(self, obj: object, parent_model: object) -> list[Any]:
        return []

    def _check_exclude_of_parent_model(self, obj: object, parent_model: object) -> list[Any]:
        return []


class WholeBudgetInline(BudgetInline):
    checks_class = NoKeyNeeded
    formset = WholeFormSet

    def get_queryset(self, request: HttpRequest) -> Any:
        return budgets_of(InstallationLimits())

    def get_formset(self, request: HttpRequest, obj: object = None, **kwargs: Any) -> Any:
        return modelformset_factory(
            Budget,
            form=self.form,
            formset=self.formset,
            extra=self.extra,
            can_delete=self.has_delete_permission(request),
            formfield_callback=lambda field, **given: self.formfield_for_dbfield(field, request, **given),
        )


def has_reset_permission(admin: Any, request: HttpRequest, object_id: str | None = None) -> bool:
    """What an action calls `reset`. Named in words of the admin's: Unfold looks a permission's own name up in the
    database while Django checks itself, and on the first run there is none yet."""
    return bool(request.user.has_perm("keys.change_budget"))


@action(description="Reset a budget", permissions=["change", "reset"], icon="restart_alt")
def reset_budgets(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The page of a key, a project or the installation: which of its budgets shall count from now on."""
    row: Limited = row_of(admin, request, object_id, admin.model)
    chosen = budgets_of(row).filter(pk__in=request.POST.getlist("budget"))
    if request.method != "POST" or not chosen:
        return page(admin, request, "keys/reset.html", {"title": "Reset a budget", "row": row, "bars": bars([row])[0]})
    begun = [begin_anew(admin, request, row, budget) for budget in chosen]
    admin.message_user(request, f"{len(begun)} budget{pluralize(len(begun))} reset.", messages.SUCCESS)
    return redirect(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", row.pk)


def begin_anew(admin: Any, request: HttpRequest, row: Limited, budget: Budget) -> Budget:
    with transaction.atomic():
        acts.reset(budget, timezone.now(), audit.of_request(request))
        admin.log_change(request, row, f"Budget reset: {budget}.")
    return budget


def copied(budget: Budget) -> dict[str, Any]:
    """What a form for another budget of the same terms begins with."""
    return model_to_dict(budget, fields=BudgetForm.Meta.fields)
