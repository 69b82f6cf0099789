"""One training on several devices, here two processes on the CPU: the same result, and no process that is left."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from job_bench import Bench, wait_for
from support import warm
from training_place import Place

from mednerapp.domain.jobs import JobKind, JobState, overlapping
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import ClassWeights, EpochReport, HyperParameters, Method
from mednerapp.errors import InvalidValue, ModelProblem
from mednerapp.jobs.slots import gpus_of, slot_of
from mednerapp.jobs.together import train_together
from mednerapp.ner.loading import pick_device, pick_devices
from mednerapp.ner.manifest import read_manifest, weights_hash
from mednerapp.store import Store
from mednerapp.training import TrainingStopped
from mednerapp.training.checkpoints import Checkpoints
from mednerapp.training.finetune import TrainingTask, train
from mednerapp.training.loop import Hooks
from mednerapp.training.saving import furthest_apart
from mednerapp.training.team import Team
from tests.tiny_models import make_tiny_encoder, toy_notes

TWO = ("cpu", "cpu")
# The last batch of an epoch has one window, so one of the two processes has nothing to do then.
LORA = HyperParameters(epochs=2, learning_rate=1e-2, dropout=0.0, batch_size=3, class_weights=ClassWeights.BALANCED)
NEAR = 1e-4  # Adam divides by the size of gradients: where they are all but 0, rounding is not small against them


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without dropout: its draws are others where the windows of a pass are others."""
    folder = make_tiny_encoder(tmp_path_factory.mktemp("together") / "base", "bert-uncased")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["hidden_dropout_prob"] = 0.0
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def task_of(base: Path, folder: Path, hyper: HyperParameters = LORA, *, saved: bool = False) -> TrainingTask:
    notes = toy_notes()
    return TrainingTask(
        base_folder=base,
        encoder_name="tiny",
        train=notes[:10],
        dev=notes[10:14],
        labels=MEDICAL_SCHEMA.names,
        hyper=hyper,
        device="cpu",
        out_dir=folder / "adapter",
        name="trial",
        dataset_hash="0" * 64,
        encoder_hash=weights_hash(base),
        checkpoints=Checkpoints(folder / "checkpoints", attempt="one", every_steps=1) if saved else None,
    )


class Heard:
    """Hooks that write down what they are told. on_step: called with the number of the step."""

    def __init__(self, on_step: Callable[[int], None] = lambda _: None, *, pauses_after: int | None = None) -> None:
        self.epochs: list[EpochReport] = []
        self.steps: list[int] = []
        self.resumed: list[tuple[int, int]] = []
        self.stop = False
        self._on_step = on_step
        self._pauses_after = pauses_after

    def hooks(self) -> Hooks:
        def stepped(done: int, _: int) -> None:
            self.steps.append(done)
            self._on_step(done)

        return Hooks(
            on_epoch=self.epochs.append,
            on_step=stepped,
            should_stop=lambda: self.stop,
            on_resume=lambda epoch, step: self.resumed.append((epoch, step)),
            should_pause=lambda: self._pauses_after is not None and len(self.steps) >= self._pauses_after,
        )


def family() -> set[int]:
    """Every process that comes from this one, however it was started."""
    return {process.pid for process in psutil.Process().children(recursive=True)}


