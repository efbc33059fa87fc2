"""The addresses of /v1: each with and without a trailing slash (a redirect turns a POST into a GET), with the aliases
that clients make up out of a base URL: with and without /v1, /v1 doubled, Azure's form.
"""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from proxy_api.control import urls as control
from proxy_api.health import healthz, readyz
from proxy_api.views import (
    AutoView,
    ChatView,
    CompletionsView,
    EmbeddingsView,
    ModelsView,
    ModelView,
    ModerationsView,
    UnknownPathView,
    greeting,
)
from proxy_api.views_credentials import CredentialsView
from proxy_api.views_relayed import RealtimeView, RelayedView, ResponsesView

PREFIX = r"^(?:v1/proxy/|v1/v1/|v1/|proxy/)?"


def route(pattern: str, view: object, name: str | None = None) -> URLPattern:
    return re_path(f"{PREFIX}{pattern}/?$", view, name=name)  # type: ignore[call-overload, no-any-return]


urlpatterns = [
    *control.urlpatterns,
    route("chat/completions", ChatView.as_view(), "chat"),
    route("completions", CompletionsView.as_view(), "completions"),
    route("embeddings", EmbeddingsView.as_view(), "embeddings"),
    route("moderations", ModerationsView.as_view(), "moderations"),
    route("auto", AutoView.as_view(), "auto"),
    route(r"openai/deployments/(?P<model>.+?)/chat/completions", ChatView.as_view()),
    route(r"openai/deployments/(?P<model>.+?)/completions", CompletionsView.as_view()),
    route(r"openai/deployments/(?P<model>.+?)/embeddings", EmbeddingsView.as_view()),
    re_path(r"^v1/proxy/credentials/?$", CredentialsView.as_view(), name="credentials"),
    route("credentials", CredentialsView.as_view(schema=None)),
    route("models", ModelsView.as_view(), "models"),
    route(r"models/(?P<model>.+?)", ModelView.as_view(), "model"),
    path("healthz", healthz),
    path("readyz", readyz),
    re_path(r"^v1(?:/proxy)?/?$", greeting),
    route("realtime", RealtimeView.as_view()),
    route("responses", ResponsesView.as_view(), "responses"),
    route("(?P<path>responses/.+?)", RelayedView.as_view()),
    re_path(r"^v1/proxy/(?P<path>[^/].*)$", RelayedView.as_view(), name="relayed"),
    re_path(r"^v1(?:/.*)?$", UnknownPathView.as_view()),
]
