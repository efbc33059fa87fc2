"""Prices, entered by hand: every process uses a change within a second."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from cache_admin.models import Price


@admin.register(Price)
class PriceAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("provider", "model", "input", "cached", "cache_write", "output")
    list_display_links = ("model",)
    list_filter = ("provider",)
    search_fields = ("provider", "model")
    ordering = ("provider", "model")
    fieldsets = ((None, {"fields": (("provider", "model"), ("input", "output"), ("cached", "cache_write"))}),)
