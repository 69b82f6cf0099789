"""What a data sheet says, and a dataset that travels."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.makers import (
    ASPIRIN,
    FEVER,
    TEXT,
    import_gold,
    make_dataset,
    make_project,
    make_user,
    text_on,
)

from mednerapp.domain.accounts import Role
from mednerapp.domain.datasets import GoldNote, Split, dataset_hash, split_of
from mednerapp.domain.labels import MEDICAL_SCHEMA, LabelSchema
from mednerapp.domain.notes import NewNote
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue, PermissionDenied, RejectedNote, UnknownLabel
from mednerapp.formats import dataset as files
from mednerapp.formats.dataset import Carried, DatasetFile
from mednerapp.services import annotating, carrying, data_sheets, freezing
from mednerapp.store import Store

WIDE = Span(0, 50, "Symptom", ((0, 5), (40, 50)))


def lines_of(store: Store, user, dataset) -> list[bytes]:
    return [line.encode() for line in carrying.export(store, user=user, dataset_id=dataset.id)]


def test_a_dataset_that_is_exported_and_imported_again_has_the_same_hash(store: Store) -> None:
    user, project = make_user(store), make_project(store)
    import_gold(store, user, project, [(text_on(Split.TRAIN), [FEVER, WIDE]), (text_on(Split.TEST), [])])
    with store.write() as tx:
        known = NewNote(text="A patient’s note: fever.\n\tYes.", title="Ä 😀", patient_key="p-1", note_type="letter")
        note_id = tx.notes.add(project_id=project.id, note=known, user_id=None)
    opened = annotating.open_note(store, user=user, note_id=note_id).annotation
    annotating.submit(store, user=user, annotation_id=opened.id, revision=0)
    import_gold(store, user, project, [(text_on(Split.DEV), [ASPIRIN])])
    dataset = freezing.freeze(store, user=user, project_id=project.id)
    lines = lines_of(store, user, dataset)

    other = make_project(store, "Ward 4")
    copy = carrying.import_dataset(store, user=user, project_id=other.id, lines=lines)
    assert (copy.content_hash, copy.notes, copy.spans) == (dataset.content_hash, dataset.notes, dataset.spans)
    assert lines_of(store, user, copy) == lines
    assert carrying.import_dataset(store, user=user, project_id=other.id, lines=lines) == copy
    again = freezing.freeze(store, user=user, project_id=other.id)
    assert again.id == copy.id, "its notes are gold there, too"
    assert carrying.import_dataset(store, user=user, project_id=project.id, lines=lines) == dataset
    with store.read() as tx:
        actions = [entry.action for entry, _ in tx.audit.recent()]
    assert actions.count("dataset exported") == 2
    assert actions.count("dataset imported") == 1


def test_what_is_in_the_project_already_stays_as_it_is(sqlite_store: Store) -> None:
    store, user = sqlite_store, make_user(sqlite_store)
    dataset = make_dataset(store, user, make_project(store), train=1, dev=0, test=1)
    lines = lines_of(store, user, dataset)
    other = make_project(store, "Ward 4")
    import_gold(store, user, other, [(text_on(Split.TRAIN), [])])
    copy = carrying.import_dataset(store, user=user, project_id=other.id, lines=lines)
    assert copy.content_hash == dataset.content_hash
    with store.read() as tx:
        assert [len(a.confirmed()) for a in tx.annotations.submitted(other.id)] == [0, 2]
    third = make_project(store, "Ward 5")
    with store.write() as tx:
        patient = next(k for k in map(str, range(99)) if split_of(patient_key=k, content_hash="") is Split.DEV)
        note = NewNote(text=text_on(Split.TRAIN), title="", patient_key=patient)
        tx.notes.add(project_id=third.id, note=note, user_id=None)
    with pytest.raises(InvalidValue, match="another patient key"):
        carrying.import_dataset(store, user=user, project_id=third.id, lines=lines)
    with store.read() as tx:
        assert tx.notes.count(third.id) == 1, "nothing of it came in"
        tiny = LabelSchema(MEDICAL_SCHEMA.labels[:1])
    with store.write() as tx:
        small = tx.projects.add(name="Small", schema=tiny)
    with pytest.raises(UnknownLabel):
        carrying.import_dataset(store, user=user, project_id=small.id, lines=lines)
    with pytest.raises(PermissionDenied):
        carrying.export(store, user=make_user(store, Role.ANNOTATOR), dataset_id=dataset.id)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda lines: lines[1:], "no head|not a dataset"),
        (lambda lines: lines[:-1], "not whole"),
        (lambda lines: [*lines[:-1], lines[-1].replace(b'"Drug"', b'"Test"')], "another hash"),
        (lambda lines: [*lines[:-1], lines[-1].replace(b'"end": 5', b'"end": 5000')], "Line 3 is damaged"),
        (lambda lines: [*lines[:-1], lines[-1].replace(b'"split": "', b'"split": "x')], "Line 3 is damaged"),
        (lambda lines: [*lines[:-1], lines[-1][:40]], "Line 3 is damaged"),
        (lambda _: [b"Fever since Monday."], "no head"),
        (lambda _: [], "no head"),
    ],
)
def test_a_file_that_was_changed_or_cut_is_refused_without_quoting_it(sqlite_store: Store, damage, says: str) -> None:
    user, project = make_user(sqlite_store), make_project(sqlite_store)
    lines = lines_of(sqlite_store, user, make_dataset(sqlite_store, user, project, train=1, dev=0, test=1))
    other = make_project(sqlite_store, "Ward 4")
    with pytest.raises(RejectedNote, match=says) as refused:
        carrying.import_dataset(sqlite_store, user=user, project_id=other.id, lines=damage(lines))
    assert "Monday" not in str(refused.value)


TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff"), min_size=3, max_size=40
).filter(lambda s: s.strip())


@given(st.lists(TEXTS, min_size=1, max_size=5, unique_by=lambda s: s.strip()), st.data())
def test_any_dataset_comes_back_as_it_was(texts: list[str], data: st.DataObject) -> None:
    notes = []
    for text in texts:
        note = NewNote(text=text, title="t", patient_key=data.draw(st.sampled_from([None, "a", "b"])))
        start = data.draw(st.integers(0, len(text) - 2))
        spans = (Span(start, data.draw(st.integers(start + 1, len(text))), "Drug"),)
        notes.append(Carried(note, spans, split_of(patient_key=note.patient_key, content_hash=note.content_hash)))
    gold = [GoldNote(0, one.note.content_hash, one.note.text, one.spans, one.split) for one in notes]
    file = DatasetFile("d", dataset_hash(gold), ("Drug",), tuple(sorted(notes, key=lambda c: c.note.content_hash)))
    assert files.read(line.encode() for line in files.write(file)) == file


def test_a_data_sheet_counts_by_split_and_finds_what_was_planted(sqlite_store: Store) -> None:
    store, user, project = sqlite_store, make_user(sqlite_store), make_project(sqlite_store)
    long = " ".join(f"{TEXT} Day {day}." for day in range(20))
    train, test = text_on(Split.TRAIN, long), text_on(Split.TEST, long)
    import_gold(store, user, project, [(train, [FEVER, ASPIRIN]), (test, [FEVER]), (text_on(Split.DEV), [])])
    dataset = freezing.freeze(store, user=user, project_id=project.id)
    found = data_sheets.sheet(store, user=user, dataset_id=dataset.id)
    assert found.notes == {Split.TRAIN: 1, Split.DEV: 1, Split.TEST: 1}
    assert found.spans == {Split.TRAIN: 2, Split.DEV: 0, Split.TEST: 1}
    assert found.per_label["Drug"] == {Split.TRAIN: 1, Split.DEV: 0, Split.TEST: 0}
    assert found.tokens[Split.TRAIN] > 20 * 10
    assert (found.people, found.decided) == ({"lead": 3}, 0)
    assert found.drift[Split.TEST].divergence is not None
    assert found.drift[Split.DEV].divergence is None
    checked = data_sheets.check(store, user=user, dataset_id=dataset.id)
    (pair,) = checked.leakage.texts
    assert pair.similarity > 0.7
    assert checked.unknown == 3
    assert json.dumps(sorted(checked.titles.values())) == '["Gold", "Gold"]'
