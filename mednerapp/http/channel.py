"""Saves over a websocket that stays open: each is what a POST to the same address is, without what a request costs.

    → {"n": 7, "to": "/api/annotations/3/edits", "body": {...}}
    ← {"n": 7, "status": 200, "body": {...}}

The session is looked up anew for every save. Answers come in the order of the saves. Nothing depends on it: an editor
that cannot open it, or does not hear from it, posts; a save that arrives twice is stored once.
"""

from __future__ import annotations

import json
import re
from typing import Any

from anyio import to_thread
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from mednerapp.bootstrap import App
from mednerapp.http import acting, bodies, edits, held
from mednerapp.http.acting import MOST_BYTES, Answer
from mednerapp.http.bodies import BodyTooLargeError, MalformedBodyError
from mednerapp.http.identity import session_of

_TO = re.compile(r"/api/(annotations|held)/([0-9]{1,20})/edits")
_UNSUPPORTED, _POLICY = 1003, 1008  # close codes of RFC 6455


def route(app: App) -> WebSocketRoute:
    acts = {"annotations": edits.save(app), "held": held.save(app)}

    def answer(session: str, text: str) -> Answer:
        message: dict[str, Any] = {}
        try:
            message = _object(text)
            kind, id_, body = _save(message)
            done = acting.perform(app, acts[kind], session, id_, body)
        except Exception as error:  # noqa: BLE001 - every error has an answer that the editor understands
            done = acting.refused(error)
        return Answer({"n": message.get("n"), "status": done.status, "body": done.body}, done.status)

    async def serve(socket: WebSocket) -> None:
        await socket.accept()
        session = session_of(socket)
        try:
            while (message := await socket.receive())["type"] != "websocket.disconnect":
                if message.get("text") is None:
                    await socket.close(_UNSUPPORTED)
                    return
                done = await to_thread.run_sync(answer, session, message["text"])
                await socket.send_text(json.dumps(done.body, ensure_ascii=False, separators=(",", ":")))
                if done.status == acting.SIGNED_OUT:  # whoever signs in again has another cookie
                    await socket.close(_POLICY)
                    return
        except WebSocketDisconnect:
            return

    return WebSocketRoute("/api/saves", serve)


def _object(text: str) -> dict[str, Any]:
    if len(text) > MOST_BYTES:
        raise BodyTooLargeError
    return bodies.as_object(text)


def _save(message: dict[str, Any]) -> tuple[str, int, dict[str, Any]]:
    """What kind of thing is saved, its id, the body."""
    to = _TO.fullmatch(bodies.text(message, "to"))
    body: Any = message.get("body")
    if to is None or not isinstance(body, dict):
        raise MalformedBodyError("A save has the address of edits and a body.")
    return to[1], int(to[2]), body
