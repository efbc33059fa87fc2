"""Which address is answered by whom."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView, TemplateView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from proxy_site.login.views import second_factor_page

urlpatterns = [
    path("", TemplateView.as_view(template_name="index.html"), name="index"),
    path("favicon.ico", RedirectView.as_view(url="/static/dragoman/favicon.svg")),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/second-factor/", admin.site.admin_view(second_factor_page), name="second_factor"),
    path("admin/", admin.site.urls),
    path("docs", RedirectView.as_view(url="/docs/")),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
    path("docs/openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("", include("proxy_api.urls")),
]
handler400 = "proxy_site.failures.bad_request"
handler403 = "proxy_site.failures.permission_denied"
handler404 = "proxy_site.failures.page_not_found"
handler500 = "proxy_site.failures.server_error"
