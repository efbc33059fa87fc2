"""The list of cached completions, and the page of each."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.defaultfilters import pluralize
from django.urls import path
from django.utils import timezone
from unfold.admin import ModelAdmin

from cache_admin import acts
from cache_admin.admin import bodies
from cache_admin.admin.completions import (
    columns,
    comparing,
    exporting,
    importing,
    one,
    opening,
    purging,
    removals,
    savings,
    searching,
)
from cache_admin.choosing import Rows
from cache_admin.models import StoredCompletion
from cache_admin.unsealing import SEALED
from keys.admin.keyset import KeysetChangeList
from keys.admin.shown import action
from keys.administration import audit

MOST_AT_ONCE = 1000
PAGES = {
    "purge": purging.purge_page,
    "savings": savings.savings_page,
    "removals": removals.removals_page,
    "export": exporting.export_page,
    "import": importing.import_page,
}
PAGES_OF_ONE = {"act": one.act_page, "compare": comparing.compare_page}


@admin.register(StoredCompletion)
class StoredCompletionAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold is published without types
    keyset = searching.KEYSET
    list_display = (
        columns.stored,
        columns.prompt,
        columns.model_shown,
        columns.key_shown,
        columns.hits,
        columns.saved,
        columns.size_shown,
    )
    list_filter = searching.FILTERS
    list_per_page = 50
    list_fullwidth = True
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("digest",)
    search_help_text = "Words of the prompt, key, project, request id or digest"
    list_before_template = "cache_admin/completions_top.html"
    empty_text = "Nothing kept yet. An answer is kept where temperature is 0, a seed is set, or the call asks for it."
    actions = ("pin_selected", "unpin_selected", "expire_selected", "export_selected", "purge_selected")
    change_form_outer_before_template = "cache_admin/completion.html"

    def get_urls(self) -> list[Any]:
        """With the pages beside the list, and those of one entry."""
        name = "cache_admin_storedcompletion"
        own = [path(f"{kind}/", self.view(page), name=f"{name}_{kind}") for kind, page in PAGES.items()]
        of_one = [
            path(f"<str:digest>/{kind}/", self.view(page), name=f"{name}_{kind}") for kind, page in PAGES_OF_ONE.items()
        ]
        return [*own, *of_one, *super().get_urls()]

    def view(self, page: Any) -> Any:
        return self.admin_site.admin_view(partial(page, self))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def get_fieldsets(self, request: HttpRequest, obj: StoredCompletion | None = None) -> list[Any]:
        """None: the template tells it all. Django would show each column, sealed bodies among them."""
        return []

    def get_queryset(self, request: HttpRequest) -> Rows:
        """Without the sealed bodies: a page of fifty would read up to 400 MB of them."""
        rows: Rows = super().get_queryset(request)
        return rows.defer(*SEALED)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: StoredCompletion | None = None) -> bool:
        """There is no form; what may be done has addresses of its own (see one.py)."""
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """What an action calls `act`."""
        user: Any = request.user
        return bool(user.has_perm(one.CHANGE))

    def has_export_permission(self, request: HttpRequest) -> bool:
        """What an action calls `export`."""
        return bodies.may(request)

    def get_search_results(self, request: HttpRequest, queryset: Rows, search_term: str) -> tuple[Rows, bool]:
        return searching.searched(queryset, search_term, by_words=bodies.may(request)), False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Ours alone: Django's deletion would fetch every row whole, and leave Redis as it is."""
        found: dict[str, Any] = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: Any = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if "cl" in shown:
            opening.put_first_words(request, shown["cl"].result_list)
        return response  # type: ignore[no-any-return]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        extra = {**one.page_of(request, object_id), "show_history": False, **(extra_context or {})}
        response: HttpResponse = super().change_view(request, object_id, form_url, extra)
        return response

    @action(description="Pin", permissions=["act"])
    def pin_selected(self, request: HttpRequest, queryset: Rows) -> None:
        self.done(request, queryset, acts.pin, "pinned")

    @action(description="Unpin", permissions=["act"])
    def unpin_selected(self, request: HttpRequest, queryset: Rows) -> None:
        self.done(request, queryset, acts.unpin, "unpinned")

    @action(description="Expire now", permissions=["act"])
    def expire_selected(self, request: HttpRequest, queryset: Rows) -> None:
        self.done(request, queryset, acts.expire, "expired")

    @action(description="Export", permissions=["export"])
    def export_selected(self, request: HttpRequest, queryset: Rows) -> StreamingHttpResponse:
        return exporting.download(request, queryset)

    @action(description="Purge", permissions=["delete"])
    def purge_selected(self, request: HttpRequest, queryset: Rows) -> None:
        self.done(request, queryset, acts.purge, "purged")

    def done(self, request: HttpRequest, queryset: Rows, act: acts.Act, word: str) -> None:
        digests = list(queryset.order_by().values_list("digest", flat=True)[:MOST_AT_ONCE])
        count = act(digests, audit.of_request(request), timezone.now())
        self.message_user(request, f"{count} completion{pluralize(count)} {word}.", messages.SUCCESS)

    def delete_model(self, request: HttpRequest, obj: StoredCompletion) -> None:
        acts.purge([obj.digest], audit.of_request(request), timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: Rows) -> None:
        digests = list(queryset.values_list("digest", flat=True)[:MOST_AT_ONCE])
        acts.purge(digests, audit.of_request(request), timezone.now())
