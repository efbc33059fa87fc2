"""How the admin looks, and what stands in its side bar: django-unfold's settings.

https://unfoldadmin.com/docs/configuration/settings/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def icon(_: HttpRequest) -> str:
    return static("dragoman/favicon.svg")


def style(_: HttpRequest) -> str:
    return static("dragoman/admin.css")


def copying(_: HttpRequest) -> str:
    return static("dragoman/copy.js")


def may_view(model: str) -> Callable[[HttpRequest], bool]:
    """Whether the user of a request may see `app.model`."""
    app, _, name = model.partition(".")

    def allowed(request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.has_perm(f"{app}.view_{name}") or user.has_perm(f"{app}.change_{name}"))

    return allowed


def page(title: str, symbol: str, model: str) -> dict[str, Any]:
    """The list of `app.model` in the side bar, for who may see it."""
    link = reverse_lazy(f"admin:{model.replace('.', '_')}_changelist")
    return {"title": title, "icon": symbol, "link": link, "permission": may_view(model)}


NAVIGATION = [
    {
        "items": [
            {"title": "Dashboard", "icon": "monitoring", "link": reverse_lazy("admin:index")},
            page("Keys", "key", "keys.virtualkey"),
            page("Projects", "folder", "keys.project"),
            page("Credentials", "lock", "keys.providercredential"),
            page("Installation limits", "speed", "keys.installationlimits"),
            page("Alerts", "notifications", "keys.alertdelivery"),
            page("Token issuers", "verified_user", "keys.tokenissuer"),
            page("Usage log", "receipt_long", "cache_admin.usagerecord"),
            page("Cached completions", "cached", "cache_admin.storedcompletion"),
            page("Aliases", "alt_route", "proxy_api.alias"),
            page("Models", "model_training", "proxy_api.catalogmodel"),
            page("Prices", "sell", "cache_admin.price"),
        ]
    },
    {
        "title": "Staff",
        "items": [
            page("Users", "person", "auth.user"),
            page("Groups", "group", "auth.group"),
            page("Second factors", "phonelink_lock", "proxy_site.secondfactor"),
            page("Admin keys", "api", "keys.adminkey"),
            page("Audit log", "history", "keys.auditentry"),
        ],
    },
]
# Tailwind's teal, one step darker from 500 on: white on 600 has a contrast of 5.5 (WCAG 2.2 asks for 4.5).
TEAL = {
    "50": "#f0fdfa",
    "100": "#ccfbf1",
    "200": "#99f6e4",
    "300": "#5eead4",
    "400": "#2dd4bf",
    "500": "#14b8a6",
    "600": "#0f766e",
    "700": "#115e59",
    "800": "#134e4a",
    "900": "#0f3f3c",
    "950": "#042f2e",
}
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Dragoman",
    "SITE_HEADER": "Dragoman",
    "SITE_URL": "/",
    "SITE_ICON": icon,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": icon}],
    "STYLES": [style],
    "SCRIPTS": [copying],
    "COLORS": {"primary": TEAL},
    "SIDEBAR": {"navigation": NAVIGATION},
    "LOGIN": {"form": "proxy_site.login.form.LoginForm"},
    "ACCOUNT": {"navigation": [{"title": "Second factor", "link": reverse_lazy("second_factor")}]},
}
