"""What the span editor reads of an annotation, over real HTTP."""

from __future__ import annotations

import httpx
import pytest
from support.app_server import AppServer
from support.http_desk import ASPIRIN, FEVER, Desk, create, demo_user

from mednerapp.domain.accounts import Role
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.services import annotating


@pytest.fixture
def suggestions() -> list[ScoredSpan]:
    return [ScoredSpan(Span(21, 26, "Symptom"), 0.8)]


PATHS = ("history", "revision", "timeline", "at/0", "sources", "underlay?source=adapter:1")


def get(desk: Desk, path: str) -> httpx.Response:
    return desk.client.get(f"/api/annotations/{desk.annotation_id}/{path}")


def test_after_a_reload_the_editor_learns_what_can_be_undone_and_redone(desk: Desk) -> None:
    desk.save({**create(1, "a", FEVER), "step": "s1"}, {**create(2, "b", ASPIRIN), "step": "s2"}, base=1)
    gone = {"action": "delete", "span_id": "b", "before": ASPIRIN, "after": None}
    desk.save({"seq": 3, **gone, "step": "s2", "phase": "undo"}, base=3)
    body = get(desk, "history").json()
    assert (body["revision"], [s["step"] for s in body["done"]], [s["step"] for s in body["undone"]]) == (
        4,
        ["s1"],
        ["s2"],
    )
    (change,) = body["undone"][0]["changes"]
    assert change["before"] is None
    assert {**change["after"], **ASPIRIN} == change["after"]
    assert body["undone"][0]["bulk"] is False


def test_a_tab_that_was_away_learns_cheaply_that_it_is_stale(desk: Desk) -> None:
    assert get(desk, "revision").json() == {"revision": 1, "state": "in_progress"}
    desk.save(create(1, "a", FEVER), base=1)
    assert get(desk, "revision").json()["revision"] == 2


def test_earlier_states_and_the_timeline(desk: Desk) -> None:
    desk.save(create(1, "a", FEVER), base=1)
    body = get(desk, "timeline").json()
    assert [(e["first"], e["last"], e["kind"], e["what"]) for e in body["entries"]] == [
        (2, 2, "do", "marked “fever”"),
        (1, 1, "suggestions", "1 suggestion"),
    ]
    assert body["entries"][0]["who"] == desk.user.name
    assert get(desk, "at/0").json() == {"revision": 0, "spans": []}
    assert [s["id"] for s in get(desk, "at/1").json()["spans"]] == ["m0"]
    assert [s["id"] for s in get(desk, "at/2").json()["spans"]] == ["a", "m0"]
    for revision in ("3", str(10**25)):
        assert get(desk, f"at/{revision}").status_code == httpx.codes.NOT_FOUND


def test_a_models_spans_are_laid_under_ones_own(desk: Desk) -> None:
    (source,) = get(desk, "sources").json()["sources"]
    assert (source["name"], source["spans"]) == ("Starter", 1)
    body = get(desk, f"underlay?source={source['id']}").json()
    assert (body["source"], body["name"]) == (source["id"], "Starter")
    assert [(s["start"], s["end"], s["label"], s["score"]) for s in body["spans"]] == [(21, 26, "Symptom", 0.8)]
    answer = get(desk, "underlay?source=person:1")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_who_may_review_sees_what_others_confirmed(desk: Desk, app_server: AppServer) -> None:
    desk.save(create(1, "a", FEVER), base=1)
    lead = demo_user(app_server, Role.LEAD)
    own = annotating.open_note(app_server.app.store, user=lead, note_id=desk.note_id).annotation.id
    with app_server.signed_in(Role.LEAD) as client:
        found = client.get(f"/api/annotations/{own}/sources").json()["sources"]
        assert found[-1] == {"id": f"person:{desk.user.id}", "name": desk.user.name, "spans": 1}
        body = client.get(f"/api/annotations/{own}/underlay?source=person:{desk.user.id}").json()
        assert [s["id"] for s in body["spans"]] == ["a"]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_reads_somebody_elses_annotation(desk: Desk, path: str) -> None:
    with desk.server.signed_in(Role.ADMIN) as other:
        for number in (desk.annotation_id, 999_999, 10**25):
            answer = other.get(f"/api/annotations/{number}/{path}")
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    desk.client.post("/sign-out")
    answer = get(desk, path)
    assert (answer.status_code, answer.json()["error"]) == (401, "signed_out")
    assert desk.client.post(f"/api/annotations/{desk.annotation_id}/{path}").status_code in (401, 405)
