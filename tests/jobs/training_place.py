"""What a worker needs to carry out a training job with real tiny models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

from support.makers import make_dataset, make_project, make_user

from mednerapp.domain.jobs import JobState
from mednerapp.domain.models import Adapter, HyperParameters, Run
from mednerapp.jobs.context import JobContext
from mednerapp.ner.manifest import weights_hash
from mednerapp.services import fine_tuning
from mednerapp.settings import Settings
from mednerapp.store import Store
from tests.tiny_models import make_tiny_encoder

HYPER = HyperParameters(epochs=4, learning_rate=1e-2, batch_size=1)


class Place:
    """A worker's view: an installed encoder, a dataset of so many notes to train on, a data folder."""

    def __init__(self, store: Store, folder: Path, *, notes: int = 4) -> None:
        self.store = store
        self.settings = Settings(data_dir=folder)
        self.models = self.settings.model_dir
        encoder = make_tiny_encoder(self.models / "encoders" / "tiny", "bert-uncased")
        self.user = make_user(store)
        self.project = make_project(store)
        self.dataset = make_dataset(store, self.user, self.project, train=notes, dev=1, test=1)
        with store.write() as tx:
            self.encoder = tx.models.add_encoder(
                name="tiny", source="test", revision="", folder="encoders/tiny", weights_hash=weights_hash(encoder)
            )

    def start(self, hyper: HyperParameters = HYPER) -> Run:
        return fine_tuning.start(
            self.store, user=self.user, project_id=self.project.id, dataset_id=self.dataset.id,
            encoder_id=self.encoder.id, hyper=hyper,
        )  # fmt: skip

    def context(self, run: Run, stop_after: int = 0, then: Callable[[], None] = lambda: None) -> JobContext:
        """A claimed job whose worker is told to stop after some steps."""
        with self.store.write() as tx:
            job = tx.jobs.get(run.job_id)
            claimed = tx.jobs.claim(job.id, worker="w", attempt=job.attempt + 1)
        assert claimed
        stopping = Event()
        context = JobContext(claimed, self.store, self.settings, "w", "cpu", stopping)
        progress, calls = context.progress, []

        def counting(*args, **kwargs) -> None:
            calls.append(args)
            if len(calls) == stop_after:
                then()
                stopping.set()
            progress(*args, **kwargs)

        context.progress = counting  # type: ignore[method-assign]
        return context

    def ended(self, run: Run, state: JobState) -> None:
        with self.store.write() as tx:
            job = tx.jobs.get(run.job_id)
            tx.jobs.finish(job.id, worker="w", attempt=job.attempt, state=state, message="")

    def adapter(self, run: Run) -> Adapter:
        with self.store.read() as tx:
            adapter = tx.models.adapter_of_run(run.id)
        assert adapter
        return adapter

    def checkpoint(self, run: Run) -> Path:
        return fine_tuning.checkpoint_folder(self.models, run.id)
