"""The protocol between the span editor and the server, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.http_desk import ASPIRIN, FEVER, TEXT, Desk, create

from mednerapp.domain.accounts import Role
from mednerapp.domain.clock import now
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.services import accounts, projects


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
    assert body["by"] == "another window of yours"
    assert abs(datetime.fromisoformat(body["at"]) - now()) < timedelta(minutes=10)
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
        {**FEVER, "fragments": [[21, 23]]},
        {**FEVER, "fragments": [[21, 23], [24, 27]]},
        {**FEVER, "fragments": [[24, 26], [21, 23]]},
        {**FEVER, "assertion": "maybe", "assertion_by": "person"},
        {**FEVER, "assertion": "absent"},
        {**FEVER, "assertion": "absent", "assertion_by": "somebody"},
        {**FEVER, "comment": "x" * 2_001},
        {**FEVER, "comment": "a\x00b"},
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
            {**create(1, "a", FEVER), "step": 5},
            {**create(1, "a", FEVER), "step": "s" * 65},
            {**create(1, "a", FEVER), "phase": True},
            *(
                create(1, "a", {**FEVER, **more})
                for more in (
                    {"fragments": 5},
                    {"fragments": [[21]]},
                    {"fragments": [[21, 23, 26]]},
                    {"fragments": [["21", 23], [24, 26]]},
                    {"fragments": [[21, True], [24, 26]]},
                    {"fragments": [[21, 23], [24, 10**30]]},
                    {"assertion": 1},
                    {"assertion": "absent", "assertion_by": []},
                    {"comment": 7},
                    {"unsure": "yes"},
                    {"unsure": 1},
                )
            ),
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
        assert lead.get(f"/api/projects/{project_id}/export/xls").status_code == 404
        table = lead.get(f"/api/projects/{project_id}/export/csv?spans=all")
        assert table.content.startswith(b"PK")
        assert f"medner-project-{project_id}-csv.zip" in table.headers["content-disposition"]
        assert lead.get(f"/api/projects/{10**25}/export.jsonl").status_code == 404


def test_all_that_is_said_of_a_span_is_stored_and_comes_back(desk: Desk) -> None:
    said = {"assertion": "absent", "assertion_by": "model", "comment": "which leg?\n😀", "unsure": True}
    pieces = {"fragments": [[21, 23], [24, 26]]}
    assert desk.save(create(1, "a", {**FEVER, **pieces, **said})).status_code == 200
    person = {"seq": 2, "action": "assert", "span_id": "a"}
    by_person = {"assertion": "historical", "assertion_by": "person"}
    assert desk.save({**person, "after": {**FEVER, **by_person}}, base=1).status_code == 200
    (stored,) = desk.save(create(1, "b", ASPIRIN), client="tab-2").json()["spans"]
    origin = {"id": "a", "origin": "person", "score": None, "adapter_id": None}
    assert stored == {**FEVER, **origin, **pieces, **said, **by_person}


def test_a_batch_that_cannot_be_is_refused_as_a_whole(desk: Desk) -> None:
    answer = desk.save(create(1, "a", FEVER), create(1, "b", ASPIRIN))
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
    assert desk.spans() == {}


def test_a_phase_that_there_is_not_and_an_undo_of_nothing_are_invalid_edits(desk: Desk) -> None:
    for more in ({"step": "s", "phase": "again"}, {"phase": "undo"}):
        answer = desk.save({**create(1, "a", FEVER), **more})
        assert (answer.status_code, answer.json()["error"], answer.json()["seq"]) == (422, "invalid_edit", 1)


def test_null_is_as_good_as_left_out(desk: Desk) -> None:
    nothing = dict.fromkeys(("fragments", "assertion", "assertion_by", "comment", "unsure"))
    answer = desk.save({**create(1, "a", {**FEVER, **nothing}), "step": None, "phase": None})
    assert answer.status_code == 200
    assert set(desk.spans()["a"].as_dict()) == {"id", "origin", "score", "adapter_id", *FEVER}


@pytest.mark.parametrize("arrived", [0, 1, 3])
def test_after_a_reload_what_was_not_acknowledged_is_sent_again_and_the_page_goes_on_under_a_new_name(
    desk: Desk, arrived: int
) -> None:
    """Of three edits some had arrived when the page was closed before it heard so."""
    outbox = [create(1, "a", FEVER), create(2, "b", ASPIRIN), {**create(3, "c", FEVER), "step": "s3"}]
    if arrived:
        desk.save(*outbox[:arrived], client="before")
    again = desk.save(*outbox, client="before", base=0)
    assert again.json() == {"client": "before", "ack": 3, "revision": 3}
    assert desk.save(*outbox, client="before", base=0).json() == again.json()  # and the second answer was lost
    assert desk.save(create(1, "d", ASPIRIN), client="after", base=3).json()["revision"] == 4
    assert set(desk.spans()) == {"a", "b", "c", "d"}
    # A page of before that comes late has nothing new to say; one that has is told of the page after it.
    assert desk.save(*outbox, client="before", base=0).json()["ack"] == 3
    late = desk.save(create(4, "e", FEVER), client="before", base=3)
    assert (late.status_code, late.json()["by"]) == (409, "another window of yours")


def test_of_an_outbox_that_is_sent_again_a_refused_edit_is_named_and_the_rest_can_follow(desk: Desk) -> None:
    bad = create(2, "b", {**ASPIRIN, "label": "Planet"})
    assert desk.save(create(1, "a", FEVER), bad, client="before").json()["seq"] == 2
    assert desk.save(create(1, "a", FEVER), bad, client="before").json()["seq"] == 2
    rest = desk.save(create(3, "c", ASPIRIN), client="before")
    assert (rest.status_code, rest.json()["ack"], rest.json()["revision"]) == (200, 3, 2)
    assert set(desk.spans()) == {"a", "c"}


def test_an_outbox_that_finds_another_windows_work_is_a_conflict_until_a_person_decides(desk: Desk) -> None:
    desk.save(create(1, "a", FEVER), client="before")
    desk.save(create(1, "x", ASPIRIN), client="other", base=1)
    answer = desk.save(create(1, "a", FEVER), create(2, "b", ASPIRIN), client="before", base=0)
    assert (answer.status_code, answer.json()["revision"]) == (409, 2)
    assert {s["id"] for s in answer.json()["spans"]} == {"a", "x"}
    assert set(desk.spans()) == {"a", "x"}
