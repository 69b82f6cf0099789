"""Search and changes of many notes, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import pytest
from support.app_server import AppServer
from support.http_desk import demo_user

from mednerapp.domain.accounts import Role, User
from mednerapp.services import annotating, importing, projects

_number = count(1)


@dataclass(frozen=True)
class Desk:
    server: AppServer
    client: httpx.Client
    user: User
    project_id: int
    word: str
    notes: tuple[int, int]

    def body(self, **more: Any) -> dict[str, Any]:
        return {"kind": "create", "mention": self.word, "label": "Symptom", "whole_words": True, **more}

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.client.post(f"/api/projects/{self.project_id}/bulk/{path}", json=self.body(**more))

    def apply(self, step: str, expected: int = 3, **more: Any) -> httpx.Response:
        return self.post("apply", step=step, expected=expected, excluded=[], **more)

    def spans(self, note_id: int) -> list[tuple[int, int]]:
        found = annotating.open_note(self.server.app.store, user=self.user, note_id=note_id).annotation
        return [(s.span.start, s.span.end) for s in found.spans]


@pytest.fixture
def desk(app_server: AppServer) -> Iterator[Desk]:
    store, lead = app_server.app.store, demo_user(app_server, Role.LEAD)
    project = projects.all_projects(store)[0]
    word = f"zzfever{next(_number)}"  # in no note of the demo
    texts = (f"😀 {word}. No {word.upper()}.", f"A {word} again")
    uploads = [importing.look_at_text(text=text, title="Note") for text in texts]
    results = importing.import_uploads(store, user=lead, project_id=project.id, uploads=uploads)
    first, second = (result.note_id or 0 for result in results)
    with app_server.signed_in(Role.ANNOTATOR) as client:
        yield Desk(app_server, client, demo_user(app_server, Role.ANNOTATOR), project.id, word, (first, second))


def test_look_do_undo_and_redo(desk: Desk) -> None:
    first, second = desk.notes
    seen = desk.post("preview").json()
    assert (seen["notes"], seen["truncated"]) == (2, False)
    end = 2 + len(desk.word)
    assert seen["places"][0] == {
        "note_id": first,
        "title": "Note",
        "annotation_id": None,
        "span_id": None,
        "start": 2,
        "end": end,
        "before": "😀 ",
        "mention": desk.word,
        "after": f". No {desk.word.upper()}.",
    }
    done = desk.apply(f"step-{desk.word}")
    assert done.status_code == 200, done.text
    assert (done.json()["notes"], done.json()["places"], done.json()["skipped"]) == (2, 3, [])
    assert desk.apply(f"step-{desk.word}").json()["operation_id"] == done.json()["operation_id"]
    assert (2, end) in desk.spans(first)
    undone = desk.client.post(f"/api/bulk/step-{desk.word}/undo", json={})
    assert undone.json() == {"notes": 2, "kept": []}
    assert desk.spans(first) == desk.spans(second) == []
    assert desk.client.post(f"/api/bulk/step-{desk.word}/redo", json={}).json() == {"notes": 2, "kept": []}
    assert desk.spans(second) == [(2, end)]


def test_other_places_than_were_shown_are_a_conflict(desk: Desk) -> None:
    answer = desk.apply(f"step-{desk.word}", expected=2)
    assert (answer.status_code, answer.json()["error"]) == (409, "changed")
    assert desk.spans(desk.notes[0]) == []


def test_words_are_found_in_the_project(desk: Desk) -> None:
    found = desk.client.post(f"/api/projects/{desk.project_id}/find", json={"q": desk.word.upper()}).json()
    assert [(note["note_id"], len(note["places"])) for note in found["notes"]] == [
        (desk.notes[0], 2),
        (desk.notes[1], 1),
    ]
    assert found["notes"][0]["places"][0]["start"] == 2
    assert found["next"] is None
    after = {"q": desk.word, "after": desk.notes[0]}
    rest = desk.client.post(f"/api/projects/{desk.project_id}/find", json=after).json()
    assert [note["note_id"] for note in rest["notes"]] == [desk.notes[1]]


def test_who_is_not_signed_in_sees_and_changes_nothing(desk: Desk) -> None:
    with desk.server.client() as stranger:
        base = f"/api/projects/{desk.project_id}"
        for answer in (
            stranger.post(f"{base}/find", json={"q": desk.word}),
            stranger.post(f"{base}/bulk/preview", json=desk.body()),
            stranger.post(f"{base}/bulk/apply", json=desk.body(step="s", expected=3)),
            stranger.post("/api/bulk/s/undo", json={}),
        ):
            assert answer.status_code == 401
            assert desk.word not in answer.text


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"kind": "explode"}, 400),
        ({"mention": 7}, 400),
        ({"mention": "a\x00b"}, 400),
        ({"mention": ""}, 422),
        ({"mention": "x" * 300}, 422),
        ({"label": "Nonsense"}, 422),
        ({"whole_words": "yes"}, 400),
        ({"kind": "relabel"}, 422),
        ({"except_annotation": "7"}, 400),
    ],
)
def test_what_the_editor_never_sends_is_refused(desk: Desk, wrong: dict[str, Any], status: int) -> None:
    assert desk.post("preview", **wrong).status_code == status


def test_unknown_steps_projects_and_pages(desk: Desk) -> None:
    assert desk.client.post("/api/bulk/never/undo", json={}).status_code == 404
    assert desk.client.post("/api/projects/999999999999/bulk/preview", json=desk.body()).status_code == 404
    url = f"/api/projects/{desk.project_id}/find"
    assert desk.client.post(url, json={"q": "a", "after": "x"}).status_code == 400
    assert desk.client.post(url, json={}).status_code == 400
    assert desk.client.post(url, content=b'{"q": "\\ud800"}').json()["error"] == "malformed"  # half a character
    assert "notes" not in desk.client.get(url, params={"q": "a"}).text  # an address ends up in logs
    assert desk.client.post(url, json={"q": ""}).json()["notes"] == []
