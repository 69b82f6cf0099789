"""A run that is killed and taken up again ends where it would have ended."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import EpochReport, HyperParameters
from mednerapp.domain.presets import PRESETS
from mednerapp.ner.manifest import Manifest
from mednerapp.training import finetune
from mednerapp.training.checkpoints import Checkpoints
from mednerapp.training.finetune import TrainingTask
from mednerapp.training.loop import Hooks
from tests.tiny_models import make_tiny_encoder, toy_notes

LORA = replace(PRESETS["lora"].hyper, epochs=3, learning_rate=1e-2, dropout=0.2)
PAPER = replace(PRESETS["paper"].hyper, epochs=3, learning_rate=1e-3, batch_size=8, decay_patience=0)
TOP_ONLY = replace(LORA, lora_layers=1)
STEPS = 4  # in each epoch


class KilledError(Exception):
    pass


class Site:
    """One encoder, one task; runs of it that may be killed after a number of steps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = make_tiny_encoder(folder / "base", "bert-uncased")
        self.resumed: list[tuple[int, int]] = []
        self.epochs: list[EpochReport] = []

    def run(
        self,
        name: str,
        hyper: HyperParameters,
        checkpoints: Checkpoints | None = None,
        *,
        kill_after: int = 0,
        **changes,
    ) -> Manifest:
        done = []

        def on_step(*_: int) -> None:
            done.append(1)
            if len(done) == kill_after:
                raise KilledError

        notes = toy_notes()
        task = TrainingTask(
            base_folder=self.base,
            encoder_name="tiny",
            train=notes[2 : 2 + 8 * STEPS - 3],
            dev=notes[:2],
            labels=MEDICAL_SCHEMA.names,
            hyper=hyper,
            device="cpu",
            out_dir=self.folder / "out" / name,
            name="Toy",
            dataset_hash="d" * 64,
            checkpoints=checkpoints,
        )
        hooks = Hooks(self.epochs.append, on_step, lambda: False, on_resume=lambda *where: self.resumed.append(where))
        return finetune.train(replace(task, **changes), hooks)

    def checkpoints(self, every_steps: int = 1) -> Checkpoints:
        return Checkpoints(self.folder / "checkpoints", every_steps=every_steps)

    def killed(self, hyper: HyperParameters, after: int, every_steps: int = 1) -> None:
        with pytest.raises(KilledError):
            self.run("killed", hyper, self.checkpoints(every_steps), kill_after=after)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize("hyper", [LORA, PAPER, TOP_ONLY], ids=["lora", "paper", "top layer only"])
def test_a_run_killed_at_any_step_ends_with_the_very_weights_of_one_that_was_not(
    site: Site, hyper: HyperParameters
) -> None:
    undisturbed = site.run("undisturbed", hyper)
    reports = [(e.epoch, e.train_loss, e.dev_loss, e.dev_f1) for e in site.epochs]

    site.killed(hyper, after=2)  # in the first epoch
    site.killed(hyper, after=STEPS + 1)  # from there into the second
    site.epochs.clear()
    resumed = site.run("resumed", hyper, site.checkpoints())

    assert resumed["weights_hash"] == undisturbed["weights_hash"]
    assert [(e.epoch, e.train_loss, e.dev_loss, e.dev_f1) for e in site.epochs] == reports
    assert resumed["metrics"]["kept_epoch"] == undisturbed["metrics"]["kept_epoch"]
    assert site.resumed == [(1, 1), (2, 1)]  # the step during which it was killed is done again


def test_a_damaged_checkpoint_is_refused_with_a_message_and_the_one_before_it_used(site: Site) -> None:
    undisturbed = site.run("undisturbed", LORA)
    site.killed(LORA, after=STEPS + 3)
    old, new = sorted((site.folder / "checkpoints").iterdir())
    weights = new / "state.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")

    checkpoints = site.checkpoints()
    resumed = site.run("resumed", LORA, checkpoints)

    [why] = checkpoints.refused
    assert why.startswith(f"The checkpoint {new.name} is damaged (state.safetensors was cut off or changed); ")
    assert site.resumed == [(2, 1)]
    assert old.name == "step-00000005"
    assert resumed["weights_hash"] == undisturbed["weights_hash"]


