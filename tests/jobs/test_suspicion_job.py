"""The worker's look through gold with real tiny models: trained without each fold, and gone afterwards."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest
from support.makers import make_dataset, make_project, make_user

from mednerapp.domain.jobs import JobKind
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import AdapterKind
from mednerapp.jobs import handlers
from mednerapp.jobs.context import JobCancelled, JobContext
from mednerapp.ner.manifest import weights_hash
from mednerapp.services import suspecting
from mednerapp.settings import Settings
from mednerapp.store import Store
from tests.tiny_models import make_tiny_encoder


@pytest.fixture
def context(sqlite_store: Store, tmp_path: Path) -> JobContext:
    store, settings = sqlite_store, Settings(data_dir=tmp_path / "data")
    encoder = make_tiny_encoder(settings.model_dir / "encoders" / "tiny", "bert-uncased")
    user, project = make_user(store), make_project(store)
    dataset = make_dataset(store, user, project, train=5, dev=0, test=1)
    with store.write() as tx:
        row = tx.models.add_encoder(
            name="tiny", source="test", revision="", folder="encoders/tiny", weights_hash=weights_hash(encoder)
        )
        adapter = tx.models.add_adapter(
            name="tiny",
            kind=AdapterKind.STARTER,
            encoder_id=row.id,
            folder="encoders/tiny",
            weights_hash="0" * 64,
            labels=MEDICAL_SCHEMA.names,
        )
        tx.projects.promote(project_id=project.id, adapter_id=adapter.id, user_id=None)
    suspecting.request(store, user=user, dataset_id=dataset.id, folds=2)
    with store.write() as tx:
        (job,) = tx.jobs.open([JobKind.EVALUATE])
        claimed = tx.jobs.claim(job.id, worker="w", attempt=job.attempt + 1)
    assert claimed
    return JobContext(claimed, store, settings, "w", "cpu", Event())


def test_a_look_through_gold_is_stored_and_leaves_no_model_behind(context: JobContext) -> None:
    message = handlers.handlers()[JobKind.EVALUATE](context)
    with context.store.read() as tx:
        project = tx.projects.all()[0]
        found = tx.suspicions.newest_round(project.id)
        assert found is not None
        assert (found.notes, found.folds) == (6, 2)
        assert found.open == len(tx.suspicions.open(found.id, limit=100))
        assert message.startswith(f"{found.open} suspicious places")
    assert not list((context.settings.model_dir / "suspicion").iterdir())


def test_a_look_that_is_cancelled_stores_nothing(context: JobContext) -> None:
    with context.store.write() as tx:
        tx.jobs.request_cancel(context.job.id)
    with pytest.raises(JobCancelled):
        handlers.handlers()[JobKind.EVALUATE](context)
    with context.store.read() as tx:
        assert tx.suspicions.newest_round(tx.projects.all()[0].id) is None
