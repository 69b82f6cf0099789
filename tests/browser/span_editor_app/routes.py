"""What both servers of the span editor's browser tests answer: a save route in memory, and switches for every fault."""

from __future__ import annotations

from typing import Any

import feature_routes
import notes
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from mednerapp.domain.annotations import SpanState

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' ws:; object-src 'none'; base-uri 'self'"
)


class ContentSecurityPolicy:
    """The policy of the product: no inline script, no eval, nothing from outside."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["content-security-policy"] = POLICY
            await send(message)

        await self.app(scope, receive, send_with_policy)


async def save(request: Request) -> Response:
    body = await request.json()
    with notes.lock:
        status, answer = _saved(request.path_params["id"], body)
        if notes.world.answer == 0:
            return JSONResponse({"error": "gateway"}, 502)  # stored, but the client does not learn it
        return JSONResponse(answer, status)


def _saved(note_id: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    world = notes.world
    world.requests += 1
    if world.answer:
        return world.answer, _refused(world.answer)
    return notes.save(world.notes[note_id], body)


async def channel(socket: WebSocket) -> None:
    """Saves as the product takes them over its websocket."""
    if notes.world.channel == "closed":
        await socket.close()
        return
    await socket.accept()
    notes.world.channels += 1
    try:
        while True:
            message = await socket.receive_json()
            with notes.lock:
                notes.world.over_channel += 1
                if notes.world.channel == "deaf":
                    continue  # as a connection is that nobody has noticed to be dead
                status, body = _saved(message["to"].split("/")[3], message["body"])
                mute = notes.world.channel == "mute" or notes.world.answer == 0
            if mute:  # stored, but the client does not learn it
                await socket.close()
                return
            await socket.send_json({"n": message["n"], "status": status, "body": body})
            if status == 401:
                await socket.close()
                return
    except WebSocketDisconnect:
        return


async def submit(request: Request) -> Response:
    body = await request.json()
    with notes.lock:
        note = notes.world.notes[request.path_params["id"]]
        if notes.world.answer:
            return _refusal(notes.world.answer)
        if body["revision"] != note.revision:
            return JSONResponse({"error": "conflict", "message": "Changed elsewhere.", **note.as_dict()}, 409)
        if any(span.state is SpanState.SUGGESTED for span in note.spans.values()):
            return JSONResponse({"error": "untouched", "message": "Suggestions have not been looked at."}, 422)
        note.submitted = True
        return JSONResponse({"revision": note.revision})


async def read(request: Request) -> Response:
    with notes.lock:
        if notes.world.answer:
            return _refusal(notes.world.answer)
        note = notes.world.notes[request.path_params["id"]]
        what = request.path_params["what"]
        if what == "history":
            return JSONResponse(notes.steps(note))
        return JSONResponse({"revision": note.revision, "state": "submitted" if note.submitted else "in_progress"})


async def read_at(request: Request) -> Response:
    with notes.lock:
        return JSONResponse(notes.at(notes.world.notes[request.path_params["id"]], request.path_params["revision"]))


async def bulk(request: Request) -> Response:
    """Notes what was asked; answers that two other notes were changed."""
    body = await request.json()
    with notes.lock:
        notes.world.bulk.append({**request.path_params, **body})
        return JSONResponse({"notes": 2, "kept": notes.world.kept})


def _refusal(status: int) -> Response:
    return JSONResponse(_refused(status), status)


def _refused(status: int) -> dict[str, str]:
    return {"error": "refused", "message": f"Status {status} says no."}


async def reset(request: Request) -> Response:
    with notes.lock:
        notes.reset(await request.json())
    return Response()


async def suggest(request: Request) -> Response:
    """Puts `spans` into a note as suggestions and raises its epoch; `revision`s grow as the product's do."""
    given = await request.json()
    with notes.lock:
        notes.suggest(notes.world.notes[given["note"]], given["spans"])
    return Response()


async def change(request: Request) -> Response:
    """Sets attributes of the world, or of one note (`note` in the body)."""
    values: dict[str, Any] = await request.json()
    with notes.lock:
        note_id = values.pop("note", None)
        target = notes.world.notes[note_id] if note_id else notes.world
        for name, value in values.items():
            setattr(target, name, value)
    return Response()


async def state(_request: Request) -> Response:
    with notes.lock:
        world = notes.world
        return JSONResponse(
            {
                "notes": {note.id: note.as_dict() for note in world.notes.values()},
                "results": world.results,
                "requests": world.requests,
                "channels": world.channels,
                "over_channel": world.over_channel,
                "bulk": world.bulk,
            }
        )


ROUTES = [
    *feature_routes.ROUTES,
    Route("/api/annotations/{id}/edits", save, methods=["POST"]),
    WebSocketRoute("/api/saves", channel),
    Route("/api/annotations/{id}/submit", submit, methods=["POST"]),
    Route("/api/annotations/{id}/{what:str}", read, methods=["GET"]),
    Route("/api/annotations/{id}/at/{revision:int}", read_at, methods=["GET"]),
    Route("/api/bulk/{step}/{phase}", bulk, methods=["POST"]),
    Route("/harness/reset", reset, methods=["POST"]),
    Route("/harness/suggest", suggest, methods=["POST"]),
    Route("/harness/change", change, methods=["POST"]),
    Route("/harness/state", state, methods=["GET"]),
]
MIDDLEWARE = [Middleware(ContentSecurityPolicy)]
