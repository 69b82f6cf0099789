"""The protocol between the span editor and the server, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import pytest
from support.app_server import AppServer

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import AnnotatedSpan, Annotation
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.services import accounts, annotating, importing, projects

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


@pytest.fixture
def suggestions() -> list[ScoredSpan]:
    return []


@pytest.fixture
def desk(app_server: AppServer, suggestions: list[ScoredSpan]) -> Iterator[Desk]:
    user = demo_user(app_server, Role.ANNOTATOR)
    note_id = new_note(app_server, suggestions)
    opened = annotating.open_note(app_server.app.store, user=user, note_id=note_id)
    with app_server.signed_in(Role.ANNOTATOR) as client:
        yield Desk(app_server, client, user, note_id, opened.annotation.id)


def create(seq: int, span_id: str, after: dict[str, Any]) -> dict[str, Any]:
    return {"seq": seq, "action": "create", "span_id": span_id, "before": None, "after": after}


def test_edits_are_stored_and_acknowledged(desk: Desk) -> None:
    answer = desk.save(create(1, "a", FEVER), create(2, "b", ASPIRIN))
    assert (answer.status_code, answer.json()) == (200, {"client": "tab-1", "ack": 2, "revision": 2})
    assert {s.span.mention(TEXT) for s in desk.spans().values()} == {"fever", "aspirin"}


def test_a_repeated_delivery_changes_nothing(desk: Desk) -> None:
    first = desk.save(create(1, "a", FEVER))
    again = desk.save(create(1, "a", FEVER), create(2, "b", ASPIRIN))  # the answer was lost; a new edit came meanwhile
    assert again.json() == {"client": "tab-1", "ack": 2, "revision": 2}
    assert desk.save(create(1, "a", FEVER)).json()["ack"] == 2
    assert first.json()["revision"] == 1
    assert desk.stored().revision == 2


def test_relabel_resize_delete_and_restore(desk: Desk) -> None:
    desk.save(create(1, "a", FEVER))
    changed = {**FEVER, "label": "Disease"}
    desk.save({"seq": 2, "action": "relabel", "span_id": "a", "before": FEVER, "after": changed}, base=1)
    desk.save({"seq": 3, "action": "delete", "span_id": "a", "before": changed, "after": None}, base=2)
    assert desk.spans() == {}
    answer = desk.save({"seq": 4, "action": "restore", "span_id": "a", "before": None, "after": changed}, base=3)
    assert answer.json()["revision"] == 4
    assert desk.spans()["a"].span == Span(21, 26, "Disease")


def test_a_second_window_gets_a_conflict_with_what_is_stored(desk: Desk) -> None:
    desk.save(create(1, "a", FEVER), client="tab-1")
    answer = desk.save(create(1, "b", ASPIRIN), client="tab-2", base=0)
    body = answer.json()
    assert (answer.status_code, body["error"], body["revision"]) == (409, "conflict", 1)
    assert [(s["id"], s["start"], s["end"], s["label"], s["state"]) for s in body["spans"]] == [
        ("a", 21, 26, "Symptom", "confirmed")
    ]
    assert body["message"]
    assert set(desk.spans()) == {"a"}
    assert desk.save(create(1, "b", ASPIRIN), client="tab-2", base=1).status_code == 200  # after it took note


def test_an_edit_that_cannot_be_applied_is_named_and_the_ones_before_it_stay(desk: Desk) -> None:
    bad = {**ASPIRIN, "label": "Planet"}
    answer = desk.save(create(1, "a", FEVER), create(2, "b", bad), create(3, "c", ASPIRIN))
    assert answer.status_code == 422
    assert answer.json()["error"] == "invalid_edit"
    assert answer.json()["seq"] == 2
    assert "Planet" in answer.json()["message"]
    assert set(desk.spans()) == {"a"}


@pytest.mark.parametrize(
    "after",
    [
        {**FEVER, "end": 21},
        {**FEVER, "end": 10_000},
        {**FEVER, "label": "Planet"},
        {**FEVER, "state": "gold"},
    ],
)
def test_a_span_that_no_note_can_have_is_an_invalid_edit(desk: Desk, after: dict[str, Any]) -> None:
    answer = desk.save(create(1, "a", after))
    assert (answer.status_code, answer.json()["error"], answer.json()["seq"]) == (422, "invalid_edit", 1)
    assert desk.spans() == {}


MALFORMED: list[Any] = [
    [],
    "text",
    None,
    {},
    {"client": "c", "base_revision": 0},
    {"client": "c", "base_revision": 0, "edits": {}},
    {"client": "c", "base_revision": True, "edits": []},
    {"client": "c", "base_revision": -1, "edits": []},
    {"client": "c", "base_revision": 0.5, "edits": []},
    {"client": "c", "base_revision": 10**30, "edits": []},
    {"client": "", "base_revision": 0, "edits": []},
    {"client": "c" * 65, "base_revision": 0, "edits": []},
    {"client": "a\x00b", "base_revision": 0, "edits": []},
    {"client": 5, "base_revision": 0, "edits": []},
    *(
        {"client": "c", "base_revision": 0, "edits": [edit]}
        for edit in (
            5,
            {},
            create(0, "a", FEVER),
            create(True, "a", FEVER),
            create(1, "", FEVER),
            create(1, "a" * 65, FEVER),
            create(1, "a", {**FEVER, "start": True}),
            create(1, "a", {**FEVER, "start": "21"}),
            create(1, "a", {**FEVER, "start": 10**30, "end": 10**30 + 1}),
            create(1, "a", {**FEVER, "label": 7}),
            create(1, "a", {"start": 1, "end": 2}),
            {**create(1, "a", FEVER), "after": "x"},
            {**create(1, "a", FEVER), "action": ["create"]},
        )
    ),
    {"client": "c", "base_revision": 0, "edits": [create(1, "a", FEVER)] * 501},
]


@pytest.mark.parametrize("body", MALFORMED)
def test_a_body_that_the_editor_never_sends_is_refused_as_a_whole(desk: Desk, body: Any) -> None:
    answer = desk.client.post(f"/api/annotations/{desk.annotation_id}/edits", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "malformed"
    assert desk.stored().revision == 0


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"client": NaN}'])
def test_bytes_that_are_no_json_are_refused(desk: Desk, content: bytes) -> None:
    answer = desk.client.post(f"/api/annotations/{desk.annotation_id}/edits", content=content)
    assert (answer.status_code, answer.json()["error"]) == (400, "malformed")


def test_a_body_over_a_megabyte_is_not_read(desk: Desk) -> None:
    huge = json.dumps({"client": "c", "base_revision": 0, "edits": [], "x": "x" * 1_000_000}).encode()
    answer = desk.client.post(f"/api/annotations/{desk.annotation_id}/edits", content=huge)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")

    def in_pieces() -> Iterator[bytes]:  # without a Content-Length
        yield from (huge[i : i + 65_536] for i in range(0, len(huge), 65_536))

    answer = desk.client.post(f"/api/annotations/{desk.annotation_id}/edits", content=in_pieces())
    assert answer.status_code == 413


def test_somebody_elses_annotation_does_not_exist(desk: Desk) -> None:
    with desk.server.signed_in(Role.ADMIN) as other:
        for path in (f"{desk.annotation_id}/edits", f"{desk.annotation_id}/submit", "999999/edits", f"{10**25}/edits"):
            body = {"client": "c", "base_revision": 0, "revision": 0, "edits": [create(1, "a", FEVER)]}
            answer = other.post(f"/api/annotations/{path}", json=body)
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert desk.spans() == {}


@pytest.mark.parametrize("suggestions", [[ScoredSpan(Span(21, 26, "Symptom"), 0.8)]])
def test_a_note_is_submitted_when_every_suggestion_was_looked_at(desk: Desk) -> None:
    answer = desk.submit(1)
    assert (answer.status_code, answer.json()["error"]) == (422, "untouched")
    accepted = {"start": 21, "end": 26, "label": "Symptom", "state": "confirmed"}
    saved = desk.save({"seq": 1, "action": "accept", "span_id": "m0", "before": None, "after": accepted}, base=1)
    assert saved.json()["revision"] == 2
    assert desk.submit(1).json()["error"] == "conflict"
    assert desk.submit(2).json() == {"revision": 2}
    assert desk.submit(2).status_code == 200  # the answer was lost
    late = desk.save(create(2, "late", ASPIRIN), base=2)
    assert (late.status_code, late.json()["error"], len(late.json()["spans"])) == (409, "submitted", 1)
    assert desk.spans()["m0"].score == pytest.approx(0.8)


def test_after_signing_out_nothing_is_stored(desk: Desk) -> None:
    desk.client.post("/sign-out")
    answer = desk.save(create(1, "a", FEVER))
    assert (answer.status_code, answer.json()["error"]) == (401, "signed_out")
    assert desk.spans() == {}


def test_an_edit_keeps_the_session_alive(desk: Desk) -> None:
    session = accounts.token_hash(desk.client.cookies["medner_session"])
    desk.server.make_idle(session, minutes=20)
    before = desk.server.last_seen(session)
    desk.save(create(1, "a", FEVER))
    assert desk.server.last_seen(session) != before


def test_submitted_notes_are_exported_to_those_who_may(desk: Desk) -> None:
    desk.save(create(1, "a", FEVER))
    desk.submit(1)
    project_id = projects.all_projects(desk.server.app.store)[0].id
    path = f"/api/projects/{project_id}/export.jsonl"
    assert desk.client.get(path).json()["error"] == "forbidden"
    with desk.server.signed_in(Role.LEAD) as lead:
        answer = lead.get(path)
        assert "attachment" in answer.headers["content-disposition"]
        assert answer.headers["cache-control"] == "no-store"
        lines = [json.loads(line) for line in answer.text.splitlines()]
        ours = [line for line in lines if line["text"].startswith(TEXT)]
        assert [(s["start"], s["end"], s["label"]) for s in ours[-1]["spans"]] == [(21, 26, "Symptom")]
        assert lead.get("/api/projects/999999/export.jsonl").status_code == 404
        assert lead.get(f"/api/projects/{10**25}/export.jsonl").status_code == 404
