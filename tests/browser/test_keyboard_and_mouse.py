"""The same note of 40 edits from the keyboard alone and by mouse: both end in the same annotation in the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page
from support.annotate_page import AnnotatePage, Hand, Keyboard, Mouse, add_note, person, stored_spans
from support.app_server import AppServer, prepare_demo, running

from mednerapp.domain.accounts import Role
from mednerapp.domain.annotations import replay

pytestmark = pytest.mark.browser

TEXT = """Discharge letter for Mrs. Ólafsdóttir 🩺

Reason: crushing chest pain since Monday; no dyspnoea, possible pneumonia.
History: type 2 diabetes mellitus, Me\u0301nie\u0300re's disease. Her mother had breast cancer.
Started metformin 500 mg and ramipril; aspirin stopped. Warfarin was considered.
ECG 👩‍⚕️ normal, chest X-ray clear, troponin negative, coronary angiography planned.
Nausea on day 2, nausea on day 3, nausea at home; NAUSEA resolved.
Plan: physiotherapy, echocardiogram, follow-up in 2 weeks.
"""
MENIERE = "Me\u0301nie\u0300re's disease"
SUGGESTIONS = (
    ("chest pain", "Symptom", 0.93),
    ("dyspnoea", "Symptom", 0.81),
    ("pneumonia", "Disease", 0.62),
    ("diabetes", "Test", 0.41),
    ("metformin", "Drug", 0.97),
    ("ECG", "Test", 0.9),
    ("normal", "Disease", 0.31),
    ("troponin", "Drug", 0.52),
    ("follow-up", "Procedure", 0.22),
)
EDITS = 40


def work(hand: Hand) -> int:
    """What is done to the note; the number of edits, each of which a person would undo at once."""
    done = 0

    def on(mention: str) -> Hand:
        hand.choose(mention)
        return hand

    def did(*_: None) -> None:
        nonlocal done
        done += len(_)

    did(on("chest pain").accept())
    did(on("chest pain").edge("start", -1))
    did(on("normal").reject())
    did(on("follow-up").delete())
    did(on("troponin").label("Test"))
    did(on("diabetes").label("Disease"))
    did(on("diabetes").edge("start", -1), on("2 diabetes").edge("start", -1), on("type 2 diabetes").edge("end", 1))
    did(on("dyspnoea").accept())
    did(on("dyspnoea").assertion("absent"))
    did(on("pneumonia").accept())
    did(on("pneumonia").assertion("possible"))
    did(hand.create("breast cancer", "Disease"))
    did(on("breast cancer").assertion("family"))
    did(hand.create(MENIERE, "Disease"))
    did(on(MENIERE).assertion("historical"))
    did(hand.create("ramipril", "Drug"))
    did(on("ramipril").assertion("present"))
    did(hand.create("aspirin", "Drug"))
    did(on("aspirin").unsure())
    did(on("aspirin").comment("Stopped, or paused? 🩺"))
    did(hand.create("Warfarin", "Drug"))
    did(on("Warfarin").assertion("conditional"))
    did(hand.create("metformin 500 mg", "Drug"))  # around the suggestion: nested
    did(on("metformin").accept())
    did(hand.create("chest X-ray", "Test"))
    did(hand.create("X-ray clear", "Symptom"))  # overlaps the one before
    did(on("X-ray clear").delete())
    did(hand.undo(), hand.redo(), hand.undo())
    did(hand.create("coronary angiography", "Procedure"))
    did(hand.create("angiography planned", "Procedure"))
    did(on("angiography planned").edge("end", -1))  # now nested
    did(hand.create("Nausea", "Disease"))
    did(hand.to_all("Label"))
    did(on("Nausea").label("Symptom"))
    did(hand.to_all("Relabel"))
    did(hand.undo(), hand.redo())  # all of them at once
    did(hand.create("physiotherapy", "Procedure"))
    return done


EXPECTED = {
    ("crushing chest pain", "Symptom", "confirmed"),
    ("dyspnoea", "Symptom", "confirmed", "absent"),
    ("pneumonia", "Disease", "confirmed", "possible"),
    ("type 2 diabetes mellitus", "Disease", "confirmed"),
    (MENIERE, "Disease", "confirmed", "historical"),
    ("breast cancer", "Disease", "confirmed", "family"),
    ("metformin 500 mg", "Drug", "confirmed"),
    ("metformin", "Drug", "confirmed"),
    ("ramipril", "Drug", "confirmed", "present"),
    ("aspirin", "Drug", "confirmed", "unsure", "Stopped, or paused? 🩺"),
    ("Warfarin", "Drug", "confirmed", "conditional"),
    ("ECG", "Test", "suggested"),
    ("normal", "Disease", "rejected"),
    ("chest X-ray", "Test", "confirmed"),
    ("X-ray clear", "Symptom", "confirmed"),
    ("troponin", "Test", "confirmed"),
    ("coronary angiography", "Procedure", "confirmed"),
    ("angiography", "Procedure", "confirmed"),
    ("Nausea", "Symptom", "confirmed"),
    ("nausea", "Symptom", "confirmed"),
    ("NAUSEA", "Symptom", "confirmed"),
    ("physiotherapy", "Procedure", "confirmed"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as found:
        yield found


def done_by(page: Page, server: AppServer, way: type[Keyboard | Mouse], role: Role, note_id: int) -> int:
    note = AnnotatePage(page, server)
    note.sign_in(role, note_id)
    edits = work(way(note))
    note.saved()
    return edits


def contents(server: AppServer, note_id: int, role: Role) -> list[dict[str, Any]]:
    """Everything but the ids, in text order."""
    spans = [span.as_dict() for span in stored_spans(server, note_id, role)]
    return sorted(
        ({name: value for name, value in span.items() if name != "id"} for span in spans),
        key=lambda span: (span["start"], span["end"], span["label"]),
    )


def told(span: dict[str, Any]) -> tuple[str, ...]:
    """A span in the words of EXPECTED; an assertion only where a person gave it."""
    given = (span["assertion"],) if span.get("assertion_by") == "person" else ()
    doubt = ("unsure",) if span.get("unsure") else ()
    comment = (span["comment"],) if span.get("comment") else ()
    return (TEXT[span["start"] : span["end"]], span["label"], span["state"], *given, *doubt, *comment)


def test_forty_edits_by_keyboard_alone_and_by_mouse_end_in_the_same_annotation(page: Page, server: AppServer) -> None:
    """The second person has the same note: what the first one did is not shown to them."""
    note_id = add_note(server, TEXT, title="Forty edits", found=SUGGESTIONS)
    by_keyboard = done_by(page, server, Keyboard, Role.ANNOTATOR, note_id)
    page.goto(f"{server.url}/sign-out")
    page.context.clear_cookies()
    by_mouse = done_by(page, server, Mouse, Role.LEAD, note_id)
    assert by_keyboard == by_mouse >= EDITS

    first, second = contents(server, note_id, Role.ANNOTATOR), contents(server, note_id, Role.LEAD)
    assert first == second
    assert {told(span) for span in first} == EXPECTED

    for role in (Role.ANNOTATOR, Role.LEAD):
        with server.app.store.read() as tx:
            annotation = tx.annotations.of(note_id=note_id, user_id=person(server, role).id)
            assert annotation is not None
            assert {span.id: span for span in annotation.spans} == replay(tx.annotations.events(annotation.id))
