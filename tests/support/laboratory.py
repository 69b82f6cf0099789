"""A project with encoders and a frozen dataset, and a worker's part in an experiment without any model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mednerapp.domain.accounts import User
from mednerapp.domain.datasets import Dataset, Split
from mednerapp.domain.experiments import CellState, Experiment
from mednerapp.domain.jobs import JobKind, JobState
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import EpochReport, Run
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.services import evaluating, experimenting, fine_tuning, freezing
from mednerapp.services.experimenting import ExperimentView
from mednerapp.services.fine_tuning import Trained, TrainingOrder
from mednerapp.store import Store
from support.makers import ASPIRIN, CHEST_PAIN, FEVER, HYPER, import_gold, make_project, make_user, text_on

Finds = Callable[[int], Sequence[Span]]
"""What a model finds in the test note at that place."""
GOLD = (FEVER, ASPIRIN)


SOURCES = {"BERT": "google-bert/bert-base-cased", "BioBERT": "dmis-lab/biobert-base-cased-v1.2"}


class Laboratory:
    """Two training notes, one dev note and ten test notes, each with GOLD; the encoders BERT and BioBERT.

    user, dataset: on an installation that has them already, these.
    """

    def __init__(self, store: Store, *, user: User | None = None, dataset: Dataset | None = None) -> None:
        self.store = store
        self.user = user or make_user(store)
        self.dataset = dataset or self._freeze()
        with store.read() as tx:
            self.project = tx.projects.get(self.dataset.project_id)
        with store.write() as tx:
            self.encoders = {
                name: tx.models.add_encoder(
                    name=name, source=source, revision="1", folder=name, weights_hash="0" * 64
                ).id
                for name, source in SOURCES.items()
            }

    def _freeze(self) -> Dataset:
        project = make_project(self.store)
        splits = [Split.TRAIN] * 2 + [Split.DEV] + [Split.TEST] * 10
        notes = [(text_on(split, number=number), GOLD) for number, split in enumerate(splits)]
        import_gold(self.store, self.user, project, notes)
        return freezing.freeze(self.store, user=self.user, project_id=project.id)

    def start(self, **changed: Any) -> Experiment:
        values: dict[str, Any] = {
            "user": self.user,
            "project_id": self.project.id,
            "dataset_id": self.dataset.id,
            "encoder_ids": list(self.encoders.values()),
            "seeds": [1, 2],
            "hyper": HYPER,
        }
        return experimenting.start(self.store, **(values | changed))

    def look(self, experiment: Experiment) -> ExperimentView:
        return experimenting.look(self.store, user=self.user, experiment_id=experiment.id)

    def states(self, experiment: Experiment) -> dict[tuple[str, int], str]:
        return {(c.encoder.name, c.run.hyper.seed): c.state.value for c in self.look(experiment).cells}

    def cell(self, experiment: Experiment, encoder: str, seed: int) -> Run:
        cells = self.look(experiment).cells
        return next(c.run for c in cells if (c.encoder.name, c.run.hyper.seed) == (encoder, seed))

    def claim(self, run: Run, *, done: int = 0, total: int = 0) -> None:
        """A worker took the run's job and says how far it is."""
        with self.store.write() as tx:
            attempt = tx.jobs.get(run.job_id).attempt + 1
            assert tx.jobs.claim(run.job_id, worker="w", attempt=attempt)
            tx.jobs.progress(run.job_id, worker="w", attempt=attempt, done=done, total=total, unit="steps")
            tx.runs.start(run.id, device="cpu")

    def end(self, run: Run, state: JobState, message: str = "") -> None:
        with self.store.write() as tx:
            job = tx.jobs.get(run.job_id)
            assert tx.jobs.finish(job.id, worker="w", attempt=job.attempt, state=state, message=message)

    def train(self, run: Run, *, epochs: int = 2, base: float = 1.0, claimed: bool = False) -> int:
        """The run (which may be claimed already) succeeds, with losses from `base` down; the id of its adapter."""

        def trainer(order: TrainingOrder, /, *, on_epoch: Callable[[EpochReport], None]) -> Trained:
            for number in range(1, epochs + 1):
                on_epoch(EpochReport(number, base / number, 1.2 * base / number, 0.5, 1.0))
            return Trained("f" * 64, MEDICAL_SCHEMA.names)

        if not claimed:
            self.claim(run)
        adapter = fine_tuning.carry_out(
            self.store, run_id=run.id, trainer=trainer, device="cpu", model_dir=Path("/models"), fence=lambda _: None
        )
        self.end(run, JobState.SUCCEEDED)
        return adapter.id

    def score(self, adapter_id: int, finds: Finds, *, seen: frozenset[str] = frozenset()) -> None:
        """The evaluation that waits for the adapter is carried out."""
        with self.store.read() as tx:
            texts = {note.text: place for place, note in enumerate(tx.datasets.gold(self.dataset.id, Split.TEST))}
            job = next(j for j in tx.jobs.open([JobKind.EVALUATE]) if j.args["adapter_id"] == adapter_id)
        with self.store.write() as tx:
            assert tx.jobs.claim(job.id, worker="w", attempt=job.attempt + 1)
        evaluating.evaluate(
            self.store,
            adapter_id=adapter_id,
            dataset_id=self.dataset.id,
            split=Split.TEST,
            predictor=lambda asked: [[ScoredSpan(s, 0.9) for s in finds(texts[text])] for text in asked],
            seen=seen,
            on_progress=lambda _done, _total: None,
            fence=lambda _: None,
        )
        with self.store.write() as tx:
            tx.jobs.finish(job.id, worker="w", attempt=job.attempt + 1, state=JobState.SUCCEEDED)

    def finish(self, experiment: Experiment, finds: Callable[[str, int], Finds], *, epochs: int = 2) -> None:
        """Every cell that waits is trained and scored; `finds` by encoder and seed."""
        for cell in self.look(experiment).cells:
            if cell.state is CellState.WAITING:
                adapter = self.train(cell.run, epochs=epochs, base=1 + cell.run.hyper.seed / 10)
                self.score(adapter, finds(cell.encoder.name, cell.run.hyper.seed))


def found(first: int) -> Finds:
    """Everything in the first so many test notes, elsewhere one of the two and one that is not there."""
    return lambda place: GOLD if place < first else (FEVER, CHEST_PAIN)
