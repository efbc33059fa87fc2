"""The addresses below /v1/admin/, each with and without a trailing slash. One address for each thing, and no alias."""

from __future__ import annotations

from django.urls import URLPattern, re_path

from proxy_api.control import (
    views_budgets,
    views_completions,
    views_credentials,
    views_keys,
    views_logs,
    views_models,
    views_projects,
)

ID = "(?P<id>[^/]+)"


def route(pattern: str, view: object) -> URLPattern:
    return re_path(f"^v1/admin/{pattern}/?$", view.as_view())  # type: ignore[attr-defined]


urlpatterns = [
    route("keys", views_keys.KeysView),
    route(f"keys/{ID}", views_keys.KeyView),
    route(f"keys/{ID}/rotate", views_keys.KeyRotationView),
    route(f"keys/{ID}/revoke", views_keys.KeyRevocationView),
    route("admin_keys", views_keys.AdminKeysView),
    route(f"admin_keys/{ID}/revoke", views_keys.AdminKeyRevocationView),
    route("projects", views_projects.ProjectsView),
    route(f"projects/{ID}", views_projects.ProjectView),
    route("budgets", views_budgets.BudgetsView),
    route(f"budgets/{ID}", views_budgets.BudgetView),
    route(f"budgets/{ID}/reset", views_budgets.BudgetResetView),
    route("limits", views_budgets.LimitsView),
    route("credentials", views_credentials.CredentialsView),
    route(f"credentials/{ID}", views_credentials.CredentialView),
    route(f"credentials/{ID}/test", views_credentials.CredentialTestView),
    route("issuers", views_projects.IssuersView),
    route(f"issuers/{ID}", views_projects.IssuerView),
    route("aliases", views_models.AliasesView),
    route(f"aliases/{ID}", views_models.AliasView),
    route("prices", views_models.PricesView),
    route(f"prices/{ID}", views_models.PriceView),
    route("usage", views_logs.UsageListView),
    route("usage/summary", views_logs.UsageSummaryView),
    route(f"usage/{ID}", views_logs.UsageView),
    route(f"usage/{ID}/bodies", views_logs.UsageBodiesView),
    route("completions", views_completions.CompletionsView),
    route("completions/export", views_completions.ExportView),
    route("completions/import", views_completions.ImportView),
    route("completions/purge", views_completions.PurgeView),
    route("completions/removals", views_completions.RemovalsView),
    route(f"completions/{ID}", views_completions.CompletionView),
    route(f"completions/{ID}/bodies", views_completions.CompletionBodiesView),
    route(f"completions/{ID}/expire", views_completions.CompletionExpiryView),
    route("audit", views_logs.AuditView),
]
