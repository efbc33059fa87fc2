"""Forms as a browser sends them, and where they go."""

from django.urls import reverse

HOSTILE = '<script>alert(1)</script>"{{ 7*7 }}'
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;{{ 7*7 }}"
SECRET = "sk-planted-secret-1234"


def key_form(**fields):
    return {"name": "team", "models": "", "log_bodies": "", "cache_mode": "", "note": "", **fields}


def credential_form(**fields):
    given = {"name": "ours", "provider": "openai", "secret": SECRET, "base_url": "", "models": "", "enabled": "on"}
    return {**given, "priority": "0", "weight": "1", **fields}


def issue(operator, **fields):
    return operator.post(reverse("admin:keys_virtualkey_add"), key_form(**fields))


def store(operator, row=None, **fields):
    where = reverse("admin:keys_providercredential_add") if row is None else change(row)
    return operator.post(where, credential_form(**fields))


def change(row):
    return reverse(f"admin:keys_{row._meta.model_name}_change", args=[row.pk])


def action(key, name):
    return f"/admin/keys/virtualkey/{key.pk}/{name}/"


def errors_of(page):
    return page.context["adminform"].form.errors
