from __future__ import annotations

import pytest
from support.makers import (
    ASPIRIN,
    FEVER,
    add_note,
    change,
    import_gold,
    make_dataset,
    make_project,
    make_user,
    text_on,
)

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import EditAction
from mednerapp.domain.datasets import Dataset, Split, split_of
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue, NothingToTrainOn
from mednerapp.services import adjudicating, annotating, freezing
from mednerapp.store import Store


@pytest.fixture
def user(store: Store) -> User:
    return make_user(store, Role.LEAD)


@pytest.fixture
def project(store: Store) -> Project:
    return make_project(store)


def freeze(store: Store, user: User, project: Project, name: str = "") -> Dataset:
    return freezing.freeze(store, user=user, project_id=project.id, name=name)


def gold_of(store: Store, dataset: Dataset) -> dict[Split, list[object]]:
    with store.read() as tx:
        return {split: list(tx.datasets.gold(dataset.id, split)) for split in Split}


def correct(store: Store, user: User, note_id: int, *, submit: bool = True) -> None:
    """Reopen the note and give its first span another label."""
    annotation = annotating.open_note(store, user=user, note_id=note_id).annotation
    annotating.reopen(store, user=user, annotation_id=annotation.id)
    span = annotation.spans[0]
    other = type(span.span)(span.span.start, span.span.end, "Disease")
    saved = annotating.save_edits(
        store,
        user=user,
        annotation_id=annotation.id,
        client="tab",
        base_revision=annotation.revision,
        edits=[change(1, EditAction.RELABEL, span.id, other)],
    )
    if submit:
        annotating.submit(store, user=user, annotation_id=annotation.id, revision=saved.revision)


def test_the_submitted_notes_become_a_dataset_split_as_they_were_at_import(
    store: Store, user: User, project: Project
) -> None:
    dataset = make_dataset(store, user, project, train=2, dev=1, test=3)
    assert dataset.notes == {Split.TRAIN: 2, Split.DEV: 1, Split.TEST: 3}
    assert dataset.spans == 12
    with store.read() as tx:
        for split in Split:
            for gold in tx.datasets.gold(dataset.id, split):
                note = tx.notes.get(gold.note_id)
                assert (gold.text, gold.note_hash, gold.spans) == (note.text, note.content_hash, (FEVER, ASPIRIN))
                assert split is note.split is split_of(patient_key=None, content_hash=note.content_hash)
        (entry,) = [e for e, _ in tx.audit.recent() if e.action == "dataset frozen"]
    assert entry.detail == {"notes": 6, "hash": dataset.content_hash}


@pytest.mark.parametrize(
    ("sides", "found"),
    [
        ([], "0 train, 0 dev, 0 test"),
        ([Split.TRAIN, Split.DEV], "1 train, 1 dev, 0 test"),
        ([Split.DEV, Split.TEST], "0 train, 1 dev, 1 test"),
    ],
)
def test_a_dataset_without_training_or_test_notes_is_refused_with_the_counts(
    store: Store, user: User, project: Project, sides: list[Split], found: str
) -> None:
    import_gold(store, user, project, [(text_on(side), [FEVER]) for side in sides])
    with pytest.raises(NothingToTrainOn, match=found):
        freeze(store, user, project)


def test_what_was_not_submitted_is_no_gold(store: Store, user: User, project: Project) -> None:
    import_gold(store, user, project, [(text_on(Split.TRAIN), [FEVER]), (text_on(Split.TEST), [FEVER])])
    annotating.open_note(store, user=user, note_id=add_note(store, project, text_on(Split.TRAIN, number=1)))
    assert freeze(store, user, project).notes[Split.TRAIN] == 1
    assert freezing.preview(store, user=user, project_id=project.id) == {Split.TRAIN: 1, Split.DEV: 0, Split.TEST: 1}


def test_the_same_gold_is_the_same_dataset_under_any_name(store: Store, user: User, project: Project) -> None:
    first = make_dataset(store, user, project)
    assert freeze(store, user, project, "another name") == first
    assert len(gold_of(store, first)[Split.TRAIN]) == 2


