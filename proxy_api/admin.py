"""The pages of aliases and of the catalogue: every process uses a change within a second."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from cache_admin.models import Source
from cache_admin.shown import LISTED, counted
from keys.forms.fields import PatternsField
from proxy_api import alias_faults
from proxy_api.models import Alias, CatalogModel
from proxy_api.routing import MAX_ATTEMPTS


class AliasForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no ModelForm[...] at run time
    targets = PatternsField(
        help_text=f"One provider/model a line, in the order of trying. One call tries {MAX_ATTEMPTS}."
    )

    class Meta:
        model = Alias
        fields = ("name", "targets", "enabled")

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if wrong := alias_faults.name_faults(name):
            raise ValidationError(wrong)
        return name

    def clean_targets(self) -> list[str]:
        targets: list[str] = self.cleaned_data["targets"]
        if wrong := alias_faults.target_faults(targets):
            raise ValidationError(wrong)
        return targets


@admin.register(Alias)
class AliasAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold is published without types
    form = AliasForm
    list_display = ("name", "order", "enabled")
    list_filter = ("enabled",)
    list_filter_sheet = False
    search_fields = ("name",)
    search_help_text = "Name"
    add_text = "Add an alias"
    empty_text = "No aliases yet. One gives a model another name, or a list of others to fall back on."

    @display(description="Targets in order")  # type: ignore[untyped-decorator]
    def order(self, row: Alias) -> str:
        return " → ".join(map(str, row.targets))


class CatalogModelForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    modalities = PatternsField(
        help_text="What it reads, one a line: text, image, audio. The list names what has a price of its own."
    )

    class Meta:
        model = CatalogModel
        fields = ("provider", "model", "context", "max_output", "modalities")
        labels = {"max_output": "Longest answer"}
        help_texts = {"provider": "As model names begin: openai", "model": "As the provider names it: gpt-4o"}


@admin.register(CatalogModel)
class CatalogModelAdmin(ModelAdmin):  # type: ignore[misc]  # as above
    form = CatalogModelForm
    list_display = ("model", "provider", "context_shown", "max_output_shown", "source")
    list_filter = ("provider", "source")
    list_filter_sheet = False
    search_fields = ("model", "provider")
    search_help_text = "Model, provider"
    add_text = "Add a model"
    fieldsets = ((None, {"fields": CatalogModelForm.Meta.fields, "description": LISTED}),)
    empty_text = "No models yet: `manage.py sync_prices` reads the list, and the worker does so daily."

    @display(description="Context, tokens", ordering="context")  # type: ignore[untyped-decorator]
    def context_shown(self, row: CatalogModel) -> str:
        return counted(row.context)

    @display(description="Longest answer, tokens", ordering="max_output")  # type: ignore[untyped-decorator]
    def max_output_shown(self, row: CatalogModel) -> str:
        return counted(row.max_output)

    def save_model(self, request: HttpRequest, obj: CatalogModel, form: Any, change: bool) -> None:
        """What an operator saves is the operator's: the next reading of the list leaves it."""
        obj.source = Source.OWN
        super().save_model(request, obj, form, change)
