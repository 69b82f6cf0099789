"""The span editor's routes for a note that waits with its identifiers: store edits, confirm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import User
from mednerapp.errors import NotFound, RevisionConflict
from mednerapp.http import bodies
from mednerapp.http.edits import MOST_BYTES, refusal
from mednerapp.http.identity import session_of, signed_in
from mednerapp.services import holding

_Work = Callable[[User, int, dict[str, Any]], dict[str, Any]]


def routes(app: App) -> list[Route]:
    store = app.store

    def save(user: User, held_id: int, body: dict[str, Any]) -> dict[str, Any]:
        client = bodies.text(body, "client")
        base = bodies.number(body, "base_revision")
        edits = bodies.edits(body)
        saved = holding.save_edits(store, user=user, held_id=held_id, client=client, base_revision=base, edits=edits)
        return {"client": client, "ack": saved.ack, "revision": saved.revision}

    def confirm(user: User, held_id: int, body: dict[str, Any]) -> dict[str, Any]:
        released = holding.release(store, user=user, held_id=held_id, revision=bodies.number(body, "revision"))
        return {"revision": released.revision}

    def answer(work: _Work, session: str, held_id: int, body: dict[str, Any]) -> JSONResponse:
        user = signed_in(app, session)
        if held_id > bodies.LARGEST:
            raise NotFound("There is no such note.")
        try:
            return JSONResponse(work(user, held_id, body))
        except RevisionConflict as error:
            held = holding.open_held(store, user=user, held_id=held_id)
            content = {
                "error": "conflict",
                "message": str(error),
                "revision": held.revision,
                "spans": list(held.spans),
                "by": None,
                "at": None,
            }
            return JSONResponse(content, 409)

    def route(path: str, work: _Work) -> Route:
        async def respond(request: Request) -> Response:
            try:
                body = await bodies.json_object(request, MOST_BYTES)
                return await to_thread.run_sync(answer, work, session_of(request), request.path_params["held_id"], body)
            except Exception as error:  # noqa: BLE001 - every error has an answer that the editor understands
                return refusal(error)

        return Route(path, respond, methods=["POST"])

    return [route("/api/held/{held_id:int}/edits", save), route("/api/held/{held_id:int}/submit", confirm)]
