"""Evaluating adapters and comparing them: the numbers of the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from support.makers import (
    ASPIRIN,
    CHEST_PAIN,
    FEVER,
    HYPER,
    import_gold,
    make_adapter,
    make_project,
    make_user,
    text_on,
)

from mednerapp.domain.accounts import User
from mednerapp.domain.datasets import Dataset, GoldNote, Split
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import Adapter, AdapterKind, EpochReport, Evaluation
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.errors import NothingToTrainOn
from mednerapp.scoring.intervals import bootstrap
from mednerapp.scoring.strict import Counts
from mednerapp.services import evaluating, fine_tuning, freezing, reporting
from mednerapp.store import Store

LABELS = MEDICAL_SCHEMA.names


@dataclass
class FakePredictor:
    """Finds in each text what it was told to."""

    found: dict[str, Sequence[Span]]
    texts: list[str] = field(default_factory=list)

    def __call__(self, texts: Sequence[str], /) -> Sequence[Sequence[ScoredSpan]]:
        self.texts += texts
        return [[ScoredSpan(span, 0.5) for span in self.found.get(text, ())] for text in texts]


class Bench:
    """A dataset of one training note and ten test notes, the last of them without any span; a starter."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.user: User = make_user(store)
        self.project: Project = make_project(store)
        self.starter: Adapter = make_adapter(store)
        gold = [(text_on(Split.TEST, number=i), [FEVER, ASPIRIN] if i < 9 else []) for i in range(10)]
        import_gold(store, self.user, self.project, [*gold, (text_on(Split.TRAIN), [FEVER])])
        self.dataset: Dataset = freezing.freeze(store, user=self.user, project_id=self.project.id)
        with store.read() as tx:
            self.test: list[GoldNote] = tx.datasets.gold(self.dataset.id, Split.TEST)

    def evaluate(
        self,
        adapter: Adapter,
        found: dict[int, Sequence[Span]],
        *,
        seen: Sequence[int] = (),
        progress: list[tuple[int, int]] | None = None,
    ) -> FakePredictor:
        """`found` and `seen` by place in the list of test notes."""
        predictor = FakePredictor({self.test[i].text: spans for i, spans in found.items()})
        evaluating.evaluate(
            self.store,
            adapter_id=adapter.id,
            dataset_id=self.dataset.id,
            split=Split.TEST,
            predictor=predictor,
            seen=frozenset(self.test[i].note_hash for i in seen),
            on_progress=lambda done, total: progress.append((done, total)) if progress is not None else None,
            fence=lambda _: None,
        )
        return predictor

    def evaluations(self) -> list[Evaluation]:
        with self.store.read() as tx:
            return tx.evaluations.of_dataset(self.dataset.id, Split.TEST)

    def compare(self) -> reporting.Comparison:
        return reporting.compare(self.store, user=self.user, dataset_id=self.dataset.id)


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store)


ALL_RIGHT = dict.fromkeys(range(9), (FEVER, ASPIRIN))


def test_every_test_note_and_label_is_counted_zeros_too(bench: Bench) -> None:
    progress: list[tuple[int, int]] = []
    found = {0: [FEVER, ASPIRIN], 1: [FEVER, CHEST_PAIN], 2: [Span(28, 35, "Test")]}
    predictor = bench.evaluate(bench.starter, found, progress=progress)
    assert predictor.texts == [note.text for note in bench.test]
    assert progress == [(0, 10), (8, 10), (10, 10)]
    (evaluation,) = bench.evaluations()
    assert (evaluation.notes, evaluation.excluded) == (10, 0)
    counts = {(c.note_id, c.label): Counts(c.tp, c.fp, c.fn) for c in evaluation.counts}
    assert set(counts) == {(note.note_id, label) for note in bench.test for label in LABELS}
    first, second, third, *_, last = (note.note_id for note in bench.test)
    assert (counts[first, "Symptom"], counts[first, "Drug"]) == (Counts(tp=1), Counts(tp=1))
    assert (counts[second, "Symptom"], counts[second, "Drug"]) == (Counts(tp=1, fp=1), Counts(fn=1))
    assert (counts[third, "Test"], counts[third, "Drug"]) == (Counts(fp=1), Counts(fn=1))
    assert counts[last, "Drug"] == counts[first, "Disease"] == Counts()


def test_notes_that_the_model_was_trained_on_are_left_out_and_not_even_predicted(bench: Bench) -> None:
    predictor = bench.evaluate(bench.starter, ALL_RIGHT, seen=[0, 1, 9])
    (evaluation,) = bench.evaluations()
    assert (evaluation.notes, evaluation.excluded) == (7, 3)
    assert {c.note_id for c in evaluation.counts} == {bench.test[i].note_id for i in range(2, 9)}
    assert not set(predictor.texts) & {bench.test[i].text for i in (0, 1, 9)}


def test_a_model_that_has_seen_every_test_note_gets_no_score(bench: Bench) -> None:
    with pytest.raises(NothingToTrainOn, match="trained on every test note"):
        bench.evaluate(bench.starter, ALL_RIGHT, seen=range(10))
    assert bench.evaluations() == []


def test_labels_that_the_dataset_does_not_have_do_not_count(bench: Bench) -> None:
    bench.evaluate(bench.starter, {0: [FEVER, ASPIRIN, Span(0, 3, "Gene")]})
    assert sum(c.fp for c in bench.evaluations()[0].counts) == 0


def test_scoring_again_replaces_the_earlier_score(bench: Bench) -> None:
    bench.evaluate(bench.starter, {})
    bench.evaluate(bench.starter, ALL_RIGHT)
    (evaluation,) = bench.evaluations()
    assert sum(c.tp for c in evaluation.counts) == 18


