from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import pytest
from support.makers import (
    FEVER,
    TEXT,
    add_note,
    create,
    import_gold,
    make_adapter,
    make_dataset,
    make_project,
    make_user,
    predict,
    promote,
)

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.labels import MEDICAL_SCHEMA, Label, LabelSchema, written_schema
from mednerapp.domain.models import Adapter
from mednerapp.domain.notes import NoteStatus, Progress
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.errors import InvalidEdit, InvalidValue, ModelProblem, NotFound, NotHighlighted, PermissionDenied
from mednerapp.services import accounts, annotating, freezing, predicting, projects
from mednerapp.store import Store


def test_a_new_project_highlights_with_the_newest_starter(store: Store) -> None:
    lead = make_user(store, Role.LEAD)
    bare = projects.create(store, by=lead, name="Before any model")
    make_adapter(store, "Starter 1")
    make_adapter(store, "Tuned elsewhere", project=bare)
    newest = make_adapter(store, "Starter 2")
    project = projects.create(store, by=lead, name=" Ward 3 ", guideline="Mark drugs.")
    assert (project.name, project.guideline, project.active_adapter_id) == ("Ward 3", "Mark drugs.", newest.id)
    assert bare.active_adapter_id is None
    for label, active in (("Gene", None), ("Drug", newest.id)):
        other = projects.create(store, by=lead, name=f"{label}s", schema=written_schema([(label, "", "")]))
        assert other.active_adapter_id == active, "what it knows nothing of it does not highlight"
    assert project.schema.labels == MEDICAL_SCHEMA.labels
    assert [p.name for p in projects.all_projects(store)] == ["Before any model", "Drugs", "Genes", "Ward 3"]
    with pytest.raises(InvalidValue, match="'Ward 3' already"):
        projects.create(store, by=lead, name="Ward 3")
    with pytest.raises(InvalidValue, match="1 to 200"):
        projects.create(store, by=lead, name="x" * 201)


def test_a_guideline_is_changed_by_a_lead_and_never_over_somebody_elses_words(store: Store) -> None:
    lead, annotator = make_user(store, Role.LEAD), make_user(store, Role.ANNOTATOR)
    project = projects.create(store, by=lead, name="Ward 3", guideline="Mark drugs.")

    def change(text: str, was: str, user: User = lead) -> None:
        projects.change_guideline(store, user=user, project_id=project.id, text=text, was=was)

    change("## Drugs\n\nWithout the dose.", "Mark drugs.")
    note = add_note(store, project)
    opened = annotating.open_note(store, user=annotator, note_id=note)
    assert opened.guidelines == {"Drug": "Without the dose."}
    with pytest.raises(InvalidValue, match="Somebody else"):
        change("Mine.", "Mark drugs.")
    with pytest.raises(InvalidValue, match="100,000"):
        change("x" * 100_001, "## Drugs\n\nWithout the dose.")
    with pytest.raises(InvalidValue, match="100,000"):
        projects.create(store, by=lead, name="Ward 4", guideline="x" * 100_001)
    with pytest.raises(PermissionDenied):
        change("Mine.", "## Drugs\n\nWithout the dose.", annotator)
    with store.read() as tx:
        assert tx.projects.get(project.id).guideline == "## Drugs\n\nWithout the dose."


def test_a_project_may_have_labels_of_its_own(store: Store) -> None:
    labels = (Label("Gene", "#123456", "1", "Genes."), Label("Drug", "#000000", "", ""))
    project = projects.create(store, by=None, name="Genes", schema=LabelSchema(labels))
    with store.read() as tx:
        assert tx.projects.get(project.id).schema.labels == labels
        with pytest.raises(NotFound):
            tx.projects.schema(99)


