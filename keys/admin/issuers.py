"""The admin pages of outside issuers whose JWTs are taken as bearer tokens."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from keys.admin.shown import display, shortened
from keys.forms.issuers import TokenIssuerForm
from keys.models import TokenIssuer


@admin.register(TokenIssuer)
class TokenIssuerAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold is published without types
    form = TokenIssuerForm
    list_display = ("name", "issuer", "audience", "leads_to", "state")
    list_select_related = ("default_project",)
    list_filter = ("enabled",)
    list_filter_sheet = False
    search_fields = ("name", "issuer", "audience")
    search_help_text = "Name, issuer, audience"
    add_text = "Add an issuer"
    empty_text = "No issuers yet. JWTs of an issuer that stands here (of your single sign-on, say) are taken as keys."
    fieldsets = (
        (None, {"fields": ("name", ("issuer", "audience"), "jwks_url", "enabled")}),
        ("Whose calls they are", {"fields": ("project_claim", "projects", "default_project")}),
        ("What they may call", {"fields": ("models",)}),
    )

    @display(description="Projects")
    def leads_to(self, obj: TokenIssuer) -> str:
        """By the claim, else the default."""
        named = shortened(sorted({str(project) for project in obj.projects.values()}))
        otherwise = f"else {obj.default_project}" if obj.default_project and named else str(obj.default_project or "")
        return ", ".join(filter(None, (named, otherwise))) or "none"

    @display(description="State", label={"on": "success", "off": "info"})
    def state(self, obj: TokenIssuer) -> str:
        return "on" if obj.enabled else "off"