def test_missing_scores_are_asked_for_once(bench: Bench) -> None:
    other = make_adapter(bench.store, "Other", project=bench.project)
    bench.evaluate(bench.starter, ALL_RIGHT)

    def request() -> int:
        return evaluating.request(bench.store, user=bench.user, dataset_id=bench.dataset.id)

    assert [request(), request()] == [1, 0]
    assert evaluating.waiting(bench.store, user=bench.user, dataset_id=bench.dataset.id) == 1
    with bench.store.read() as tx:
        assert tx.jobs.open()[0].args == {"adapter_id": other.id, "dataset_id": bench.dataset.id}


# --- comparing ---


def test_adapters_are_compared_on_the_notes_that_all_of_them_were_scored_on(bench: Bench) -> None:
    """Worked out by hand: of the ten notes the starter has seen 0 and 1, the other 2; 3 to 9 are common."""
    other = make_adapter(bench.store, "Other", project=bench.project)
    bench.evaluate(bench.starter, {3: [FEVER], 4: [FEVER, CHEST_PAIN], 2: [FEVER, ASPIRIN]}, seen=[0, 1])
    bench.evaluate(other, ALL_RIGHT | {3: [ASPIRIN], 9: [FEVER]}, seen=[2])
    found = bench.compare()
    assert (found.notes, found.left_out, found.labels) == (7, 3, LABELS)
    assert [s.adapter.name for s in found.scores] == ["Other", "Starter"]  # best first
    best, starter = found.scores
    # Gold on 3..9: six notes with a symptom and a drug each.
    assert starter.micro.counts == Counts(tp=2, fp=1, fn=10)
    assert starter.per_label["Symptom"].counts == Counts(tp=2, fp=1, fn=4)
    assert starter.per_label["Drug"].counts == Counts(fn=6)
    assert starter.per_label["Test"].counts == Counts()
    assert starter.micro.f1.value == pytest.approx(4 / 15)
    assert best.micro.counts == Counts(tp=11, fp=1, fn=1)
    assert (best.micro.precision.value, best.micro.recall.value) == (11 / 12, 11 / 12)
    assert {s.notes for s in (best.micro, starter.micro, *starter.per_label.values())} == {7}
    per_note = [Counts(1, 0, 1), *[Counts(2, 0, 0)] * 5, Counts(0, 1, 0)]
    assert best.micro == bootstrap(per_note)


def test_adapters_without_a_score_are_named(bench: Bench) -> None:
    other = make_adapter(bench.store, "Other", project=bench.project)
    make_adapter(bench.store, "Foreign", project=make_project(bench.store, "Ward 4"))
    empty = bench.compare()
    assert ([a.name for a in empty.missing], empty.scores, empty.notes, empty.left_out) == (
        ["Starter", "Other"],
        (),
        0,
        0,
    )
    bench.evaluate(bench.starter, ALL_RIGHT)
    assert bench.compare().missing == (other,)


def test_the_adapter_in_force_is_marked_and_runs_come_with_their_curves(bench: Bench) -> None:
    run_id = add_run(bench, bench.dataset)
    adapter = register(bench, run_id)
    with bench.store.write() as tx:
        tx.projects.promote(project_id=bench.project.id, adapter_id=adapter.id, user_id=None)
        tx.runs.add_epoch(run_id, EpochReport(1, 0.9, 0.8, 0.4, 1.5))
    for each in (bench.starter, adapter):
        bench.evaluate(each, ALL_RIGHT)
    found = bench.compare()
    by_name = {s.adapter.name: s for s in found.scores}
    assert (by_name["Tuned"].active, by_name["Starter"].active) == (True, False)
    assert by_name["Starter"].run is None
    assert by_name["Tuned"].run == found.curves[0][0]
    assert [e.train_loss for e in found.curves[0][1]] == [0.9]


def test_an_adapter_that_was_trained_on_another_dataset_still_has_its_run(bench: Bench) -> None:
    adapter = register(bench, add_run(bench, bench.dataset))
    import_gold(bench.store, bench.user, bench.project, [(text_on(Split.TRAIN, number=5), [FEVER])])
    bench.dataset = freezing.freeze(bench.store, user=bench.user, project_id=bench.project.id, name="newer")
    bench.evaluate(adapter, ALL_RIGHT)
    found = bench.compare()
    assert found.scores[0].run is not None
    assert found.curves == ()  # of runs on this dataset only


def add_run(bench: Bench, dataset: Dataset) -> int:
    return fine_tuning.start(
        bench.store,
        user=bench.user,
        project_id=bench.project.id,
        dataset_id=dataset.id,
        encoder_id=bench.starter.encoder_id,
        hyper=HYPER,
    ).id


def register(bench: Bench, run_id: int) -> Adapter:
    with bench.store.write() as tx:
        return tx.models.add_adapter(
            name="Tuned",
            kind=AdapterKind.LORA,
            encoder_id=bench.starter.encoder_id,
            folder="tuned",
            weights_hash="1" * 64,
            labels=LABELS,
            project_id=bench.project.id,
            run_id=run_id,
        )


def test_a_model_that_found_nothing_and_one_without_common_notes_are_told_apart(bench: Bench) -> None:
    other = make_adapter(bench.store, "Other", project=bench.project)
    bench.evaluate(bench.starter, {}, seen=range(5))
    assert bench.compare().scores[0].micro.f1.value == 0
    assert bench.compare().scores[0].micro.f1.high > 0  # five notes do not say that it never finds anything
    bench.evaluate(other, ALL_RIGHT, seen=range(5, 10))
    found = bench.compare()
    assert (found.notes, found.left_out, found.scores) == (0, 10, ())  # no note, no claim
