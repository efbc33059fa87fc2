"""Prices, of a list or entered by hand: every process uses a change within a second."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from cache_admin.models import Price, Source
from cache_admin.shown import LISTED, dollars

AS_INPUT = "as input"
HELP = {
    "provider": "As model names begin: openai",
    "input": "",
    "output": "",
    "cached": "Read from the provider's cache. Empty: as input",
    "cache_write": "Written to the provider's cache. Empty: as input",
}


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no ModelForm[...] at run time
    """Amounts without the zeros that the table keeps: 8, not 8.000000."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        amounts = {name: value for name, value in self.initial.items() if isinstance(value, Decimal)}
        self.initial.update({name: f"{value.normalize():f}" for name, value in amounts.items()})


@admin.register(Price)
class PriceAdmin(ModelAdmin):  # type: ignore[misc]
    form = PriceForm
    list_display = ("provider", "model", "per_input", "per_cached", "per_cache_write", "per_output", "source")
    list_display_links = ("model",)
    list_filter = ("provider", "source")
    list_filter_sheet = False
    search_fields = ("provider", "model")
    search_help_text = "Provider, model"
    ordering = ("provider", "model")
    add_text = "Add a price"
    empty_text = "No prices yet. Without one the cost of a call is unknown; tokens are counted all the same."
    fieldsets = (
        (None, {"fields": (("provider", "model"),), "description": LISTED}),
        ("USD per million tokens", {"fields": (("input", "output"), ("cached", "cache_write"))}),
    )

    def get_form(self, request: HttpRequest, obj: Price | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, help_texts=HELP, **kwargs)

    def save_model(self, request: HttpRequest, obj: Price, form: Any, change: bool) -> None:
        """What an operator saves is the operator's: the next reading of the list leaves it."""
        obj.source = Source.OWN
        super().save_model(request, obj, form, change)

    @display(description="Input, per 1M tokens", ordering="input")  # type: ignore[untyped-decorator]
    def per_input(self, row: Price) -> str:
        return dollars(row.input)

    @display(description="Cached", ordering="cached")  # type: ignore[untyped-decorator]
    def per_cached(self, row: Price) -> str:
        return AS_INPUT if row.cached is None else dollars(row.cached)

    @display(description="Cache write", ordering="cache_write")  # type: ignore[untyped-decorator]
    def per_cache_write(self, row: Price) -> str:
        return AS_INPUT if row.cache_write is None else dollars(row.cache_write)

    @display(description="Output", ordering="output")  # type: ignore[untyped-decorator]
    def per_output(self, row: Price) -> str:
        return dollars(row.output)