def test_later_corrections_do_not_change_what_was_frozen(store: Store, user: User, project: Project) -> None:
    first = make_dataset(store, user, project)
    before = gold_of(store, first)
    with store.read() as tx:
        note_id = tx.datasets.gold(first.id, Split.TEST)[0].note_id
    correct(store, user, note_id)
    assert gold_of(store, first) == before
    second = freeze(store, user, project, "after the correction")
    assert second.id != first.id
    assert second.content_hash != first.content_hash
    assert second.notes == first.notes


def test_a_test_note_stays_a_test_note_when_more_notes_come(store: Store, user: User, project: Project) -> None:
    first = make_dataset(store, user, project)
    sides = {gold.note_id: split for split, notes in gold_of(store, first).items() for gold in notes}
    import_gold(store, user, project, [(text_on(s, number=n), [FEVER]) for s in Split for n in range(10, 14)])
    correct(store, user, next(n for n, s in sides.items() if s is Split.TEST))
    second = freeze(store, user, project, "bigger")
    later = {gold.note_id: split for split, notes in gold_of(store, second).items() for gold in notes}
    assert sides.items() <= later.items()
    assert len(later) == len(sides) + 12


def test_reopened_notes_leave_the_next_dataset_until_they_are_submitted_again(
    store: Store, user: User, project: Project
) -> None:
    first = make_dataset(store, user, project)
    with store.read() as tx:
        note_id = tx.datasets.gold(first.id, Split.TEST)[0].note_id
    correct(store, user, note_id, submit=False)
    assert freeze(store, user, project).notes[Split.TEST] == first.notes[Split.TEST] - 1


def test_a_note_on_which_annotators_differ_is_not_frozen_before_somebody_has_decided(
    store: Store, user: User, project: Project
) -> None:
    texts = [text_on(Split.TRAIN), text_on(Split.TEST), text_on(Split.TEST, number=1)]
    note_ids = import_gold(store, user, project, [(text, [FEVER]) for text in texts])
    colleague = make_user(store, Role.ANNOTATOR)
    annotation = annotating.open_note(store, user=colleague, note_id=note_ids[2]).annotation
    annotating.submit(store, user=colleague, annotation_id=annotation.id, revision=0)
    before = freeze(store, user, project)
    assert before.notes == {Split.TRAIN: 1, Split.DEV: 0, Split.TEST: 1}
    found = adjudicating.begin(store, user=user, note_id=note_ids[2])
    (place,) = found.places
    revision = adjudicating.decide(
        store, user=user, note_id=note_ids[2], revision=found.revision, place=place.key, spans=()
    )
    adjudicating.finish(store, user=user, note_id=note_ids[2], revision=revision)
    dataset = freeze(store, user, project)
    with store.read() as tx:
        assert [g.spans for g in tx.datasets.gold(dataset.id, Split.TEST)] == [(FEVER,), ()]


def test_a_dataset_has_a_name_of_its_own_that_fits(store: Store, user: User, project: Project) -> None:
    import_gold(store, user, project, [(text_on(Split.TRAIN), [FEVER]), (text_on(Split.TEST), [FEVER])])
    with pytest.raises(InvalidValue, match="at most 200 characters, not 201"):
        freeze(store, user, project, "x" * 201)
    assert freeze(store, user, project, " May ").name == "May"
    import_gold(store, user, project, [(text_on(Split.TRAIN, number=1), [])])
    with pytest.raises(InvalidValue, match="'May' already"):
        freeze(store, user, project, "May")
    assert "3 notes" in freeze(store, user, project).name


def test_a_dataset_keeps_the_pieces_of_its_spans_and_another_piece_is_another_dataset(
    store: Store, user: User, project: Project
) -> None:
    pieces = [Span(0, 50, "Symptom", ((0, 5), (40, 50))), ASPIRIN]
    other = [Span(0, 50, "Symptom", ((0, 5), (41, 50))), ASPIRIN]
    digests: set[str] = set()
    for name, spans in (("one", pieces), ("two", other), ("three", [Span(0, 50, "Symptom"), ASPIRIN])):
        made = make_project(store, name)
        import_gold(store, user, made, [(text_on(split), spans) for split in Split])
        dataset = freeze(store, user, made)
        with store.read() as tx:
            assert all(gold.spans == tuple(sorted(spans)) for s in Split for gold in tx.datasets.gold(dataset.id, s))
        digests.add(dataset.content_hash)
    assert len(digests) == 3
