"""The span editor's two routes: store edits, submit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import User
from mednerapp.domain.annotations import Annotation
from mednerapp.errors import (
    AnnotationSubmitted,
    InvalidEdit,
    InvalidValue,
    NotFound,
    PermissionDenied,
    RevisionConflict,
    SignedOut,
)
from mednerapp.http import bodies
from mednerapp.http.bodies import BodyTooLargeError, MalformedBodyError, json_object
from mednerapp.http.identity import session_of, signed_in
from mednerapp.services import annotating, reviewing
from mednerapp.services.reviewing import LastWriter

MOST_BYTES = 1_000_000
_log = logging.getLogger(__name__)

# Error → (status, name in the answer); the first that fits.
_ANSWERS: tuple[tuple[type[Exception], int, str], ...] = (
    (SignedOut, 401, "signed_out"),
    (PermissionDenied, 403, "forbidden"),
    (NotFound, 404, "not_found"),
    (MalformedBodyError, 400, "malformed"),
    (BodyTooLargeError, 413, "too_large"),
    (InvalidValue, 422, "invalid_edit"),
)
Work = Callable[[User, int, dict[str, Any]], dict[str, Any]]


def routes(app: App) -> list[Route]:
    return [
        _Post("/api/annotations/{annotation_id:int}/edits", app, _Annotations(app).save),
        _Post("/api/annotations/{annotation_id:int}/submit", app, _Annotations(app).submit),
    ]


class _Annotations:
    """What the routes do with a body, in a thread; errors become answers in `_Post`."""

    def __init__(self, app: App) -> None:
        self._store = app.store

    def save(self, user: User, annotation_id: int, body: dict[str, Any]) -> dict[str, Any]:
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

    def submit(self, user: User, annotation_id: int, body: dict[str, Any]) -> dict[str, Any]:
        bodies.text(body, "client")
        revision = bodies.number(body, "revision")
        try:
            annotation = annotating.submit(self._store, user=user, annotation_id=annotation_id, revision=revision)
        except InvalidValue as error:
            raise _UntouchedError(str(error)) from error
        return {"revision": annotation.revision}


class _UntouchedError(Exception):
    """Suggestions are left that nobody has looked at."""


class _Post(Route):
    def __init__(self, path: str, app: App, work: Work) -> None:
        self._medner = app
        self._work = work
        super().__init__(path, self._respond, methods=["POST"])

    async def _respond(self, request: Request) -> Response:
        try:
            body = await json_object(request, MOST_BYTES)
            annotation_id: int = request.path_params["annotation_id"]
            return await to_thread.run_sync(self._answer, session_of(request), annotation_id, body)
        except Exception as error:  # noqa: BLE001 - every error has an answer that the editor understands
            return refusal(error)

    def _answer(self, session: str, annotation_id: int, body: dict[str, Any]) -> JSONResponse:
        user = signed_in(self._medner, session)
        if annotation_id > bodies.LARGEST:
            raise NotFound("There is no such annotation.")
        try:
            return JSONResponse(self._work(user, annotation_id, body))
        except (RevisionConflict, AnnotationSubmitted) as error:
            store = self._medner.store
            stored = annotating.current(store, user=user, annotation_id=annotation_id)
            known = body.get("base_revision", body.get("revision", 0))
            client: str = body["client"]
            writer = reviewing.last_writer(
                store, user=user, annotation_id=annotation_id, client=client, after_revision=known
            )
            return _conflict(error, stored, writer)


def _conflict(
    error: RevisionConflict | AnnotationSubmitted, stored: Annotation, writer: LastWriter | None
) -> JSONResponse:
    """With what is stored and who wrote it, so that the person can choose."""
    body = {
        "error": "submitted" if isinstance(error, AnnotationSubmitted) else "conflict",
        "message": str(error),
        "revision": stored.revision,
        "spans": [span.as_dict() for span in stored.spans],
        "by": writer.name if writer else None,
        "at": writer.at.isoformat() if writer else None,
    }
    return JSONResponse(body, 409)


def refusal(error: Exception) -> JSONResponse:
    """The answer to an error, also to one that nobody expected."""
    if isinstance(error, _UntouchedError):
        return JSONResponse({"error": "untouched", "message": str(error)}, 422)
    if isinstance(error, InvalidEdit):
        return JSONResponse({"error": "invalid_edit", "message": str(error), "seq": error.client_seq}, 422)
    for kind, status, name in _ANSWERS:
        if isinstance(error, kind):
            return JSONResponse({"error": name, "message": str(error)}, status)
    _log.error("A request of the span editor failed.", exc_info=error)
    return JSONResponse({"error": "failed", "message": "The server could not do this. It is in its log."}, 500)
