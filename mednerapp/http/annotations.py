"""What the span editor reads of an annotation: its past, and what can be laid under it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import User
from mednerapp.domain.annotations import AnnotatedSpan
from mednerapp.domain.history import Step
from mednerapp.domain.timeline import TimelineEntry
from mednerapp.errors import NotFound
from mednerapp.http import bodies
from mednerapp.http.acting import get
from mednerapp.services import reviewing


def routes(app: App) -> list[Route]:
    def reading(what: str, read: Callable[[App, User, int, Request], dict[str, Any]]) -> Route:
        return get(f"/api/annotations/{{id:int}}/{what}", app, partial(read, app))

    return [
        reading("history", _history),
        reading("revision", _revision),
        reading("timeline", _timeline),
        reading("at/{revision:int}", _at),
        reading("sources", _sources),
        reading("underlay", _underlay),
    ]


def _history(app: App, user: User, annotation_id: int, _: Request) -> dict[str, Any]:
    revision, history = reviewing.history(app.store, user=user, annotation_id=annotation_id)
    return {"revision": revision, "done": _steps(history.done), "undone": _steps(history.undone)}


def _revision(app: App, user: User, annotation_id: int, _: Request) -> dict[str, Any]:
    head = reviewing.revision(app.store, user=user, annotation_id=annotation_id)
    return {"revision": head.revision, "state": head.state.value}


def _timeline(app: App, user: User, annotation_id: int, _: Request) -> dict[str, Any]:
    revision, entries = reviewing.past(app.store, user=user, annotation_id=annotation_id)
    return {"revision": revision, "entries": [_entry(entry) for entry in entries]}


def _at(app: App, user: User, annotation_id: int, request: Request) -> dict[str, Any]:
    revision: int = request.path_params["revision"]
    if revision > bodies.LARGEST:
        raise NotFound("There is no such revision.")
    spans = reviewing.at_revision(app.store, user=user, annotation_id=annotation_id, revision=revision)
    return {"revision": revision, "spans": _spans(spans)}


def _sources(app: App, user: User, annotation_id: int, _: Request) -> dict[str, Any]:
    found = reviewing.sources(app.store, user=user, annotation_id=annotation_id)
    return {"sources": [{"id": s.id, "name": s.name, "spans": s.spans} for s in found]}


def _underlay(app: App, user: User, annotation_id: int, request: Request) -> dict[str, Any]:
    asked = request.query_params.get("source", "")
    found = reviewing.underlay(app.store, user=user, annotation_id=annotation_id, source=asked)
    return {"source": found.source.id, "name": found.source.name, "spans": _spans(found.spans)}


def _spans(spans: Sequence[AnnotatedSpan]) -> list[dict[str, Any]]:
    return [span.as_dict() for span in spans]


def _steps(steps: Sequence[Step]) -> list[dict[str, Any]]:
    return [
        {
            "step": step.id,
            "bulk": step.bulk,
            "changes": [
                {"before": before.as_dict() if before else None, "after": after.as_dict() if after else None}
                for before, after in step.changes
            ],
        }
        for step in steps
    ]


def _entry(entry: TimelineEntry) -> dict[str, Any]:
    return {
        "first": entry.first,
        "last": entry.last,
        "at": entry.at.isoformat(),
        "who": entry.who,
        "what": entry.what,
        "kind": entry.kind.value,
    }
