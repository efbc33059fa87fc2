"""What Django's admin logs by itself, told to the audit log: each change with what the fields were and became.

A page that acts is watched: the rows that it saves are read before, so that the entry can tell the difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin import ModelAdmin, action, actions
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import transaction
from django.db.models import Model, QuerySet
from django.db.models.signals import post_save, pre_save
from django.http import HttpRequest, HttpResponse

from keys.administration import audit
from keys.models import AuditEntry

Row = tuple[type[Model], str]  # a model and a primary key
Fields = dict[str, object]
DONE = {ADDITION: "added", CHANGE: "changed", DELETION: "deleted"}
EMPTY: tuple[object, ...] = (None, "", [], {}, False)


@dataclass(slots=True)
class Watch:
    """One request to a page. before: the rows saved in it, as they were; noted: the entries written in it, by the type
    and id of their targets."""

    request: HttpRequest
    before: dict[Row, Fields] = field(default_factory=dict)
    noted: dict[tuple[str, str], AuditEntry] = field(default_factory=dict)


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


def watched(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware, after the one that knows the user. The API has none, and writes entries of its own."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/admin/") or not request.user.is_authenticated:
            return get_response(request)
        watch = Watch(request)
        token = _watch.set(watch)
        try:
            response = get_response(request)
            tell_rest(watch)
        finally:
            _watch.reset(token)
        return response

    return middleware


def connect() -> None:
    """Listen, once the apps are there."""
    pre_save.connect(remember, dispatch_uid="admin-log-before")
    post_save.connect(noted, sender=AuditEntry, dispatch_uid="admin-log-noted")
    post_save.connect(tell, sender=LogEntry, dispatch_uid="admin-log")


def remember(sender: type[Model], instance: Model, **_: object) -> None:
    """A row is about to be saved: keep what it holds now."""
    watch = _watch.get()
    if watch is None or instance._state.adding or issubclass(sender, AuditEntry | LogEntry | AbstractBaseSession):
        return
    row = (sender, str(instance.pk))
    if row not in watch.before and (old := found(row)) is not None:
        watch.before[row] = values(old)


def noted(instance: AuditEntry, **_: object) -> None:
    watch = _watch.get()
    if watch is not None:
        watch.noted[instance.target_type, instance.target_id] = instance


def tell(instance: LogEntry, created: bool, **_: object) -> None:
    """The admin has logged an act. One that this request has noted by its own name gets the difference alone."""
    model = None if instance.content_type is None else instance.content_type.model_class()
    if not created or model is None:
        return
    watch, row = _watch.get(), (model, str(instance.object_id))
    changes = dict(told(instance, row, watch.before if watch else {}))
    actor = audit.of_request(watch.request) if watch else audit.Actor("user", instance.user.get_username())
    write(watch, actor, row, DONE[instance.action_flag], changes)


def tell_rest(watch: Watch) -> None:
    """What a page has changed and not logged, as the page on which users change their own passwords."""
    for row in watch.before:
        if changes := dict(difference(row, watch.before)):
            write(watch, audit.of_request(watch.request), row, DONE[CHANGE], changes)


def write(watch: Watch | None, actor: audit.Actor, row: Row, done: str, changes: Fields) -> None:
    """An entry; or what changed into the entry that this request has written for the row by a name of its own."""
    model, name = row
    entry = watch.noted.get((model._meta.label_lower, name)) if watch else None
    if entry is None:
        audit.note(actor, f"{audit.noun(model)}.{done}", found(row), changes)
        return
    entry.changes = {**audit.plain(changes), **entry.changes}
    entry.save(update_fields=["changes"])


def told(entry: LogEntry, row: Row, before: dict[Row, Fields]) -> Iterator[tuple[str, object]]:
    """What the log's entry says of `row`, field by field; of rows that were saved with it, by their names."""
    if entry.action_flag == ADDITION and (new := found(row)) is not None:
        editable = {one.name for one in new._meta.get_fields() if getattr(one, "editable", False)}
        yield from ((name, value) for name, value in values(new).items() if name in editable and value not in EMPTY)
    if entry.action_flag == CHANGE:
        yield from difference(row, before)
        others = [one for one in before if one[0] is not row[0]]
        for other in others:
            if changes := dict(difference(other, before)):
                yield f"{audit.noun(other[0])} {found(other)}", changes
        if not of_fields(entry):
            yield "message", entry.get_change_message()


def difference(row: Row, before: dict[Row, Fields]) -> Iterator[tuple[str, object]]:
    """(field, what it was and is) of a row that was saved; told once."""
    now = found(row)
    if row in before and now is not None:
        old, before[row] = before[row], values(now)
        changed = ((name, old[name], value) for name, value in before[row].items() if old[name] != value)
        yield from ((name, {"from": was, "to": value}) for name, was, value in changed)


def found(row: Row) -> Model | None:
    model, name = row
    return model._default_manager.filter(pk=name).first()


def values(row: Model) -> Fields:
    """Its fields, and the names of what it is tied to by tables of their own."""
    own: Fields = {one.name: one.value_from_object(row) for one in row._meta.concrete_fields}
    return own | {one.name: sorted(map(str, getattr(row, one.name).all())) for one in row._meta.many_to_many}


def of_fields(entry: LogEntry) -> bool:
    """Whether the log's message names the row's own fields and nothing else: the difference says those better.
    https://docs.djangoproject.com/en/5.2/ref/contrib/admin/#logentry-objects"""
    try:
        parts = json.loads(entry.change_message)
    except ValueError:
        return False
    return all("name" not in detail for part in parts for detail in part.values())


@action(permissions=["delete"], description="Delete selected %(verbose_name_plural)s")
def delete_selected(modeladmin: ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
    """Django's own, which logs several rows by one statement, and no signal tells of that: they are noted here."""
    rows = list(queryset)
    with transaction.atomic():
        response = actions.delete_selected(modeladmin, request, queryset)
        if response is None and len(rows) > 1:
            for row in rows:
                audit.note(audit.of_request(request), f"{audit.noun(row)}.deleted", row)
    return response