def gone(pid: int) -> bool:
    """Also one that only waits to be asked how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("method", [Method.LORA, Method.FULL])
def test_two_processes_come_to_the_weights_of_one(base: Path, tmp_path: Path, method: Method) -> None:
    hyper = LORA if method is Method.LORA else replace(LORA, method=method, learning_rate=1e-3)
    alone, two = Heard(), Heard()
    train(task_of(base, tmp_path / "alone", hyper), alone.hooks())
    trained = train_together(task_of(base, tmp_path / "two", hyper), two.hooks(), devices=TWO)
    assert furthest_apart(tmp_path / "alone" / "adapter", tmp_path / "two" / "adapter") < NEAR
    assert two.steps == alone.steps == list(range(1, 9))
    for one, other in zip(alone.epochs, two.epochs, strict=True):
        assert (other.epoch, other.train_loss) == (one.epoch, pytest.approx(one.train_loss, rel=1e-4))
        assert (other.dev_loss, other.dev_f1) == (pytest.approx(one.dev_loss, rel=1e-3), pytest.approx(one.dev_f1))
    manifest = read_manifest(tmp_path / "two" / "adapter")
    assert (manifest["weights_hash"], tuple(manifest["labels"])) == (trained.weights_hash, trained.labels)
    assert manifest["selected_on"] == read_manifest(tmp_path / "alone" / "adapter")["selected_on"]


@pytest.mark.usefixtures("warm")
def test_a_run_goes_on_with_another_number_of_devices(base: Path, tmp_path: Path) -> None:
    hyper = replace(LORA, epochs=3)
    train(task_of(base, tmp_path / "alone", hyper), Heard().hooks())
    paused, rest, alone, two = Heard(pauses_after=3), Heard(), Heard(pauses_after=3), Heard()
    with pytest.raises(TrainingStopped):
        train_together(task_of(base, tmp_path / "two", hyper, saved=True), paused.hooks(), devices=TWO)
    train(task_of(base, tmp_path / "two", hyper, saved=True), rest.hooks())
    assert rest.resumed
    with pytest.raises(TrainingStopped):
        train(task_of(base, tmp_path / "one", hyper, saved=True), alone.hooks())
    train_together(task_of(base, tmp_path / "one", hyper, saved=True), two.hooks(), devices=TWO)
    assert two.resumed == [(1, 3)]
    assert two.steps == list(range(4, 13))
    for folder in ("two", "one"):
        assert furthest_apart(tmp_path / "alone" / "adapter", tmp_path / folder / "adapter") < NEAR


def test_a_process_that_is_killed_fails_the_training_with_the_reason(base: Path, tmp_path: Path) -> None:
    before = family()

    def kill_the_second(done: int) -> None:
        if done == 2:
            os.kill(max(family() - before), signal.SIGKILL)

    heard = Heard(kill_the_second)
    with pytest.raises(ModelProblem, match=r"process 2 of 2 of this training, on cpu, ended unexpectedly \(signal 9\)"):
        train_together(task_of(base, tmp_path, replace(LORA, epochs=500)), heard.hooks(), devices=TWO)
    assert family() == before
    assert not (tmp_path / "adapter").exists()


@pytest.mark.usefixtures("warm")
def test_what_a_process_cannot_do_is_said_in_its_words(base: Path, tmp_path: Path) -> None:
    task = replace(task_of(base, tmp_path), encoder_hash="0" * 64)
    with pytest.raises(ModelProblem, match="The weights of the encoder 'tiny' are not those that were installed"):
        train_together(task, Heard().hooks(), devices=TWO)


class Host:
    """`mednerapp worker --device cpu:0,cpu:1` with a training that takes long."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.place = Place(bench.store, bench.settings.data_dir, notes=40)
        self.run = self.place.start(HyperParameters(epochs=500, batch_size=1))
        environment = {
            **os.environ,
            "MEDNER_DATA_DIR": str(bench.settings.data_dir),
            "MEDNER_DEVICE": "cpu:0,cpu:1",
            "PYTHONPATH": str(Path(__file__).parent.parent.parent),
        }
        warm.prepare("models")
        before = family()
        with (bench.folder / "worker.log").open("ab") as log:
            self.worker = warm.Popen(
                [sys.executable, "-m", "mednerapp.cli", "worker", "--id", "two"],
                env=environment,
                stdout=log,
                stderr=log,
            )
        bench._workers.append(self.worker)
        wait_for(lambda: bench.job(self.run.job_id).done > 3, "the training goes on")
        self.peers = family() - before - {self.worker.pid}

    @property
    def job(self):
        return self.bench.job(self.run.job_id)


@pytest.fixture
def url() -> str:
    return ""


def test_a_cancelled_training_of_a_worker_frees_its_devices(bench: Bench) -> None:
    host = Host(bench)
    assert len(host.peers) == 2
    assert host.job.device == "cpu:0,cpu:1"
    assert host.job.memory > 0
    bench.cancel(host.run.job_id)
    bench.finished(host.run.job_id)
    assert host.job.state is JobState.CANCELLED
    wait_for(lambda: all(map(gone, host.peers)), "the processes are gone")
    with bench.store.read() as tx:
        said = [line.text for line in tx.job_records.lines(host.run.job_id, limit=100)]
    assert "Trains on cpu:0,cpu:1, with a process for each." in said
    assert not [text for text in said if "did not end by itself" in text]


def test_the_processes_of_a_killed_worker_end_with_it(bench: Bench) -> None:
    host = Host(bench)
    host.worker.kill()
    host.worker.wait()
    wait_for(lambda: all(map(gone, host.peers)), "the processes are gone")


def test_devices_are_named_one_by_one() -> None:
    assert pick_devices("cpu:0, cpu:1") == TWO
    assert pick_devices("cpu") == ("cpu",)
    assert pick_device("cpu:0,cpu:1") == "cpu"
    with pytest.raises(InvalidValue, match="of one kind, each with its number"):
        pick_devices("cpu:0,cuda:1")
    with pytest.raises(InvalidValue, match="named once"):
        gpus_of("cuda:1,cuda:1")
    with pytest.raises(InvalidValue, match="of one kind"):
        gpus_of("auto,cuda:1")


def test_every_device_of_a_worker_is_taken_while_it_has_a_job(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    both, second = slot_of("cuda:1,cuda:0", "a"), slot_of("cuda:1", "b")
    assert slot_of("cuda:0,cuda:1", "c") == both
    with store.write() as tx:
        jobs = [tx.jobs.add(kind=JobKind.EVALUATE, args={}, user_id=None) for _ in range(3)]
        assert tx.jobs.claim(jobs[0].id, worker="a", attempt=1, slot=both)
        assert tx.jobs.claim(jobs[1].id, worker="b", attempt=1, slot=second) is None
        tx.jobs.finish(jobs[0].id, worker="a", attempt=1, state=JobState.SUCCEEDED)
        assert tx.jobs.claim(jobs[1].id, worker="b", attempt=1, slot=second)
        assert tx.jobs.claim(jobs[2].id, worker="a", attempt=1, slot=both) is None
        assert not overlapping(tx.job_records.attempts())


def test_the_windows_of_a_step_are_shared_out_evenly_and_each_once() -> None:
    lengths = [300, 20, 20, 40, 220]
    shares = [Team(rank, 2).share(range(5), lengths) for rank in range(2)]
    assert shares == [[0], [4, 3, 1, 2]]
    assert Team(1, 2).share([3], lengths) == []
