"""What the span editor does to an annotation: store edits, submit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.routing import Route

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import User
from mednerapp.domain.annotations import Annotation
from mednerapp.errors import AnnotationSubmitted, InvalidValue, RevisionConflict
from mednerapp.http import bodies
from mednerapp.http.acting import Act, Answer, UntouchedError, post
from mednerapp.services import annotating, reviewing
from mednerapp.services.reviewing import LastWriter

_Work = Callable[[User, int, dict[str, Any]], dict[str, Any]]


def routes(app: App) -> list[Route]:
    return [
        post("/api/annotations/{id:int}/edits", app, save(app)),
        post("/api/annotations/{id:int}/submit", app, _Annotations(app).submit),
    ]


def save(app: App) -> Act[int]:
    """Stores the edits of an annotation."""
    return _Annotations(app).save


class _Annotations:
    """With the answer to a conflict, which the editor lets a person decide."""

    def __init__(self, app: App) -> None:
        self._store = app.store

    def save(self, user: User, annotation_id: int, body: dict[str, Any]) -> Answer:
        return self._answer(self._save, user, annotation_id, body)

    def submit(self, user: User, annotation_id: int, body: dict[str, Any]) -> Answer:
        return self._answer(self._submit, user, annotation_id, body)

    def _answer(self, work: _Work, user: User, annotation_id: int, body: dict[str, Any]) -> Answer:
        try:
            return Answer(work(user, annotation_id, body))
        except (RevisionConflict, AnnotationSubmitted) as error:
            stored = annotating.current(self._store, user=user, annotation_id=annotation_id)
            known = body.get("base_revision", body.get("revision", 0))
            client: str = body["client"]
            writer = reviewing.last_writer(
                self._store, user=user, annotation_id=annotation_id, client=client, after_revision=known
            )
            return _conflict(error, stored, writer)

    def _save(self, user: User, annotation_id: int, body: dict[str, Any]) -> dict[str, Any]:
        client = bodies.text(body, "client")
        base_revision = bodies.number(body, "base_revision")
        saved = annotating.save_edits(
            self._store,
            user=user,
            annotation_id=annotation_id,
            client=client,
            base_revision=base_revision,
            edits=bodies.edits(body),
        )
        return {"client": client, "ack": saved.ack, "revision": saved.revision}

    def _submit(self, user: User, annotation_id: int, body: dict[str, Any]) -> dict[str, Any]:
        bodies.text(body, "client")
        revision = bodies.number(body, "revision")
        try:
            annotation = annotating.submit(self._store, user=user, annotation_id=annotation_id, revision=revision)
        except InvalidValue as error:
            raise UntouchedError(str(error)) from error
        return {"revision": annotation.revision}


def _conflict(error: RevisionConflict | AnnotationSubmitted, stored: Annotation, writer: LastWriter | None) -> Answer:
    """With what is stored and who wrote it, so that the person can choose."""
    body = {
        "error": "submitted" if isinstance(error, AnnotationSubmitted) else "conflict",
        "message": str(error),
        "revision": stored.revision,
        "spans": [span.as_dict() for span in stored.spans],
        "by": writer.name if writer else None,
        "at": writer.at.isoformat() if writer else None,
    }
    return Answer(body, 409)
