"""A short run of the random work that `mednerapp bench fuzz-editor` does at length, and proof that it can fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from support.browser import browser

from mednerapp.bench.fuzz.checking import check_browser, check_history, check_log
from mednerapp.bench.fuzz.run import play_all
from mednerapp.bench.fuzz.traffic import Traffic
from mednerapp.domain.accounts import Role
from mednerapp.domain.annotations import Annotation, AnnotationEvent
from mednerapp.domain.history import steps
from mednerapp.services import annotating
from mednerapp.store import Store
from tests.support.makers import ASPIRIN, FEVER, TEXT, add_note, create, make_project, make_user

__all__ = ["browser"]


@pytest.mark.browser
@pytest.mark.usefixtures("warm")
def test_random_work_with_mishaps_loses_and_invents_nothing(browser: Browser, tmp_path: Path) -> None:
    results = play_all(browser, tmp_path / "data", runs=1, count=60, seed=9, quiet=True)
    assert [fault for result in results for fault in result.faults] == [], results[0].last
    assert results[0].checks == 1
    assert results[0].acknowledged > 0


@pytest.fixture
def record(sqlite_store: Store) -> Iterator[tuple[Annotation, list[AnnotationEvent]]]:
    """Two edits of client "tab" as they are stored."""
    store, user = sqlite_store, make_user(sqlite_store, Role.ANNOTATOR)
    note_id = add_note(store, make_project(store))
    opened = annotating.open_note(store, user=user, note_id=note_id)
    annotating.save_edits(
        store,
        user=user,
        annotation_id=opened.annotation.id,
        client="tab",
        base_revision=0,
        edits=[create(1, "a", FEVER), create(2, "b", ASPIRIN)],
    )
    with store.read() as tx:
        yield tx.annotations.get(opened.annotation.id), tx.annotations.events(opened.annotation.id)


def traffic_of(events: list[AnnotationEvent]) -> Traffic:
    traffic = Traffic()
    for event in events:
        assert event.after
        number = (event.annotation_id, event.client, event.client_seq)
        edit = {"action": event.action.value, "span_id": event.span_id, "after": event.after.as_dict()}
        traffic.sent[number] = edit
        traffic.acknowledged.add(number)
    return traffic


def test_what_is_as_it_was_sent_is_no_fault(record: tuple[Annotation, list[AnnotationEvent]]) -> None:
    annotation, events = record
    assert check_log(annotation, events, traffic_of(events)).faults == []


def test_an_acknowledged_edit_that_is_missing_is_lost(record: tuple[Annotation, list[AnnotationEvent]]) -> None:
    annotation, events = record
    traffic = traffic_of(events)
    traffic.acknowledged.add((annotation.id, "tab", 3))
    assert check_log(annotation, events, traffic).lost == 1


def test_an_event_that_nobody_sent_is_invented(record: tuple[Annotation, list[AnnotationEvent]]) -> None:
    annotation, events = record
    verdict = check_log(annotation, events, traffic_of(events[:1]))
    assert (verdict.lost, verdict.invented) == (0, 1)


def test_an_edit_that_was_stored_otherwise_than_it_was_sent_shows(
    record: tuple[Annotation, list[AnnotationEvent]],
) -> None:
    annotation, events = record
    traffic = traffic_of(events)
    number = (annotation.id, "tab", 2)
    traffic.sent[number] = {**traffic.sent[number], "after": {**traffic.sent[number]["after"], "end": 36}}
    assert len(check_log(annotation, events, traffic).faults) == 1


def test_spans_that_are_not_what_the_log_leads_to_show(record: tuple[Annotation, list[AnnotationEvent]]) -> None:
    annotation, events = record
    other = replace(annotation, spans=annotation.spans[:1])
    assert "replay" in check_log(other, events, traffic_of(events)).faults[0]


def test_a_browser_that_shows_something_else_shows(record: tuple[Annotation, list[AnnotationEvent]]) -> None:
    annotation, events = record
    shown = {
        "revision": 2,
        "spans": [span.as_dict() for span in annotation.spans],
        "canUndo": True,
        "canRedo": False,
        "steps": {"done": [step.id for step in steps(events).done], "undone": []},
    }
    marks = [[FEVER.start, FEVER.end], [ASPIRIN.start, ASPIRIN.end]]
    drawn = {"text": TEXT, "marks": marks}
    assert check_browser(shown, drawn, annotation, TEXT) == []
    assert check_history(shown, events) == []
    assert check_browser({**shown, "spans": shown["spans"][:1]}, drawn, annotation, TEXT)
    assert check_browser({**shown, "revision": 1}, drawn, annotation, TEXT)
    assert check_browser(shown, {"text": TEXT, "marks": marks[:1]}, annotation, TEXT)
    assert check_browser(shown, {"text": TEXT[:-1], "marks": marks}, annotation, TEXT)
    assert check_history({**shown, "canRedo": True}, events)
    assert check_history({**shown, "steps": {"done": [], "undone": []}}, events)
