"""The usage log: newest first, by index alone, read-only."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from cache_admin import shown
from cache_admin.admin import bodies, filters, reading, spent
from cache_admin.models import StoredCompletion, UsageBody, UsageRecord
from cache_admin.sealed import unseal_body
from cache_admin.shown import NONE, STATUS_COLOURS, counted, dollars, words
from keys.admin.filters import PresetFilter
from keys.admin.keyset import KeysetChangeList
from keys.models import VirtualKey

CACHE_COLOURS = {"hit": "success", "joined": "success", "stored": "info", "miss": "info"}
WHY = {
    "temperature": "Temperature is not 0, and no seed is set.",
    "never": "The call or its key says never.",
    "cache-control": "The call's Cache-Control keeps it out.",
    "relayed": "Answers of this endpoint are not cached.",
    "no-cache": "The call asked for a fresh answer.",
    "stale": "What was kept is too old for this call.",
    "stale: error": "The provider failed, and a stale answer stood in.",
    "stale: revalidate": "A stale answer, while another call fetches a fresh one.",
    "stale-if-error": "It failed, and its client got a stale answer instead.",
    "refresh": "Asked in the background, for what takes a stale answer's place.",
    "redis-away": "Redis was away; the table had no answer.",
    "hit": "The same was asked before.",
    "stored": "Nothing was kept for it: its answer is, from now on.",
    "miss": "Nothing was kept for it.",
    "joined": "An equal call was under way: it shared that one's answer.",
    "state": "The call changes what its provider keeps, or depends on it.",
    "tools": "Its tools run at the provider, and the call does not say always.",
}
DATE = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")  # gpt-4o-2024-08-06, claude-sonnet-4-5-20250929
DIGEST = re.compile(r"[0-9a-f]{64}")


@admin.register(UsageRecord)
class UsageRecordAdmin(ModelAdmin):  # type: ignore[misc]
    keyset = ("id",)
    list_display = (
        "time",
        "key_shown",
        "model_shown",
        "provider",
        "status_shown",
        "cache_shown",
        "tokens",
        "cost",
        "milliseconds",
    )
    list_filter = (
        PresetFilter,
        filters.StatusFilter,
        filters.CacheFilter,
        filters.ProviderFilter,
        filters.KeyFilter,
        filters.ProjectFilter,
    )
    list_per_page = 50
    list_fullwidth = True
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("id",)
    search_help_text = "Request id, key's name or cache digest"
    empty_text = "No calls yet. Each stands here about a second after its end."
    change_form_after_template = "cache_admin/bodies.html"
    fieldsets = (
        (
            "Call",
            {
                "fields": (
                    ("time", "status_shown", "http_status"),
                    ("key_shown", "endpoint", "streamed"),
                    ("model_asked", "model_served"),
                    ("provider", "credential", "attempts"),
                    ("finish_reason", "native_finish_reason"),
                )
            },
        ),
        ("Error", {"fields": ("error_message", "error_code")}),
        ("Cache", {"fields": (("cache_shown", "reason_shown"), "digest_shown")}),
        (
            "Tokens and cost",
            {
                "fields": (
                    ("input_tokens", "cached_tokens", "cache_write_tokens"),
                    ("output_tokens", "reasoning_tokens"),
                    ("cost", "estimated_shown"),
                )
            },
        ),
        ("Time", {"fields": (("first_byte", "total", "overhead"),)}),
        ("Client", {"fields": (("user", "client_request_id", "client_retries"), "metadata_shown", "dropped_shown")}),
        ("Ids", {"fields": (("id", "upstream_request_id"),)}),
    )
    labels = {
        "id": "Request id",
        "http_status": "HTTP status",
        "native_finish_reason": "Provider's reason",
        "upstream_request_id": "Provider's id",
        "user": "Client's user",
    }

    def get_urls(self) -> list[Any]:
        """With the usage of one key or one project."""
        view = self.admin_site.admin_view(partial(spent.spent_page, self))
        return [path("of/<str:kind>/<path:id>/", view, name="cache_admin_usagerecord_of"), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: UsageRecord | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: UsageRecord | None = None) -> bool:
        return False

    def get_form(
        self, request: HttpRequest, obj: UsageRecord | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(request, obj, change, labels=self.labels, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: UsageRecord | None = None) -> Any:
        """Nothing of an error where there was none."""
        failed = obj is not None and (obj.error_code or obj.error_message)
        return [one for one in self.fieldsets if failed or one[0] != "Error"]

    def get_readonly_fields(self, request: HttpRequest, obj: UsageRecord | None = None) -> list[str]:
        return shown_fields(self.fieldsets)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[UsageRecord], search_term: str
    ) -> tuple[QuerySet[UsageRecord], bool]:
        """By request id, by cache digest, both whole, or by the name of a key: each has an index."""
        term = search_term.replace(" ", "").lower()
        if not term:
            return queryset, False
        if DIGEST.fullmatch(term):
            return queryset.filter(cache_digest=term), False
        try:
            return queryset.filter(id=UUID(term)), False
        except ValueError:
            return queryset.filter(key_id__in=filters.keys_named(search_term.strip())), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        extra = {"bodies": bodies_of(request, object_id), "links": links_of(object_id), "show_history": False}
        response: HttpResponse = super().change_view(request, object_id, form_url, {**extra, **(extra_context or {})})
        return response

    @display(description="Time (UTC)")  # type: ignore[untyped-decorator]
    def time(self, row: UsageRecord) -> str:
        return shown.moment(row.at)

    @display(description="Key")  # type: ignore[untyped-decorator]
    def key_shown(self, row: UsageRecord) -> str:
        return row.key_name or NONE

    @display(description="Model")  # type: ignore[untyped-decorator]
    def model_shown(self, row: UsageRecord) -> str:
        """As asked for; with what served it, where that is another one and not its own dated version."""
        asked, served = row.model_asked, row.model_served
        undated = DATE.sub("", served)
        same = not served or asked in {name for it in (served, undated) for name in (it, f"{row.provider}/{it}")}
        return (asked or NONE) if same else f"{asked} → {served}"

    @display(description="Status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
    def status_shown(self, row: UsageRecord) -> str:
        return words(row.status)

    @display(description="Cache", label=CACHE_COLOURS)  # type: ignore[untyped-decorator]
    def cache_shown(self, row: UsageRecord) -> str:
        return words(row.cache)

    @display(description="Why")  # type: ignore[untyped-decorator]
    def reason_shown(self, row: UsageRecord) -> str:
        """Of a stream, which is on its way before its end is known, the ledger says miss and where it was stored."""
        code = "stored" if row.cache == "miss" and row.cache_digest else row.cache
        return WHY.get(row.cache_reason or code, row.cache_reason) or NONE

    @display(description="Tokens in / out")  # type: ignore[untyped-decorator]
    def tokens(self, row: UsageRecord) -> str:
        return f"{counted(row.input_tokens)} / {counted(row.output_tokens)}{' estimated' if row.estimated else ''}"

    @display(description="Estimated")  # type: ignore[untyped-decorator]
    def estimated_shown(self, row: UsageRecord) -> str:
        return "yes: the tokens are ours, the provider told none" if row.estimated else "no"

    @display(description="Cost")  # type: ignore[untyped-decorator]
    def cost(self, row: UsageRecord) -> str:
        return dollars(row.cost_usd)

    @display(description="First / total / overhead, ms")  # type: ignore[untyped-decorator]
    def milliseconds(self, row: UsageRecord) -> str:
        return " / ".join(map(shown.milliseconds, (row.ttft_ms, row.total_ms, row.overhead_ms)))

    @display(description="First byte, ms")  # type: ignore[untyped-decorator]
    def first_byte(self, row: UsageRecord) -> str:
        return shown.milliseconds(row.ttft_ms)

    @display(description="Total, ms")  # type: ignore[untyped-decorator]
    def total(self, row: UsageRecord) -> str:
        return shown.milliseconds(row.total_ms)

    @display(description="Overhead, ms")  # type: ignore[untyped-decorator]
    def overhead(self, row: UsageRecord) -> str:
        return shown.milliseconds(row.overhead_ms)

    @display(description="Streamed")  # type: ignore[untyped-decorator]
    def streamed(self, row: UsageRecord) -> str:
        return "yes" if row.stream else "no"

    @display(description="Cache digest")  # type: ignore[untyped-decorator]
    def digest_shown(self, row: UsageRecord) -> str:
        return shown.digest(row.cache_digest)

    @display(description="Metadata")  # type: ignore[untyped-decorator]
    def metadata_shown(self, row: UsageRecord) -> str:
        """Pairs of texts, as the ledger keeps them."""
        return "; ".join(f"{name}: {value}" for name, value in row.metadata.items()) or NONE

    @display(description="Parameters left out")  # type: ignore[untyped-decorator]
    def dropped_shown(self, row: UsageRecord) -> str:
        return "; ".join(str(item) for item in row.dropped) or NONE


def shown_fields(fieldsets: tuple[Any, ...]) -> list[str]:
    """Every field of `fieldsets`, rows unpacked."""
    rows = [row for _, options in fieldsets for row in options["fields"]]
    return [name for row in rows for name in ((row,) if isinstance(row, str) else row)]


def bodies_of(request: HttpRequest, object_id: str) -> list[bodies.Body]:
    try:
        row = UsageBody.objects.filter(pk=UUID(object_id)).first()
    except ValueError:
        return []
    if row is None:
        return []
    if not bodies.may_read(request, UsageRecord(id=row.pk)):
        return [bodies.Body("Prompt and answer", bodies.HIDDEN)]
    name = str(row.pk)
    request_sealed, answer_sealed = bytes(row.request_sealed), bytes(row.answer_sealed)
    return [
        bodies.opened("Request", lambda: unseal_body(name, "request", request_sealed), reading.conversation),
        bodies.opened("Answer", lambda: unseal_body(name, "answer", answer_sealed), reading.answered),
    ]


def links_of(object_id: str) -> list[tuple[str, str]]:
    """To the key, and to the cached completion that this call hit or stored, while they are there."""
    try:
        row = UsageRecord.objects.filter(pk=UUID(object_id)).only("key_id", "cache_digest").first()
    except ValueError:
        return []
    found = []
    if row and row.cache_digest and StoredCompletion.objects.filter(pk=row.cache_digest).exists():
        found.append(("The cached completion", completion_url(row.cache_digest)))
    if row and row.key_id and VirtualKey.objects.filter(pk=row.key_id).exists():
        found.append(("The key", reverse("admin:keys_virtualkey_change", args=[row.key_id])))
    return found


def completion_url(digest: str) -> str:
    return reverse("admin:cache_admin_storedcompletion_change", args=[digest])
