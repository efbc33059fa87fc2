"""The admin page of provider credentials: secrets go in and do not come out."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin

from keys import credentials
from keys.admin.shown import display, shortened
from keys.forms.credentials import ProviderCredentialForm, secret_label
from keys.models import ProviderCredential
from keys.sealing import SealBroken


@admin.register(ProviderCredential)
class ProviderCredentialAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold is published without types
    """Secrets go in and do not come out. Those of the environment are shown below the list, read-only."""

    form = ProviderCredentialForm
    list_display = ("name", "provider", "stored", "address", "allowed", "state")
    list_filter = ("provider", "enabled")
    list_filter_sheet = False
    search_fields = ("name", "provider", "base_url")
    search_help_text = "Name, provider, address"
    add_text = "Add a credential"
    empty_text = "No credentials entered here yet. Those of the environment stand below."
    list_after_template = "keys/environment_credentials.html"
    fields = ("name", "provider", "secret", "base_url", "options", "models", "enabled")

    @method_decorator(sensitive_post_parameters("secret"))
    def changeform_view(self, *args: Any, **kwargs: Any) -> Any:
        return super().changeform_view(*args, **kwargs)

    def from_environment(self) -> list[credentials.Credential]:
        """For the template below the list."""
        return list(credentials.from_environment())

    @display(description="Address", ordering="base_url")
    def address(self, obj: ProviderCredential) -> str:
        return obj.base_url or "the provider's own"

    @display(description="Secret")
    def stored(self, obj: ProviderCredential) -> str:
        return secret_label(obj)

    @display(description="Models")
    def allowed(self, obj: ProviderCredential) -> str:
        return shortened(obj.models) or "every model"

    @display(description="State", label={"ready": "success", "off": "info", "does not open": "danger"})
    def state(self, obj: ProviderCredential) -> str:
        try:
            obj.secret()
        except SealBroken:
            return "does not open"
        return "ready" if obj.enabled else "off"