def test_a_label_that_is_added_can_be_given_and_datasets_keep_what_they_were_frozen_with(store: Store) -> None:
    lead, annotator, project = make_user(store), make_user(store, Role.ANNOTATOR), make_project(store)
    before = make_dataset(store, lead, project)
    note = add_note(store, project, f"{TEXT} 75 mg")
    annotation = annotating.open_note(store, user=annotator, note_id=note).annotation
    dose = Span(len(TEXT) + 1, len(TEXT) + 6, "Dose of a drug")

    def give(seq: int) -> int:
        return annotating.save_edits(
            store,
            user=annotator,
            annotation_id=annotation.id,
            client="c",
            base_revision=0,
            edits=[create(seq, "s", dose)],
        ).revision

    with pytest.raises(InvalidEdit, match="Unknown label"):
        give(1)
    changed = projects.add_labels(store, user=lead, project_id=project.id, rows=[("Dose of a drug", "", "75 mg")])
    assert changed.schema.names == (*MEDICAL_SCHEMA.names, "Dose of a drug")
    assert changed.schema.version == 2
    assert give(1) == 1
    annotating.submit(store, user=annotator, annotation_id=annotation.id, revision=1)
    after = freezing.freeze(store, user=lead, project_id=project.id)
    with store.read() as tx:
        assert tx.projects.schema(before.schema_id).labels == MEDICAL_SCHEMA.labels
        assert tx.projects.schema(after.schema_id).names == changed.schema.names
    with pytest.raises(InvalidValue, match="there twice"):
        projects.add_labels(store, user=lead, project_id=project.id, rows=[("drug", "", "")])
    events = accounts.audit_log(store, by=make_user(store, Role.ADMIN), limit=50)
    assert [event.detail for event, _ in events if event.action == "labels added"] == [{"labels": ["Dose of a drug"]}]
    with store.read() as tx:
        assert tx.projects.get(project.id).schema.version == 2


def test_a_list_of_notes_is_as_its_reader_sees_it(store: Store) -> None:
    project, mine, theirs = make_project(store), make_user(store), make_user(store, Role.ANNOTATOR)
    adapter = make_adapter(store)
    promote(store, project, adapter)
    a = add_note(store, project, "naïve 😀", title="Letter 100%")
    b = add_note(store, project, "b", title="Letter 1000")
    (c,) = import_gold(store, mine, project, [(TEXT, [FEVER])])
    annotating.open_note(store, user=mine, note_id=b)
    predict(store, b, adapter, [])

    def listed(**more: object) -> list[tuple[int, NoteStatus, bool]]:
        found = projects.notes(store, user=mine, project_id=project.id, **more)
        return [(n.id, n.status, n.has_prediction) for n in found]

    assert listed() == [
        (a, NoteStatus.NEW, False),
        (b, NoteStatus.IN_PROGRESS, True),
        (c, NoteStatus.SUBMITTED, False),
    ]
    assert listed(status=NoteStatus.NEW) == [(a, NoteStatus.NEW, False)]
    assert listed(search="letter 100%") == [(a, NoteStatus.NEW, False)]  # a percent sign is a percent sign
    assert [i for i, *_ in listed(limit=2)] == [a, b]
    others = projects.notes(store, user=theirs, project_id=project.id)
    assert {n.status for n in others} == {NoteStatus.NEW}
    assert others[0].length == 7  # characters, not bytes


def test_progress_counts_what_is_highlighted_by_the_adapter_in_force_and_what_is_done(store: Store) -> None:
    project, user, colleague = make_project(store), make_user(store), make_user(store, Role.CLINICIAN)

    def progress() -> Progress:
        return projects.progress(store, user=user, project_id=project.id)

    assert progress() == Progress(0, 0, 0)
    note_ids = [add_note(store, project, f"{TEXT} {i}") for i in range(3)]
    first, second = make_adapter(store, "First"), make_adapter(store, "Second")
    for note_id in note_ids[:2]:
        predict(store, note_id, first, [])
    assert progress() == Progress(3, 2, 0)  # before any promotion every prediction counts
    promote(store, project, first)
    assert progress() == Progress(3, 2, 0)
    promote(store, project, second)
    assert progress() == Progress(3, 0, 0)
    for person in (user, colleague):
        annotation = annotating.open_note(store, user=person, note_id=note_ids[0]).annotation
        annotating.submit(store, user=person, annotation_id=annotation.id, revision=0)
    assert progress() == Progress(3, 0, 1)  # a note that two people submitted is one note


# --- highlights ---


def predict_missing(store: Store, project_id: int, adapter: Adapter, seen: list[list[str]]) -> list[tuple[int, int]]:
    progress: list[tuple[int, int]] = []

    def predictor(texts: object, /) -> list[list[ScoredSpan]]:
        seen.append(list(texts))
        return [[ScoredSpan(Span(0, len(text), "Drug"), 0.5)] for text in texts]

    count = predicting.predict_missing(
        store,
        project_id=project_id,
        adapter_id=adapter.id,
        predictor=predictor,
        on_progress=lambda done, total: progress.append((done, total)),
        fence=lambda _: None,
    )
    assert count == progress[-1][1]
    return progress


