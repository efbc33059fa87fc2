"""Cached completions: newest first, opened one at a time for who may read them, and purged from both tiers."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from cache_admin import shown
from cache_admin.admin import bodies, filters, reading
from cache_admin.admin.usage import shown_fields
from cache_admin.completions import forget, read_value
from cache_admin.models import StoredCompletion, UsageRecord
from cache_admin.sealed import unseal_completion
from cache_admin.shown import NONE
from keys import audit
from keys.admin.keyset import KeysetChangeList

SEALED = ("answer_sealed", "request_sealed")
MOST_AT_ONCE = 1000


@admin.register(StoredCompletion)
class StoredCompletionAdmin(ModelAdmin):  # type: ignore[misc]
    keyset = ("created_at", "digest")
    list_display = ("stored", "model_shown", "provider", "key_shown", "expires", "hits", "size_shown")
    list_filter = (filters.StoredFilter, filters.ModelFilter, filters.ProviderFilter, filters.KeyFilter)
    list_per_page = 50
    list_fullwidth = True
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("digest",)
    search_help_text = "Request id, key's name or digest"
    empty_text = "Nothing kept yet. An answer is kept where temperature is 0, a seed is set, or the call asks for it."
    labels = {"endpoint_name": "Credential"}
    actions = ("purge_selected",)
    change_form_after_template = "cache_admin/bodies.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("model", "provider", "model_asked"),
                    ("key_shown", "endpoint_name"),
                    ("stored", "age", "expires"),
                    ("hits", "last_hit", "size_shown"),
                    "digest_shown",
                )
            },
        ),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[StoredCompletion]:
        """Without the sealed bodies: a page of fifty would read up to 400 MB of them."""
        rows: QuerySet[StoredCompletion] = super().get_queryset(request)
        return rows.defer(*SEALED)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: StoredCompletion | None = None) -> bool:
        return False

    def get_form(
        self, request: HttpRequest, obj: StoredCompletion | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(request, obj, change, labels=self.labels, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: StoredCompletion | None = None) -> list[str]:
        return shown_fields(self.fieldsets)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[StoredCompletion], search_term: str
    ) -> tuple[QuerySet[StoredCompletion], bool]:
        """By the digest's beginning, by the request id of a call that stored or hit it, or by a key's name."""
        term = search_term.replace(" ", "").lower()
        if not term:
            return queryset, False
        called = digest_of_call(term)
        if called:
            return queryset.filter(digest=called), False
        named = Q(key_id__in=filters.keys_named(search_term.strip()))
        digest = Q() if set(term) - set("0123456789abcdef") else Q(digest__startswith=term)
        return queryset.filter(named | digest if digest else named), False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Ours alone: Django's deletion would fetch every row whole, and leave Redis as it is."""
        found: dict[str, Any] = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    @action(description="Purge selected completions", permissions=["delete"])  # type: ignore[untyped-decorator]
    def purge_selected(self, request: HttpRequest, queryset: QuerySet[StoredCompletion]) -> None:
        digests = list(queryset.order_by().values_list("digest", flat=True)[:MOST_AT_ONCE])
        with transaction.atomic():
            audit.note(
                audit.of_request(request), "completion.purged", None, {"count": len(digests), "digests": digests}
            )
            purge_now(digests)
        self.message_user(request, f"{len(digests)} completion{pluralize(len(digests))} purged.", messages.SUCCESS)

    def delete_model(self, request: HttpRequest, obj: StoredCompletion) -> None:
        purge_now([obj.digest])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[StoredCompletion]) -> None:
        purge_now(list(queryset.values_list("digest", flat=True)[:MOST_AT_ONCE]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        extra = {"bodies": bodies_of(request, object_id), "links": links_of(object_id), "show_history": False}
        response: HttpResponse = super().change_view(request, object_id, form_url, {**extra, **(extra_context or {})})
        return response

    @display(description="Stored (UTC)")  # type: ignore[untyped-decorator]
    def stored(self, row: StoredCompletion) -> str:
        return shown.moment(row.created_at)

    @display(description="Model")  # type: ignore[untyped-decorator]
    def model_shown(self, row: StoredCompletion) -> str:
        return row.model

    @display(description="Key")  # type: ignore[untyped-decorator]
    def key_shown(self, row: StoredCompletion) -> str:
        return row.key_name or NONE

    @display(description="Age")  # type: ignore[untyped-decorator]
    def age(self, row: StoredCompletion) -> str:
        return timesince(row.created_at)

    @display(description="Expires (UTC)")  # type: ignore[untyped-decorator]
    def expires(self, row: StoredCompletion) -> str:
        gone = " (expired)" if row.expires_at <= timezone.now() else ""
        return f"{shown.moment(row.expires_at)}{gone}"

    @display(description="Last hit (UTC)")  # type: ignore[untyped-decorator]
    def last_hit(self, row: StoredCompletion) -> str:
        return shown.moment(row.last_hit_at)

    @display(description="Digest")  # type: ignore[untyped-decorator]
    def digest_shown(self, row: StoredCompletion) -> str:
        return shown.digest(row.digest)

    @display(description="Size")  # type: ignore[untyped-decorator]
    def size_shown(self, row: StoredCompletion) -> str:
        return f"{row.size / 1024:,.1f} KiB"


def digest_of_call(text: str) -> str:
    """The cache digest of the call whose request id `text` is; empty where it is none."""
    try:
        found = UsageRecord.objects.filter(pk=UUID(text)).values_list("cache_digest", flat=True).first()
    except ValueError:
        return ""
    return found or ""


def purge_now(digests: list[str]) -> None:
    """Gone from the table first, for everybody: a look-up between the two would else fill Redis again."""
    StoredCompletion.objects.filter(digest__in=digests).delete()
    for digest in digests:
        transaction.on_commit(partial(forget, digest))


def bodies_of(request: HttpRequest, digest: str) -> list[bodies.Body]:
    row = StoredCompletion.objects.filter(pk=digest).only("scope", *SEALED).first()
    if row is None:
        return []
    if not bodies.may_read(request, row):
        return [bodies.Body("Request and answer", bodies.HIDDEN)]
    return [
        bodies.opened("Request", lambda: request_of(row), reading.conversation),
        bodies.opened("Answer", lambda: answer_of(row), reading.answered),
    ]


def request_of(row: StoredCompletion) -> bytes:
    sealed = bytes(row.request_sealed)
    return unseal_completion(row.digest, row.scope, "request", sealed) if sealed else b""


def answer_of(row: StoredCompletion) -> bytes:
    return read_value(row.digest, row.scope, bytes(row.answer_sealed)).answer


def links_of(digest: str) -> list[tuple[str, str]]:
    return [("Its calls in the usage log", f"{reverse('admin:cache_admin_usagerecord_changelist')}?q={digest}")]
