"""The worker's training job with real tiny models: it is taken up again, checked, and cleared away."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from support.makers import import_gold, text_on
from training_place import HYPER, Place

from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Split
from mednerapp.domain.jobs import JobKind, JobState, Outcome
from mednerapp.domain.models import AdapterKind, HyperParameters, RunState
from mednerapp.domain.presets import PRESETS
from mednerapp.domain.spans import Span
from mednerapp.errors import ModelProblem
from mednerapp.jobs import handlers
from mednerapp.jobs.context import JobCancelled, JobContext
from mednerapp.ner.manifest import read_manifest, weights_hash
from mednerapp.ner.prediction import token_log_probabilities
from mednerapp.services import boards, fine_tuning, freezing, projects
from mednerapp.store import Store
from mednerapp.training.checkpoints import Checkpoints


@pytest.fixture
def place(sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Runs are saved at every step here."""
    create = Checkpoints.__init__
    monkeypatch.setattr(
        Checkpoints,
        "__init__",
        lambda self, folder, attempt="", **_: create(self, folder, attempt=attempt, every_steps=1),
    )
    return Place(sqlite_store, tmp_path / "data")


def test_a_run_whose_worker_stopped_goes_on_from_its_checkpoint_to_the_same_weights(place: Place) -> None:
    undisturbed = place.start()
    handlers.fine_tune(place.context(undisturbed))

    run = place.start()
    with pytest.raises(JobCancelled):
        handlers.fine_tune(place.context(run, stop_after=7))  # in the second epoch of four steps each
    place.ended(run, JobState.INTERRUPTED)
    assert place.checkpoint(run).is_dir()
    again = fine_tuning.start_again(place.store, user=place.user, run_id=run.id)
    message = handlers.fine_tune(place.context(again))

    assert message.startswith("Resumed at epoch 2. Adapter")
    assert place.adapter(run).weights_hash == place.adapter(undisturbed).weights_hash
    with place.store.read() as tx:
        epochs, expected = tx.runs.epochs(run.id), tx.runs.epochs(undisturbed.id)
    assert [(e.epoch, e.train_loss, e.dev_f1) for e in epochs] == [(e.epoch, e.train_loss, e.dev_f1) for e in expected]
    assert not place.checkpoint(run).exists()


def test_labels_that_were_added_to_the_project_get_tags_of_their_own(place: Place) -> None:
    added = [("Day of the week", "", "")]
    made = projects.add_labels(place.store, user=place.user, project_id=place.project.id, rows=added)
    text = text_on(Split.TRAIN, "Seen again on Monday.")
    monday = Span(text.index("Monday"), text.index("Monday") + 6, "Day of the week")
    import_gold(place.store, place.user, place.project, [(text, [monday])])
    place.dataset = freezing.freeze(place.store, user=place.user, project_id=place.project.id)
    run = place.start(replace(HYPER, epochs=1))
    handlers.fine_tune(place.context(run))
    adapter = place.adapter(run)
    assert adapter.labels == made.schema.names
    assert read_manifest(place.models / adapter.folder)["tags"][-2:] == ["B-Day of the week", "I-Day of the week"]
    tagger = handlers.Taggers().get(place.context(place.start()), adapter)
    (scores,) = token_log_probabilities(tagger, tagger.words.encode([text]))
    assert scores.shape[1] == 1 + 2 * len(made.schema.names)


def test_what_a_cancelled_run_had_saved_is_forgotten(place: Place) -> None:
    run = place.start()
    cancel = lambda: fine_tuning.cancel(place.store, user=place.user, run_id=run.id)  # noqa: E731
    with pytest.raises(JobCancelled):
        handlers.fine_tune(place.context(run, stop_after=3, then=cancel))
    assert not place.checkpoint(run).exists()


def test_checkpoints_that_no_run_will_need_are_cleared_before_the_next_training(place: Place) -> None:
    ended, interrupted, old = (place.start() for _ in range(3))
    with place.store.write() as tx:
        tx.runs.set_state(ended.id, RunState.SUCCEEDED)
        tx.runs.set_state(interrupted.id, RunState.INTERRUPTED)
        tx.runs.set_state(old.id, RunState.FAILED)
    for run in (ended, interrupted, old):
        place.checkpoint(run).mkdir(parents=True)
    (place.models / "checkpoints" / "run-4711").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        fine_tuning.clear_checkpoints(place.store, model_dir=place.models)
        left = {path.name for path in (place.models / "checkpoints").iterdir()}
        assert left == {f"run-{interrupted.id}", f"run-{old.id}"}
        patch.setattr(fine_tuning, "now", lambda: now() + timedelta(days=15))
        fine_tuning.clear_checkpoints(place.store, model_dir=place.models)
    assert list((place.models / "checkpoints").iterdir()) == []