def test_every_note_is_highlighted_once_the_oldest_first(store: Store) -> None:
    project, adapter = make_project(store), make_adapter(store)
    note_ids = [add_note(store, project, f"note {i}") for i in range(11)]
    add_note(store, make_project(store, "Ward 4"), "of another project")
    predict(store, note_ids[1], adapter, [])
    seen: list[list[str]] = []
    assert predict_missing(store, project.id, adapter, seen) == [(0, 10), (8, 10), (10, 10)]
    assert list(chain(*seen)) == [f"note {i}" for i in range(11) if i != 1]
    with store.read() as tx:
        assert tx.predictions.get(note_id=note_ids[1], adapter_id=adapter.id) == []
        found = tx.predictions.get(note_id=note_ids[10], adapter_id=adapter.id)
    assert found == [ScoredSpan(Span(0, 7, "Drug"), 0.5)]
    assert predict_missing(store, project.id, adapter, seen) == [(0, 0)]


def test_what_was_highlighted_before_a_job_died_is_kept(store: Store) -> None:
    project, adapter = make_project(store), make_adapter(store)
    for i in range(11):
        add_note(store, project, f"note {i}")

    def die_after_the_first_chunk(done: int, _total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predicting.predict_missing(
            store,
            project_id=project.id,
            adapter_id=adapter.id,
            predictor=lambda texts: [[] for _ in texts],
            on_progress=die_after_the_first_chunk,
            fence=lambda _: None,
        )
    seen: list[list[str]] = []
    predict_missing(store, project.id, adapter, seen)
    assert list(chain(*seen)) == ["note 8", "note 9", "note 10"]


def test_notes_on_which_the_model_fails_do_not_keep_the_others_waiting(store: Store) -> None:
    project, adapter = make_project(store), make_adapter(store)
    ids = [add_note(store, project, f"note {i}") for i in range(11)]

    def fails_on_two(texts: Sequence[str], /) -> list[list[ScoredSpan]]:
        if {"note 1", "note 9"} & set(texts):
            raise RuntimeError("in the middle of note 1")
        return [[ScoredSpan(FEVER, 0.5)] for _ in texts]

    progress: list[tuple[int, int]] = []
    with pytest.raises(NotHighlighted) as caught:
        predicting.predict_missing(
            store,
            project_id=project.id,
            adapter_id=adapter.id,
            predictor=fails_on_two,
            on_progress=lambda done, total: progress.append((done, total)),
            fence=lambda _: None,
        )
    assert str(caught.value) == f"2 notes could not be highlighted (ids {ids[1]}, {ids[9]})."
    assert progress == [(0, 11), (8, 11), (11, 11)]
    with store.read() as tx:
        missing = [i for i in ids if tx.predictions.get(note_id=i, adapter_id=adapter.id) is None]
    assert missing == [ids[1], ids[9]]


def test_what_is_wrong_with_the_model_itself_is_said_as_it_is(store: Store) -> None:
    project, adapter = make_project(store), make_adapter(store)
    add_note(store, project)

    def broken(_texts: Sequence[str], /) -> list[list[ScoredSpan]]:
        raise ModelProblem("The folder is empty.")

    with pytest.raises(ModelProblem, match="The folder is empty"):
        predicting.predict_missing(
            store,
            project_id=project.id,
            adapter_id=adapter.id,
            predictor=broken,
            on_progress=lambda *_: None,
            fence=lambda _: None,
        )


def test_of_many_failed_notes_only_the_first_are_named() -> None:
    assert str(NotHighlighted([7])) == "1 note could not be highlighted (id 7)."
    assert str(NotHighlighted(range(1, 90))).endswith("18, 19, 20, …).")


def test_a_repeated_prediction_replaces_the_earlier_one(store: Store) -> None:
    project, adapter, other = make_project(store), make_adapter(store), make_adapter(store, "Other")
    note_id = add_note(store, project)
    predict(store, note_id, other, [])
    for spans in ([(FEVER, 0.5), (Span(0, 2, "Drug"), 0.25)], [(FEVER, 0.75)]):
        predict(store, note_id, adapter, spans)
    with store.read() as tx:
        assert tx.predictions.get(note_id=note_id, adapter_id=adapter.id) == [ScoredSpan(FEVER, 0.75)]
        assert tx.predictions.get(note_id=note_id, adapter_id=other.id) == []  # another adapter's is its own
