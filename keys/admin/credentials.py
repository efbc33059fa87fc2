"""The admin page of provider credentials: secrets go in and do not come out."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin

from keys.admin.shown import action, display, shortened
from keys.forms.credentials import ProviderCredentialForm, secret_label
from keys.models import ProviderCredential
from keys.outward import credentials, probing
from keys.secrecy.sealing import SealBroken


@admin.register(ProviderCredential)
class ProviderCredentialAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold is published without types
    """Secrets go in and do not come out. Those of the environment are shown below the list, read-only."""

    form = ProviderCredentialForm
    list_display = ("name", "state", "provider", "whose", "stored", "address", "order", "allowed")
    list_select_related = ("project",)
    list_filter = ("provider", "project", "enabled")
    list_filter_sheet = False
    search_fields = ("name", "provider", "base_url")
    search_help_text = "Name, provider, address"
    add_text = "Add a credential"
    empty_text = "No credentials entered here yet. Those of the environment stand below."
    list_after_template = "keys/environment_credentials.html"
    actions_detail = ("test_connection",)
    fieldsets = (
        (None, {"fields": ("name", "provider", "project", "secret", "enabled")}),
        ("Where it calls", {"fields": ("base_url", "options", "regions", "headers")}),
        ("When it is used", {"fields": ("models", "priority", "weight")}),
    )
    shown_later = ("stored", "state", "created_at")

    def get_fieldsets(self, request: HttpRequest, obj: ProviderCredential | None = None) -> Any:
        return self.fieldsets if obj is None else (*self.fieldsets, ("State", {"fields": self.shown_later}))

    def get_readonly_fields(self, request: HttpRequest, obj: ProviderCredential | None = None) -> Any:
        return () if obj is None else self.shown_later

    @method_decorator(sensitive_post_parameters("secret"))
    def changeform_view(self, *args: Any, **kwargs: Any) -> Any:
        return super().changeform_view(*args, **kwargs)

    @action(description="Test connection", permissions=["change"], icon="network_check")
    def test_connection(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first; the POST tries what is stored. Nothing else in the request is read."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        found = []
        if request.method == "POST":
            found = [(one.options, probing.probe(one)) for one in credentials.credentials_of(row)]
            self.log_change(request, row, "Connection tested.")
        context = {"title": "Test connection", "credential": row, "found": found, "opts": self.opts}
        return TemplateResponse(request, "keys/probed.html", {**self.admin_site.each_context(request), **context})

    def from_environment(self) -> list[credentials.Credential]:
        """For the template below the list."""
        return list(credentials.from_environment())

    @display(description="Project", ordering="project__name")
    def whose(self, obj: ProviderCredential) -> str:
        return obj.project.name if obj.project else "everybody's"

    @display(description="Address", ordering="base_url")
    def address(self, obj: ProviderCredential) -> str:
        return obj.base_url or "the provider's own"

    @display(description="Secret")
    def stored(self, obj: ProviderCredential) -> str:
        return secret_label(obj)

    @display(description="Models")
    def allowed(self, obj: ProviderCredential) -> str:
        return shortened(obj.models) or "every model"

    @display(description="Priority, weight", ordering="priority")
    def order(self, obj: ProviderCredential) -> str:
        return f"{obj.priority}, {obj.weight}"

    @display(description="State", label={"ready": "success", "off": "info", "does not open": "danger"})
    def state(self, obj: ProviderCredential) -> str:
        try:
            obj.secret()
        except SealBroken:
            return "does not open"
        return "ready" if obj.enabled else "off"
