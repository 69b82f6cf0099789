"""Saves over a websocket that stays open: each is what a POST to the same address is, without what a request costs.

    → {"n": 7, "to": "/api/annotations/3/edits", "body": {...}}
    ← {"n": 7, "status": 200, "body": {...}}

The session is looked up anew for every save. Answers come in the order of the saves. What is no such message ends the
connection, as does a save by a session that is over. Nothing depends on it: an editor that cannot open it, or does not
hear from it, posts; a save that arrives twice is stored once. (A message is read as a whole before its length is known:
Streamlit's `server.maxMessageSize` bounds it, for people who have signed in.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from anyio import to_thread
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from mednerapp.bootstrap import App
from mednerapp.http import acting, bodies, edits, held
from mednerapp.http.acting import MOST_BYTES, Answer
from mednerapp.http.bodies import MalformedBodyError
from mednerapp.http.identity import session_of

_TO = re.compile(r"/api/(annotations|held)/([0-9]{1,20})/edits")
_UNREADABLE, _SIGNED_OUT, _TOO_LARGE = 1003, 1008, 1009  # close codes of RFC 6455


@dataclass(frozen=True, slots=True)
class _Save:
    """number: the client's own, for the answer. kind: what is saved. id: of the annotation or held note."""

    number: int
    kind: str
    id: int
    body: dict[str, Any]


def route(app: App) -> WebSocketRoute:
    acts = {"annotations": edits.save(app), "held": held.save(app)}

    def answer(session: str, save: _Save) -> Answer:
        try:
            return acting.perform(app, acts[save.kind], session, save.id, save.body)
        except Exception as error:  # noqa: BLE001 - every error has an answer that the editor understands
            return acting.refused(error)

    async def serve(socket: WebSocket) -> None:
        await socket.accept()
        session = session_of(socket)
        try:
            while (message := await socket.receive())["type"] != "websocket.disconnect":
                save = _read(message.get("text"))
                if isinstance(save, int):
                    await socket.close(save)
                    return
                done = await to_thread.run_sync(answer, session, save)
                await socket.send_json({"n": save.number, "status": done.status, "body": done.body})
                if done.status == acting.SIGNED_OUT:  # whoever signs in again has another cookie
                    await socket.close(_SIGNED_OUT)
                    return
        except WebSocketDisconnect:
            return

    return WebSocketRoute("/api/saves", serve)


def _read(text: str | None) -> _Save | int:
    """The save, or the code to close with."""
    if text is None:
        return _UNREADABLE
    if len(text) > MOST_BYTES:
        return _TOO_LARGE
    try:
        message = bodies.as_object(text)
        number, to, body = bodies.number(message, "n"), _TO.fullmatch(bodies.text(message, "to")), message.get("body")
    except MalformedBodyError:
        return _UNREADABLE
    return _Save(number, to[1], int(to[2]), body) if to and isinstance(body, dict) else _UNREADABLE
