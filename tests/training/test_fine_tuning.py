from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import EpochReport, HyperParameters
from mednerapp.errors import ModelProblem, NothingToTrainOn
from mednerapp.ner.loading import load_tagger
from mednerapp.ner.manifest import read_manifest
from mednerapp.ner.prediction import predict
from mednerapp.scoring.strict import Counts, count_strict, micro, precision_recall_f1
from mednerapp.training import TrainingStopped, finetune
from mednerapp.training.finetune import TrainingTask
from mednerapp.training.loop import Hooks
from tests.tiny_models import FAMILIES, make_tiny_encoder, make_tiny_starter, toy_notes

LABELS = MEDICAL_SCHEMA.names
HYPER = HyperParameters(epochs=6, learning_rate=1e-2, batch_size=8)
TEXTS = [note.text for note in toy_notes()] + ["Ménière 🙂 fever\u200b aspirin. " * 40]


def train(base: Path, out: Path, *, hyper: HyperParameters = HYPER, labels=LABELS, **changes):
    notes = toy_notes()
    hooks = {"on_epoch": lambda _: None, "on_step": None, "should_stop": lambda: False, "on_resume": None}
    hooks = Hooks(**{name: changes.pop(name, default) for name, default in hooks.items()})
    task = TrainingTask(
        base_folder=base,
        encoder_name="tiny",
        train=notes[4:],
        dev=notes[:4],
        labels=labels,
        hyper=hyper,
        device="cpu",
        out_dir=out,
        name="Toy",
        dataset_hash="d" * 64,
    )
    return finetune.train(replace(task, **changes), hooks)


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "starter"
    make_tiny_starter(folder, LABELS)
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_a_reloaded_adapter_predicts_as_the_trained_one_did(
    family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = make_tiny_encoder(tmp_path / "base", family)
    trained = []
    import mednerapp.training.finetune as module

    fit = module.fit

    def remember(model, *args, **kwargs):
        result = fit(model, *args, **kwargs)
        trained.append(model)
        return result

    monkeypatch.setattr(module, "fit", remember)
    manifest = train(base, tmp_path / "adapter", hyper=replace(HYPER, epochs=40))
    assert manifest == read_manifest(tmp_path / "adapter")
    assert manifest["head"] == "new"

    reloaded = load_tagger(tmp_path / "adapter", base_folder=base, device="cpu")
    in_memory = replace(reloaded, model=trained[0].eval(), compiled=None)  # its own layers, as they were trained

    before, after = predict(in_memory, TEXTS), predict(reloaded, TEXTS)
    assert [[one.span for one in spans] for spans in before] == [[one.span for one in spans] for spans in after]
    scores = [[one.score for spans in found for one in spans] for found in (before, after)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    assert any(before), "an adapter that finds nothing would pass any comparison"


def test_training_lowers_the_loss_and_reports_every_epoch_and_step(starter: Path, tmp_path: Path) -> None:
    base = make_tiny_encoder(tmp_path / "base", "bert-uncased")
    epochs: list[EpochReport] = []
    steps: list[tuple[int, int]] = []
    manifest = train(
        base, tmp_path / "adapter", on_epoch=epochs.append, on_step=lambda done, total: steps.append((done, total))
    )

    assert [report.epoch for report in epochs] == [1, 2, 3, 4, 5, 6]
    assert epochs[-1].train_loss < 0.7 * epochs[0].train_loss
    assert epochs[-1].dev_loss is not None
    assert epochs[-1].dev_loss < 0.9 * (epochs[0].dev_loss or 0)
    assert steps == [(i, len(steps)) for i in range(1, len(steps) + 1)]
    best = max(report.dev_f1 or 0 for report in epochs)
    assert epochs[manifest["metrics"]["kept_epoch"] - 1].dev_f1 == best


def test_the_epoch_with_the_best_dev_f1_is_the_one_that_is_stored(starter: Path, tmp_path: Path) -> None:
    manifest = train(starter, tmp_path / "adapter", hyper=replace(HYPER, learning_rate=0.03, epochs=4))
    tagger = load_tagger(tmp_path / "adapter", base_folder=starter, device="cpu")
    dev = toy_notes()[:4]
    found = predict(tagger, [note.text for note in dev])
    pairs = zip(dev, found, strict=True)
    counts = sum((micro(count_strict(n.spans, [s.span for s in spans])) for n, spans in pairs), start=Counts())

    kept = manifest["metrics"]["epochs"][manifest["metrics"]["kept_epoch"] - 1]
    assert kept["dev_f1"] > 0
    assert precision_recall_f1(counts).f1 == pytest.approx(kept["dev_f1"])


def test_the_same_seed_gives_the_same_weights(starter: Path, tmp_path: Path) -> None:
    hyper = replace(HYPER, epochs=2)
    one, two = (train(starter, tmp_path / name, hyper=hyper)["weights_hash"] for name in ("one", "two"))
    other = train(starter, tmp_path / "other", hyper=replace(hyper, seed=14))["weights_hash"]
    assert one == two != other


def test_without_dev_notes_the_last_epoch_is_kept(starter: Path, tmp_path: Path) -> None:
    manifest = train(starter, tmp_path / "adapter", dev=[], hyper=replace(HYPER, epochs=2))
    assert manifest["metrics"]["kept_epoch"] == 2
    assert manifest["metrics"]["epochs"][1]["dev_f1"] is None


def test_over_a_starter_with_the_same_labels_the_head_goes_on_from_the_starters(starter: Path, tmp_path: Path) -> None:
    still = replace(HYPER, epochs=1, learning_rate=1e-9)
    manifest = train(starter, tmp_path / "adapter", hyper=still)
    assert manifest["head"] == "starter"

    alone = load_tagger(starter, base_folder=None, device="cpu")
    adapted = load_tagger(tmp_path / "adapter", base_folder=starter, device="cpu")
    assert [[s.span for s in found] for found in predict(adapted, TEXTS)] == [
        [s.span for s in found] for found in predict(alone, TEXTS)
    ]

    shuffled = train(starter, tmp_path / "shuffled", labels=LABELS[::-1], hyper=replace(HYPER, epochs=1))
    assert shuffled["head"] == "new"


def test_an_adapter_sees_no_longer_windows_than_its_base_has_learnt(starter: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(starter, base)
    manifest = read_manifest(base) | {"window": {"size": 40, "overlap": 8}}
    (base / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    assert train(base, tmp_path / "adapter", hyper=replace(HYPER, epochs=1))["window"] == {"size": 40, "overlap": 8}


def test_the_manifest_names_every_note_that_the_adapter_or_its_base_has_seen(starter: Path, tmp_path: Path) -> None:
    manifest = train(starter, tmp_path / "adapter", hyper=replace(HYPER, epochs=1))
    notes, base = toy_notes(), read_manifest(starter)
    assert set(manifest["trained_on"]) == {n.note_hash for n in notes[4:]} | set(base["trained_on"])
    assert set(manifest["selected_on"]) == {n.note_hash for n in notes[:4]}
    assert manifest["encoder"]["weights_hash"] == base["weights_hash"]


def test_an_adapter_over_another_base_is_refused(starter: Path, tmp_path: Path) -> None:
    train(starter, tmp_path / "adapter", hyper=replace(HYPER, epochs=1))
    other = make_tiny_encoder(tmp_path / "other", "bert-uncased")
    with pytest.raises(ModelProblem, match=r"trained over 'tiny'.*holds others"):
        load_tagger(tmp_path / "adapter", base_folder=other, device="cpu")
    with pytest.raises(ModelProblem, match="needs its encoder"):
        load_tagger(tmp_path / "adapter", base_folder=None, device="cpu")


def test_an_adapter_whose_labels_are_not_its_bases_is_refused(starter: Path, tmp_path: Path) -> None:
    train(starter, tmp_path / "adapter", hyper=replace(HYPER, epochs=1))
    path = tmp_path / "adapter" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["labels"] = manifest["labels"][::-1]
    manifest["tags"] = ["O", *(f"{prefix}-{label}" for label in manifest["labels"] for prefix in "BI")]
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelProblem, match="was trained for the labels"):
        load_tagger(tmp_path / "adapter", base_folder=starter, device="cpu")


def test_an_adapter_is_no_base_for_another(starter: Path, tmp_path: Path) -> None:
    train(starter, tmp_path / "adapter", hyper=replace(HYPER, epochs=1))
    shutil.copy(starter / "config.json", tmp_path / "adapter")
    shutil.copy(starter / "tokenizer.json", tmp_path / "adapter")
    shutil.copy(starter / "tokenizer_config.json", tmp_path / "adapter")
    with pytest.raises(ModelProblem, match="is an adapter"):
        train(tmp_path / "adapter", tmp_path / "second")


@pytest.mark.parametrize("after", [0, 1, 7])
def test_a_stopped_training_leaves_nothing(starter: Path, tmp_path: Path, after: int) -> None:
    asked = []

    def should_stop() -> bool:
        asked.append(1)
        return len(asked) > after

    with pytest.raises(TrainingStopped):
        train(starter, tmp_path / "models" / "adapter", should_stop=should_stop)
    assert not list(tmp_path.glob("**/manifest.json"))
    assert not (tmp_path / "models" / "adapter").exists()


def test_a_failed_save_leaves_nothing(starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mednerapp.training.saving.write_manifest", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(starter, tmp_path / "models" / "adapter", hyper=replace(HYPER, epochs=1))
    assert list((tmp_path / "models").iterdir()) == []


def test_what_a_killed_run_left_is_cleared_by_the_next(starter: Path, tmp_path: Path) -> None:
    left = tmp_path / ".adapter.99999.partial"
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"half")
    train(starter, tmp_path / "adapter", hyper=replace(HYPER, epochs=1))
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_a_model_that_is_there_is_never_overwritten(starter: Path, tmp_path: Path) -> None:
    first = train(starter, tmp_path / "adapter", hyper=replace(HYPER, epochs=1))
    with pytest.raises(ModelProblem, match="not empty"):
        train(starter, tmp_path / "adapter")
    assert read_manifest(tmp_path / "adapter") == first


def test_nothing_saved_names_a_path_of_this_machine(starter: Path, tmp_path: Path) -> None:
    train(starter, tmp_path / "adapter", hyper=replace(HYPER, epochs=1))
    for folder in (starter, tmp_path / "adapter"):
        for path in folder.glob("*.json"):
            assert str(tmp_path.parent.parent) not in path.read_text(), path.name


def test_overlapping_gold_is_flattened_for_tagging_but_scored_in_full(starter: Path, tmp_path: Path) -> None:
    from mednerapp.domain.spans import Span

    notes = toy_notes()
    inner = replace(notes[0], spans=(*notes[0].spans, Span(notes[0].spans[0].start, notes[0].spans[0].end, "Test")))
    manifest = train(starter, tmp_path / "adapter", train=notes, dev=[inner], hyper=replace(HYPER, epochs=4))
    # One of the two gold spans on the same words can never be found.
    assert 0 < manifest["metrics"]["epochs"][-1]["dev_f1"] < 1


def test_notes_without_words_are_nothing_to_train_on(starter: Path, tmp_path: Path) -> None:
    empty = replace(toy_notes()[0], text="\n\u200b", spans=())
    with pytest.raises(NothingToTrainOn, match="No training note holds a word"):
        train(starter, tmp_path / "adapter", train=[empty])
    assert not (tmp_path / "adapter").exists()


def test_a_learning_rate_that_diverges_is_reported(starter: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelProblem, match="lower learning rate"):
        train(starter, tmp_path / "adapter", hyper=replace(HYPER, learning_rate=1e30))