@pytest.mark.parametrize("damage", ["cut off", "changed", "no object", "missing", "not text"])
def test_a_run_whose_checkpoints_are_all_damaged_begins_at_the_beginning(site: Site, damage: str) -> None:
    undisturbed = site.run("undisturbed", LORA)
    site.killed(LORA, after=3)
    for folder in (site.folder / "checkpoints").iterdir():
        state = folder / "state.json"
        text = state.read_text()
        match damage:
            case "cut off":
                state.write_text(text[: len(text) // 2])
            case "changed":
                state.write_text(text.replace('"step": ', '"step": 1'))
            case "no object":
                state.write_text("[]")
            case "missing":
                (folder / "state.safetensors").unlink()
            case _:
                state.write_bytes(b"\xff\xfe")
    checkpoints = site.checkpoints()
    assert site.run("resumed", LORA, checkpoints)["weights_hash"] == undisturbed["weights_hash"]
    assert len(checkpoints.refused) == 2
    assert site.resumed == []


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before_it(site: Site) -> None:
    undisturbed = site.run("undisturbed", LORA)
    site.killed(LORA, after=3)
    partial = site.folder / "checkpoints" / "step-00000003.partial"
    partial.mkdir()
    (partial / "state.safetensors").write_bytes(b"half")
    assert site.run("resumed", LORA, site.checkpoints())["weights_hash"] == undisturbed["weights_hash"]
    assert site.resumed == [(1, 2)]
    assert not list((site.folder / "checkpoints").glob("*.partial"))


@pytest.mark.parametrize(
    "changes",
    [{"dataset_hash": "e" * 64}, {"labels": MEDICAL_SCHEMA.names[::-1]}, {"hyper": replace(LORA, seed=14)}],
    ids=["dataset", "label schema", "settings"],
)
def test_a_checkpoint_of_another_task_is_not_used(site: Site, changes: dict, request: pytest.FixtureRequest) -> None:
    site.killed(LORA, after=2)
    checkpoints = site.checkpoints()
    site.run("other", changes.pop("hyper", LORA), checkpoints, **changes)
    assert site.resumed == []
    assert f"belongs to a run with another {request.node.callspec.id};" in checkpoints.refused[0]


def test_two_checkpoints_are_kept_and_hold_no_path_and_no_text(site: Site) -> None:
    site.killed(LORA, after=2 * STEPS)
    folders = sorted((site.folder / "checkpoints").iterdir())
    assert len(folders) == 2
    for folder in folders:
        assert {path.name for path in folder.iterdir()} == {"state.safetensors", "state.json"}
        content = json.loads((folder / "state.json").read_text())
        assert set(content) == {"format_version", "sha256", "depends_on", "state", "tensors"}
        assert set(content["depends_on"]) == {
            "encoder", "dataset", "label_schema", "window", "head", "settings", "code_version", "device",
        }  # fmt: skip
        for path in folder.iterdir():
            written = path.read_bytes()
            assert str(site.folder).encode() not in written
            assert not any(note.text.encode() in written for note in toy_notes())


def test_a_full_disk_does_not_end_the_run(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mednerapp.training.checkpoints.save_file", full)
    manifest = site.run("out", LORA, site.checkpoints())
    assert manifest["metrics"]["kept_epoch"]
    assert list((site.folder / "checkpoints").iterdir()) == []


def test_an_attempt_that_was_given_up_and_wakes_up_cannot_touch_what_its_successor_saved(tmp_path: Path) -> None:
    def save(checkpoints: Checkpoints, *numbers: int) -> None:
        for number in numbers:
            assert checkpoints.save(number, depends_on={}, state={"at": number}, tensors={"x": torch.zeros(2)})

    old, new = (Checkpoints(tmp_path / "run", attempt=name, every_steps=1) for name in ("job-1-1", "job-1-2"))
    save(old, 1, 2)
    found = new.newest({})
    assert found is not None
    assert found.state == {"at": 2}  # it goes on from there
    save(new, 3, 4)
    save(old, 3)  # it did not hear that it was given up
    found = new.newest({})
    assert found is not None
    assert found.state == {"at": 4}
    assert [path.name for path in sorted((tmp_path / "run" / "job-1-2").iterdir())] == [
        "step-00000003",
        "step-00000004",
    ]
    new.remove()
    assert not (tmp_path / "run").exists()


def test_a_full_disk_costs_the_checkpoint_and_not_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_more: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    checkpoints = Checkpoints(tmp_path / "run", every_steps=1)
    assert checkpoints.save(1, depends_on={}, state={"at": 1}, tensors={})
    monkeypatch.setattr("mednerapp.training.checkpoints.save_file", full)
    assert not checkpoints.save(2, depends_on={}, state={"at": 2}, tensors={})
    found = checkpoints.newest({})
    assert found is not None
    assert found.state == {"at": 1}
