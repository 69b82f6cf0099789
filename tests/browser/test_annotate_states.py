"""The annotate page in the eight states that the guide shows, and what has to be seen in each.

With MEDNER_SCREENSHOTS=FOLDER they are kept as pictures; the ones in docs/images/annotate were made so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.annotate_page import AnnotatePage, Keyboard, person, place, stored_spans
from support.app_server import AppServer, prepare_demo, running

from mednerapp.bench.fuzz.window import PLACE
from mednerapp.domain.accounts import Role
from mednerapp.domain.annotations import EditAction, SpanState
from mednerapp.domain.models import AdapterKind
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.services import annotating, projects
from tests.support.makers import MEDICAL_SCHEMA, change

pytestmark = pytest.mark.browser

# The browser's own selection of [start, end) UTF-16 units of the note.
SELECT = PLACE.replace(
    "const { x, y, width",
    "const { startContainer: first, startOffset, endContainer: last, endOffset } = range;"
    "getSelection().setBaseAndExtent(first, startOffset, last, endOffset); const { x, y, width",
)
TITLE = "COPD exacerbation, discharge letter"
MOST_BYTES = 250_000
FOUND = (
    ("infective exacerbation of COPD", "Disease", 0.94),
    ("NIV", "Procedure", 0.71),
    ("coughing", "Symptom", 0.9),
    ("drowsy", "Symptom", 0.84),
    ("first blood gas", "Test", 0.66),
    ("BiPAP", "Procedure", 0.88),
    ("chest X-ray", "Test", 0.97),
    ("hyperinflation", "Disease", 0.48),
    ("pneumonia", "Disease", 0.93),
    ("pneumothorax", "Disease", 0.95),
    ("ECG", "Test", 0.98),
    ("multifocal atrial tachycardia", "Disease", 0.9),
    ("potassium", "Test", 0.57),
    ("Troponin", "Drug", 0.39),
    ("CTPA", "Test", 0.86),
    ("D-dimer", "Test", 0.91),
    ("salbutamol", "Drug", 0.98),
    ("ipratropium", "Drug", 0.97),
    ("prednisolone 30 mg", "Drug", 0.93),
    ("doxycycline", "Drug", 0.97),
    ("ankles were swollen", "Symptom", 0.62),
    ("tiotropium", "Drug", 0.96),
    ("salmeterol", "Drug", 0.95),
    ("fluticasone", "Drug", 0.95),
    ("Carbocisteine", "Drug", 0.94),
    ("pulmonary rehabilitation", "Procedure", 0.79),
)
# What the second model sees otherwise: other labels, other boundaries, some more, some not at all.
OTHERWISE = {
    "Troponin": ("Troponin", "Test", 0.9),
    "first blood gas": ("blood gas", "Test", 0.93),
    "hyperinflation": ("hyperinflation", "Symptom", 0.6),
    "NIV": None,
    "ankles were swollen": ("swollen", "Symptom", 0.5),
}
MORE = (("bedside echo", "Test", 0.7), ("nicotine patch", "Drug", 0.8), ("pneumococcal vaccine", "Drug", 0.6))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as found:
        yield found


@pytest.fixture(scope="module")
def note_id(server: AppServer) -> int:
    """A demo note with the suggestions of the model in force, and of a second one to compare."""
    store = server.app.store
    project = projects.all_projects(store)[0]
    adapter_id = project.active_adapter_id
    assert adapter_id is not None
    with store.write() as tx:
        summaries = tx.notes.texts(list(range(1, 41)))
        note_id = next(note_id for note_id, text in summaries if "Mrs Hyacinth Vellacott" in text)
        text = dict(summaries)[note_id]
        other = tx.models.add_adapter(
            name="Ward adapter",
            kind=AdapterKind.LORA,
            encoder_id=tx.models.encoders()[0].id,
            folder="adapters/test",
            weights_hash="1" * 64,
            labels=MEDICAL_SCHEMA.names,
            project_id=project.id,
        )
        seen = [kept for one in FOUND if (kept := OTHERWISE.get(one[0], one))] + list(MORE)
        for number, found in ((adapter_id, FOUND), (other.id, seen)):
            spans = [ScoredSpan(Span(*place(text, words), label), score) for words, label, score in found]
            tx.predictions.put(note_id=note_id, adapter_id=number, spans=spans)
    return note_id


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("MEDNER_SCREENSHOTS")
    if not folder:
        return
    expect(page.locator("[data-testid=stStatusWidget]")).to_have_count(0)
    path = Path(folder) / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    assert path.stat().st_size <= MOST_BYTES


Opened = Callable[..., AnnotatePage]


@pytest.fixture
def opened(page: Page, server: AppServer, note_id: int) -> Opened:
    def open_note(role: Role = Role.LEAD) -> AnnotatePage:
        note = AnnotatePage(page, server)
        note.sign_in(role, note_id)
        return note

    return open_note


def test_an_empty_queue_says_what_can_be_done_next(page: Page, server: AppServer) -> None:
    schema = projects.all_projects(server.app.store)[0].schema
    with server.app.store.write() as tx:
        if not tx.projects.by_name("Ward 7"):
            tx.projects.add(name="Ward 7", schema=schema)
    page.goto(f"{server.url}/annotate")
    page.get_by_role("button", name="Lead").click()
    page.get_by_role("combobox", name="Project").click()
    page.get_by_role("option", name="Ward 7").click()
    expect(page.get_by_role("heading", name="No notes yet")).to_be_visible()
    expect(page.get_by_role("link", name="Upload notes").or_(page.get_by_text("Upload notes")).first).to_be_visible()
    picture(page, "empty-queue")


def test_a_fresh_note_shows_its_suggestions(opened: Opened) -> None:
    note = opened()
    expect(note.page.get_by_text(f"{len(FOUND)} suggestions")).to_be_visible()
    picture(note.page, "fresh-note")


def test_an_active_span_shows_what_can_be_done_with_it(opened: Opened) -> None:
    note = opened()
    Keyboard(note).choose("chest X-ray")
    note.page.locator(".text mark.active").first.click()
    note.saved()
    expect(note.page.locator(".floating")).to_be_visible()
    picture(note.page, "active-span")


def test_a_bulk_change_is_seen_before_it_is_made(opened: Opened) -> None:
    note = opened()
    Keyboard(note).choose("ECG")
    note.press("b")
    note.page.get_by_role("combobox", name="Do", exact=True).select_option(label="Label")
    note.page.get_by_role("radio", name="all my open notes").check()
    groups = note.page.locator(".place-group")
    expect(groups.nth(1)).to_be_visible()
    picture(note.page, "bulk-preview")
    note.press("Escape")


def test_a_conflict_is_shown_with_both_versions(opened: Opened, note_id: int) -> None:
    note = opened(Role.CLINICIAN)
    store, user = note.server.app.store, person(note.server, Role.CLINICIAN)
    annotation = annotating.open_note(store, user=user, note_id=note_id).annotation
    by_mention = {note.text[s.span.start : s.span.end]: s for s in annotation.spans}
    edits = [
        change(1, EditAction.RELABEL, by_mention["Troponin"].id, replace(by_mention["Troponin"].span, label="Test")),
        change(
            2, EditAction.REJECT, by_mention["hyperinflation"].id, by_mention["hyperinflation"].span, SpanState.REJECTED
        ),
    ]
    annotating.save_edits(
        store,
        user=user,
        annotation_id=annotation.id,
        client="another window",
        base_revision=annotation.revision,
        edits=edits,
    )
    Keyboard(note).choose("hyperinflation")
    note.press("2")
    expect(note.page.locator(".banner").filter(has_text="changed in another window")).to_be_visible()
    expect(note.page.locator(".conflict-list li")).to_have_count(2)
    picture(note.page, "conflict")
    note.page.get_by_role("button", name="Merge", exact=True).click()
    note.saved()
    kept = {note.text[s.span.start : s.span.end]: s for s in stored_spans(note.server, note_id, Role.CLINICIAN)}
    assert kept["Troponin"].span.label == "Test", "what only the other window changed"
    assert (kept["hyperinflation"].span.label, kept["hyperinflation"].state) == ("Symptom", SpanState.CONFIRMED)


def test_another_model_lies_under_the_text(opened: Opened) -> None:
    note = opened()
    note.press("v")
    sources = note.page.locator(".side select").first
    name = sources.locator("option", has_text="Ward adapter").text_content()
    sources.select_option(label=name)
    expect(note.page.locator(".differences li").first).to_be_visible()
    note.page.locator(".text").focus()
    note.press("d", "d")
    expect(note.page.locator(".underlay-legend")).to_contain_text("Ward adapter")
    picture(note.page, "comparison")


def test_the_page_in_the_dark(opened: Opened) -> None:
    note = opened()
    note.page.emulate_media(color_scheme="dark")
    Keyboard(note).choose("multifocal atrial tachycardia")
    picture(note.page, "dark")


def test_the_page_on_a_small_screen(opened: Opened) -> None:
    note = opened()
    note.page.set_viewport_size({"width": 1024, "height": 768})
    Keyboard(note).choose("drowsy")
    expect(note.page.locator(".status")).to_be_in_viewport(ratio=1)
    picture(note.page, "1024-px")
    note.press("s")
    expect(note.page.locator(".span-list .entry").first).to_be_visible()
    text, panel = (note.page.locator(part).bounding_box() for part in (".pane", ".side"))
    assert text
    assert panel
    assert panel["x"] >= text["x"] + text["width"], "beside the text, not under it"
    assert text["height"] >= 400, "more than the least that it ever gets"
    expect(note.page.locator(".status")).to_be_in_viewport(ratio=1)


def test_a_tablet_is_enough_to_accept_a_suggestion_and_to_mark_a_word(
    browser: Browser, server: AppServer, note_id: int
) -> None:
    """Fingers only: a tap on a span, a selection by its handles, taps on what is then offered.

    Selecting after a long press is the browser's part, which a headless one leaves out: a script does it instead.
    """
    context = browser.new_context(viewport={"width": 1024, "height": 768}, has_touch=True)
    note = AnnotatePage(context.new_page(), server)
    note.sign_in(Role.ADMIN, note_id)
    fingers = context.new_cdp_session(note.page)

    def touch(mention: str) -> None:
        box = note.page.evaluate(PLACE, list(place(note.text, mention)))
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def offered(name: str) -> Locator:
        return note.page.locator(".floating").get_by_role("button", name=name)

    touch("chest X-ray")
    expect(offered("Accept")).to_be_visible()
    sizes = note.page.locator(".floating button").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 24, "targets of WCAG 2.2 AA"
    offered("Accept").tap()
    note.saved()
    touch("letter")
    note.page.evaluate(SELECT, list(place(note.text, "etter")))  # a handle stands inside the word
    note.wait(lambda now: now["selected"], "a word is selected")
    offered("Test").tap()
    note.saved()
    kept = {note.text[s.span.start : s.span.end]: s for s in stored_spans(server, note_id, Role.ADMIN)}
    assert kept["chest X-ray"].state is SpanState.CONFIRMED
    assert (kept["letter"].span.label, kept["letter"].state) == ("Test", SpanState.CONFIRMED)
    context.close()
