"""/v1/admin/completions: what is cached, read, pinned, purged, and carried out and in as JSON lines."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_view

from cache_admin import acts
from cache_admin.cassettes import CassetteFault, Verdict, examined, exported, imported
from cache_admin.choosing import Choice
from cache_admin.models import Removal, StoredCompletion
from cache_admin.removing import amount
from cache_admin.unsealing import SEALED, completion_of, request_of
from keys.administration import audit
from keys.secrecy.sealing import SealBroken
from keys.settled import settings
from proxy_api.control import openapi
from proxy_api.control.paging import Paged
from proxy_api.control.reading import answered, body_of, lines_of, query_of
from proxy_api.control.resources import PageView, ReadView, Resource, Values
from proxy_api.control.serializers.completions import (
    Chosen,
    CompletionFilters,
    CompletionSerializer,
    ImportedSerializer,
    ImportFilters,
    PurgedSerializer,
    PurgeSerializer,
    RemovalSerializer,
)
from proxy_api.control.serializers.keys import NothingSerializer
from proxy_api.control.serializers.usage import BodiesSerializer
from proxy_api.control.views import ControlView, rights, shown
from proxy_api.errors import BadRequest

RIGHTS = rights("cache_admin", "storedcompletion")
NAMES = ("model", "provider", "endpoint", "key", "project", "state", "since")
READ_BODIES = "cache_admin.view_bodies"
JSON_LINES = "application/jsonl"


class CompletionResource(Resource):
    model, serializer = StoredCompletion, CompletionSerializer

    def rows(self) -> QuerySet[Any]:
        return StoredCompletion.objects.defer(*SEALED)


def choice(wanted: Values, *, pinned_too: bool) -> Choice:
    """What a query or a body chooses by the fields of Chosen."""
    named = {name: wanted[name] for name in NAMES if name in wanted}
    return Choice(**named, before=wanted.get("until"), pinned_too=pinned_too)


@extend_schema_view(get=openapi.lists("completions", CompletionSerializer, CompletionFilters))
class CompletionsView(CompletionResource, PageView):
    filters, order = CompletionFilters, ("created_at", "digest")
    rights = {"get": RIGHTS["get"]}

    def filtered(self, rows: QuerySet[Any], wanted: Values) -> QuerySet[Any]:
        return choice(wanted, pinned_too=True).rows().defer(*SEALED)


@openapi.row("completion", CompletionSerializer)
class CompletionView(CompletionResource, ReadView):
    rights = {name: RIGHTS[name] for name in ("get", "patch", "delete")}

    def patch(self, request: HttpRequest, id: str) -> HttpResponse:
        row = self.row(id)
        values = answered(self.serializer(row, data=body_of(request), partial=True))
        if "note" in values:
            acts.note([row.pk], values["note"], self.actor)
        if "pinned" in values:
            act = acts.pin if values["pinned"] else acts.unpin
            act([row.pk], self.actor, self.moment)
        return self.get(request, id)

    def delete(self, request: HttpRequest, id: str) -> HttpResponse:
        """From both tiers, pinned or not."""
        acts.purge([self.row(id).pk], self.actor, self.moment)
        return HttpResponse(status=204)


@openapi.act("expire_completion", "End a completion's life: it is stale from now on", CompletionSerializer)
class CompletionExpiryView(CompletionResource):
    rights = {"post": RIGHTS["patch"]}

    def post(self, request: HttpRequest, id: str) -> HttpResponse:
        answered(NothingSerializer(data=body_of(request)))
        acts.expire([self.row(id).pk], self.actor, self.moment)
        return shown(self.represented([self.row(id)])[0])


@openapi.row("completion_bodies", BodiesSerializer)
class CompletionBodiesView(Resource):
    """Who reads them is on the audit log before the first word is told."""

    model = StoredCompletion
    rights = {"get": READ_BODIES}

    def get(self, request: HttpRequest, id: str) -> HttpResponse:
        row = self.row(id)
        audit.note(self.actor, "body.viewed", row)
        try:
            parts = {"request": request_of(row), "answer": completion_of(row).answer}
        except (SealBroken, ValueError):
            message = "It is sealed to its caller." if row.sealed_to_caller else "It does not open."
            raise BadRequest(message, status=409, code="sealed") from None
        return shown({name: part.decode(errors="replace") or None for name, part in parts.items()})


@extend_schema_view(
    get=openapi.said(
        "export_completions",
        "Completions with their bodies, a line of JSON each, the oldest first",
        {(200, JSON_LINES): OpenApiTypes.STR},
        parameters=[Chosen],
    )
)
class ExportView(ControlView):
    """What is sealed to its caller is left out."""

    rights = {"get": READ_BODIES}

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        rows = choice(query_of(request, Chosen), pinned_too=True).rows()
        lines = exported(rows, Counter(), self.actor)
        return StreamingHttpResponse(lines, content_type=JSON_LINES, headers={"cache-control": "no-store"})


@extend_schema_view(
    post=openapi.said(
        "import_completions",
        "Exported lines become recordings of a project's cassette: all, or, where one is wrong, none",
        {200: ImportedSerializer},
        parameters=[ImportFilters],
        request={JSON_LINES: OpenApiTypes.STR},
    )
)
class ImportView(ControlView):
    rights = {"post": RIGHTS["post"]}

    def post(self, request: HttpRequest) -> HttpResponse:
        wanted = query_of(request, ImportFilters)
        file = io.BytesIO(lines_of(request, settings.DRAGOMAN_MAX_BODY_BYTES))
        try:
            verdict = self.verdict(file, wanted)
        except CassetteFault as fault:
            raise BadRequest(f"Nothing was imported: {fault}.", code="invalid_lines") from None
        counts = {"imported": verdict.imported, "unchanged": verdict.unchanged}
        return shown({**counts, "dry_run": wanted["dry_run"]})

    def verdict(self, file: io.BytesIO, wanted: Values) -> Verdict:
        """Raises CassetteFault."""
        project, now = wanted["project"], self.moment.timestamp()
        if not wanted["dry_run"]:
            return imported(file, project, self.actor, now)
        verdict = examined(file, project, now)
        if verdict.wrong:
            raise CassetteFault(verdict)
        return verdict


@openapi.act("purge_completions", "Purge what is chosen from both tiers", PurgedSerializer, PurgeSerializer)
class PurgeView(ControlView):
    rights = {"post": RIGHTS["delete"]}

    def post(self, request: HttpRequest) -> HttpResponse:
        wanted = answered(PurgeSerializer(data=body_of(request)))
        chosen, counts = choice(wanted, pinned_too=wanted["pinned_too"]), Counter[str]()
        found = amount(chosen.rows())
        if not wanted["dry_run"]:
            for step in acts.purging(chosen, self.moment.timestamp(), self.actor, acts.PURGE_SECONDS):
                counts += step
        told = {"found": found.rows, "bytes": found.size, "purged": counts["completions"]}
        return shown({**told, "unfinished": bool(counts["unfinished"]), "dry_run": wanted["dry_run"]})


@extend_schema_view(get=openapi.lists("removals", RemovalSerializer, Paged))
class RemovalsView(PageView):
    """What purges removed, by day and reason."""

    model, serializer = Removal, RemovalSerializer
    rights = {"get": RIGHTS["get"]}
