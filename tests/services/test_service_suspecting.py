"""Gold that is probably wrong: found by models that have not seen the note, decided by a person, recorded."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.makers import (
    ASPIRIN,
    FEVER,
    WARFARIN,
    import_gold,
    make_adapter,
    make_project,
    make_user,
    promote,
    text_on,
)

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.datasets import Dataset, GoldNote, Split
from mednerapp.domain.gold import GoldOrigin
from mednerapp.domain.jobs import JobKind
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.errors import ChangedSince, InvalidValue, PermissionDenied
from mednerapp.services import adjudicating, correcting, freezing, gold, suspecting
from mednerapp.services.predicting import Predictor
from mednerapp.store import Store

WRONG = Span(ASPIRIN.start, ASPIRIN.end, "Disease")


@pytest.fixture
def lead(sqlite_store: Store) -> User:
    return make_user(sqlite_store)


@pytest.fixture
def project(sqlite_store: Store) -> Project:
    return make_project(sqlite_store)


@pytest.fixture
def dataset(sqlite_store: Store, lead: User, project: Project) -> Dataset:
    """Twenty notes, in two of which aspirin is a disease; one has a drug that nobody marked."""
    notes = [
        (text_on(Split.TRAIN if n % 4 else Split.TEST, number=n), [FEVER, WRONG if n in (3, 8) else ASPIRIN])
        for n in range(20)
    ]
    import_gold(sqlite_store, lead, project, notes)
    return freezing.freeze(sqlite_store, user=lead, project_id=project.id)


def look(store: Store, dataset: Dataset) -> list[set[int]]:
    """Look through it by models that know what aspirin is; which notes each of them was trained on."""
    taught: list[set[int]] = []

    def trainer(train: Sequence[GoldNote], *, fold: int) -> Predictor:
        assert 0 <= fold < 5
        taught.append({note.note_id for note in train})
        known = {note.text for note in train}

        def predictor(texts: Sequence[str], /) -> list[list[ScoredSpan]]:
            assert not known & set(texts), "a model is asked only about notes that it has not seen"
            return [[ScoredSpan(FEVER, 0.9), ScoredSpan(ASPIRIN, 0.95)] for _ in texts]

        return predictor

    suspecting.find(
        store,
        dataset_id=dataset.id,
        folds=5,
        trainer=trainer,
        on_progress=lambda _done, _total: None,
        fence=lambda _: None,
        user_id=None,
    )
    return taught


def queue(store: Store, lead: User, project: Project) -> suspecting.Queue:
    return suspecting.queue(store, user=lead, project_id=project.id)


def test_planted_errors_come_first_and_a_lead_fixes_them(
    sqlite_store: Store, lead: User, project: Project, dataset: Dataset
) -> None:
    taught = look(sqlite_store, dataset)
    assert all(len(notes) < 20 for notes in taught)
    round_ = queue(sqlite_store, lead, project).round
    assert round_ is not None
    assert (round_.notes, round_.open) == (20, 2)
    found = suspecting.next_one(sqlite_store, user=lead, round_id=round_.id)
    assert found is not None
    assert (found.suspicion.kind, found.suspicion.gold, found.suspicion.predicted) == ("type", WRONG, ASPIRIN)
    note = found.note.id
    suspecting.decide(sqlite_store, user=lead, suspicion_id=found.suspicion.id, spans=[ASPIRIN])
    with sqlite_store.read() as tx:
        standing, spans = gold.of_note(tx, note)
        decided = tx.golds.of(note)
        assert standing is not None
        assert decided is not None
        assert (standing.origin, spans) == (GoldOrigin.CORRECTED, (FEVER, ASPIRIN))
        (event,) = tx.golds.events(decided.id)
        assert (event.place, event.before, event.after, event.user_id) == (
            f"suspicion:{found.suspicion.id}",
            (FEVER, WRONG),
            (FEVER, ASPIRIN),
            lead.id,
        )
    rows = adjudicating.provenance(sqlite_store, user=lead, note_id=note)
    assert [(row.span, row.annotators, row.decided_by) for row in rows] == [
        (FEVER, ("lead",), ""),
        (ASPIRIN, (), "lead"),
    ]
    corrected = freezing.freeze(sqlite_store, user=lead, project_id=project.id, name="Corrected")
    assert corrected.content_hash != dataset.content_hash

    with pytest.raises(ChangedSince):
        suspecting.decide(sqlite_store, user=lead, suspicion_id=found.suspicion.id, spans=[])
    assert suspecting.undo(sqlite_store, user=lead, round_id=round_.id)
    assert freezing.freeze(sqlite_store, user=lead, project_id=project.id).id == dataset.id, "as it was"
    assert not suspecting.undo(sqlite_store, user=lead, round_id=round_.id)


def test_what_is_kept_or_changed_elsewhere_leaves_the_queue(
    sqlite_store: Store, lead: User, project: Project, dataset: Dataset
) -> None:
    look(sqlite_store, dataset)
    round_ = queue(sqlite_store, lead, project).round
    assert round_ is not None
    first = suspecting.next_one(sqlite_store, user=lead, round_id=round_.id)
    assert first is not None
    suspecting.decide(sqlite_store, user=lead, suspicion_id=first.suspicion.id, spans=[WRONG])
    second = suspecting.next_one(sqlite_store, user=lead, round_id=round_.id)
    assert second is not None
    assert second.note.id != first.note.id
    correcting.correct(
        sqlite_store, user=lead, note_id=second.note.id, remove=[WRONG], add=[WARFARIN], reason="by hand"
    )
    assert suspecting.next_one(sqlite_store, user=lead, round_id=round_.id) is None
    after = queue(sqlite_store, lead, project).round
    assert after is not None
    assert (after.open, after.kept, after.fixed) == (1, 1, 0)
    with pytest.raises(ChangedSince):
        correcting.correct(sqlite_store, user=lead, note_id=second.note.id, remove=[WRONG], add=[], reason="late")


def test_a_look_is_asked_for_once_and_over_the_encoder_of_the_model_in_use(
    sqlite_store: Store, lead: User, project: Project, dataset: Dataset
) -> None:
    with pytest.raises(InvalidValue, match="No model is in use"):
        suspecting.request(sqlite_store, user=lead, dataset_id=dataset.id)
    adapter = make_adapter(sqlite_store)
    promote(sqlite_store, project, adapter)
    suspecting.request(sqlite_store, user=lead, dataset_id=dataset.id, folds=3)
    with pytest.raises(InvalidValue, match="already"):
        suspecting.request(sqlite_store, user=lead, dataset_id=dataset.id)
    assert queue(sqlite_store, lead, project).running
    with sqlite_store.read() as tx:
        (job,) = tx.jobs.open([JobKind.EVALUATE])
    assert job.args == {"suspect_dataset": dataset.id, "folds": 3, "like_adapter": adapter.id}
    for folds in (1, 11):
        with pytest.raises(InvalidValue):
            suspecting.request(sqlite_store, user=lead, dataset_id=dataset.id, folds=folds)
    with pytest.raises(PermissionDenied):
        suspecting.request(sqlite_store, user=make_user(sqlite_store, Role.ANNOTATOR), dataset_id=dataset.id)
