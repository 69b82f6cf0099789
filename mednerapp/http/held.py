"""What the span editor does to a note that waits with its identifiers: store edits, confirm."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import User
from mednerapp.errors import RevisionConflict
from mednerapp.http import bodies
from mednerapp.http.acting import Act, Answer, post
from mednerapp.services import holding
from mednerapp.store import Store


def routes(app: App) -> list[Route]:
    return [
        post("/api/held/{id:int}/edits", app, save(app)),
        post("/api/held/{id:int}/submit", app, _confirm(app.store)),
    ]


def save(app: App) -> Act[int]:
    """Stores the edits of a held note."""
    store = app.store

    def act(user: User, held_id: int, body: dict[str, Any]) -> Answer:
        client = bodies.text(body, "client")
        base = bodies.number(body, "base_revision")
        edits = bodies.edits(body)
        try:
            saved = holding.save_edits(
                store, user=user, held_id=held_id, client=client, base_revision=base, edits=edits
            )
        except RevisionConflict as error:
            return _conflict(store, user, held_id, error)
        return Answer({"client": client, "ack": saved.ack, "revision": saved.revision})

    return act


def _confirm(store: Store) -> Act[int]:
    def act(user: User, held_id: int, body: dict[str, Any]) -> Answer:
        try:
            released = holding.release(store, user=user, held_id=held_id, revision=bodies.number(body, "revision"))
        except RevisionConflict as error:
            return _conflict(store, user, held_id, error)
        return Answer({"revision": released.revision})

    return act


def _conflict(store: Store, user: User, held_id: int, error: RevisionConflict) -> Answer:
    held = holding.open_held(store, user=user, held_id=held_id)
    spans = list(held.spans)
    body = {
        "error": "conflict",
        "message": str(error),
        "revision": held.revision,
        "spans": spans,
        "by": None,
        "at": None,
    }
    return Answer(body, 409)
