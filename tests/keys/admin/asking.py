"""Forms as a browser sends them, and where they go."""

from django.urls import reverse

HOSTILE = '<script>alert(1)</script>"{{ 7*7 }}'
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;{{ 7*7 }}"
SECRET = "sk-planted-secret-1234"


NO_BUDGETS = {"budgets-TOTAL_FORMS": "0", "budgets-INITIAL_FORMS": "0"}


def key_form(**fields):
    return {"name": "team", "enabled": "on", "cache_scope": "key", **NO_BUDGETS, **fields}


def budget_rows(*rows, kept=()):
    """Of the page of whoever they are for. kept: budgets that are there already, in the page's order."""
    old = [{"id": budget.pk, **row} for budget, row in zip(kept, rows, strict=False)]
    found = {"budgets-TOTAL_FORMS": str(len(rows)), "budgets-INITIAL_FORMS": str(len(old))}
    usual = {"unit": "usd", "period": "month", "thresholds": "80, 100", "alert_email": "", "alert_webhook": ""}
    for number, row in enumerate([*old, *rows[len(old) :]]):
        found |= {f"budgets-{number}-{name}": value for name, value in {**usual, **row}.items()}
    return found


def credential_form(**fields):
    given = {"name": "ours", "provider": "openai", "secret": SECRET, "base_url": "", "models": "", "enabled": "on"}
    return {**given, "priority": "0", "weight": "1", **fields}


def issue(operator, where="", **fields):
    return operator.post(where or reverse("admin:keys_virtualkey_add"), key_form(**fields))


def store(operator, row=None, **fields):
    where = reverse("admin:keys_providercredential_add") if row is None else change(row)
    return operator.post(where, credential_form(**fields))


def change(row):
    return reverse(f"admin:keys_{row._meta.model_name}_change", args=[row.pk])


def action(key, name):
    return f"/admin/keys/virtualkey/{key.pk}/{name}/"


def errors_of(page):
    return page.context["adminform"].form.errors