def test_the_paper_preset_leaves_a_whole_checkpoint_that_predicts_without_its_encoder(place: Place) -> None:
    run = place.start(replace(PRESETS["paper"].hyper, epochs=1))
    context = place.context(run)
    handlers.fine_tune(context)
    adapter = place.adapter(run)
    folder = place.settings.model_folder(adapter.folder)
    assert (adapter.kind, read_manifest(folder)["kind"]) == (AdapterKind.FULL, "full")
    (place.models / "encoders" / "tiny" / "model.safetensors").unlink()
    assert handlers.Taggers().get(context, adapter).labels == adapter.labels


def test_a_manifest_says_what_the_model_is_made_of(place: Place) -> None:
    run = place.start()
    handlers.fine_tune(place.context(run))
    manifest = read_manifest(place.settings.model_folder(place.adapter(run).folder))
    assert manifest["encoder"]["weights_hash"] == place.encoder.weights_hash
    assert manifest["dataset_hash"] == place.dataset.content_hash
    assert HyperParameters.from_json(manifest["hyper"]) == HYPER
    assert (manifest["seed"], manifest["labels"]) == (HYPER.seed, list(place.adapter(run).labels))
    assert manifest["code_version"]
    assert manifest["metrics"]["kept_epoch"] in range(1, 5)
    assert manifest["calibration"] == {}  # a handful of spans says nothing


def test_a_run_over_an_encoder_whose_weights_were_changed_is_refused(place: Place) -> None:
    weights = place.models / "encoders" / "tiny" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelProblem, match="The weights of the encoder 'tiny' are not those that were installed"):
        handlers.fine_tune(place.context(place.start()))


def test_adapters_are_scored_at_full_precision_whatever_predictions_use(place: Place) -> None:
    run = place.start()
    context = place.context(run)
    context.settings = place.settings.model_copy(update={"precision": "int8"})
    handlers.fine_tune(context)
    taggers, full = handlers.Taggers(), handlers.Taggers()
    texts = ["Fever and a cough for three days; pneumonia was found."]

    def scores(tagger) -> list[float]:
        return np.concatenate(token_log_probabilities(tagger, tagger.words.encode(texts))).tolist()

    exact = scores(taggers.get(context, place.adapter(run), exact=True))
    quick = scores(taggers.get(context, place.adapter(run)))
    context.settings = place.settings
    assert exact == scores(full.get(context, place.adapter(run)))
    assert exact != quick


def test_an_adapter_whose_weights_are_not_the_registered_ones_is_refused_by_the_worker(place: Place) -> None:
    first, second = place.start(), place.start(replace(HYPER, seed=14))
    for run in (first, second):
        context = place.context(run)
        handlers.fine_tune(context)
    folder, other = (place.settings.model_folder(place.adapter(run).folder) for run in (first, second))
    # Somebody put another, complete and unharmed adapter in its place.
    for name in ("manifest.json", "adapter_model.safetensors"):
        (folder / name).write_bytes((other / name).read_bytes())
    assert json.loads((folder / "manifest.json").read_text())["weights_hash"] == weights_hash(folder)
    with pytest.raises(ModelProblem, match="not those that were registered"):
        handlers.Taggers().get(context, place.adapter(first))
    assert handlers.Taggers().get(context, place.adapter(second))


def test_scores_that_are_stored_are_not_made_again_by_the_next_attempt(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = place.start()
    handlers.fine_tune(place.context(run))
    with place.store.write() as tx:
        args: dict[str, int | str] = {"adapter_id": place.adapter(run).id, "dataset_id": place.dataset.id}
        job = tx.jobs.add(kind=JobKind.EVALUATE, args=args, user_id=None)

    def attempt(number: int) -> str:
        with place.store.write() as tx:
            claimed = tx.jobs.claim(job.id, worker="w", attempt=number)
        assert claimed
        return handlers.handlers()[JobKind.EVALUATE](
            JobContext(claimed, place.store, place.settings, "w", "cpu", Event())
        )

    def dies(*_: object, **__: object) -> None:
        raise ConnectionError

    def made_at() -> list[object]:
        with place.store.read() as tx:
            return [one.created_at for one in tx.evaluations.of_dataset(place.dataset.id, Split.TEST)]

    with monkeypatch.context() as patch:
        patch.setattr(boards, "refresh", dies)
        with pytest.raises(ConnectionError):
            attempt(1)
    before = made_at()
    assert len(before) == 1
    with place.store.write() as tx:
        tx.jobs.requeue(job.id, attempt=1, outcome=Outcome.LOST)
    refreshed: list[int] = []
    monkeypatch.setattr(boards, "refresh", lambda _store, *, dataset_id: refreshed.append(dataset_id))
    assert attempt(2).endswith("scored on the test notes.")
    assert made_at() == before
    assert refreshed == [place.dataset.id]
