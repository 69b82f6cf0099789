"""An annotator at a note, over real HTTP, and the test's own look into the store."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import AnnotatedSpan, Annotation
from mednerapp.domain.spans import ScoredSpan
from mednerapp.services import accounts, annotating, importing, projects
from support.app_server import AppServer

TEXT = "Naïve 😀 patient with fever. Started aspirin."
FEVER = {"start": 21, "end": 26, "label": "Symptom", "state": "confirmed"}
ASPIRIN = {"start": 36, "end": 43, "label": "Drug", "state": "confirmed"}
_number = count(1)


@dataclass(frozen=True)
class Desk:
    """An annotator at a note: the editor's HTTP client, and the test's own look into the store."""

    server: AppServer
    client: httpx.Client
    user: User
    note_id: int
    annotation_id: int

    def save(self, *edits: dict[str, Any], base: int = 0, client: str = "tab-1") -> httpx.Response:
        body = {"client": client, "base_revision": base, "edits": list(edits)}
        return self.client.post(f"/api/annotations/{self.annotation_id}/edits", json=body)

    def submit(self, revision: int) -> httpx.Response:
        body = {"client": "tab-1", "revision": revision}
        return self.client.post(f"/api/annotations/{self.annotation_id}/submit", json=body)

    def stored(self) -> Annotation:
        return annotating.current(self.server.app.store, user=self.user, annotation_id=self.annotation_id)

    def spans(self) -> dict[str, AnnotatedSpan]:
        return {span.id: span for span in self.stored().spans}


def demo_user(server: AppServer, role: Role) -> User:
    everybody = accounts.list_users(server.app.store, by=None)
    return next(user for user in everybody if user.email == f"{role.value}@demo.invalid")


def new_note(server: AppServer, suggestions: list[ScoredSpan] | None = None) -> int:
    store, lead = server.app.store, demo_user(server, Role.LEAD)
    project = projects.all_projects(store)[0]
    upload = importing.look_at_text(text=f"{TEXT} ({next(_number)})", title="Note")
    (result,) = importing.import_uploads(store, user=lead, project_id=project.id, uploads=[upload])
    assert result.note_id is not None
    assert project.active_adapter_id is not None
    with store.write() as tx:
        tx.predictions.put(note_id=result.note_id, adapter_id=project.active_adapter_id, spans=suggestions or [])
    return result.note_id


def create(seq: int, span_id: str, after: dict[str, Any]) -> dict[str, Any]:
    return {"seq": seq, "action": "create", "span_id": span_id, "before": None, "after": after}
