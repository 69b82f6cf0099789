from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mednerapp.domain.devices import Precision
from mednerapp.domain.models import HyperParameters
from mednerapp.errors import ModelProblem
from mednerapp.ner import compiled, residency
from mednerapp.ner.loading import Tagger, load_tagger
from mednerapp.ner.prediction import predict, token_log_probabilities
from mednerapp.ner.residency import Models
from mednerapp.training.finetune import TrainingTask, lora_fine_tune
from mednerapp.training.loop import Hooks
from tests.tiny_models import make_tiny_encoder, toy_notes

TEXTS = ["No fever was found. She was given aspirin in 2019.\nPlan: cough again.", "Metformin for asthma."]
TWO, THREE = ("Symptom", "Drug"), ("Disease", "Symptom", "Drug")


def _adapter(folder: Path, base: Path, labels: tuple[str, ...], seed: int) -> Path:
    task = TrainingTask(
        base_folder=base,
        encoder_name="tiny",
        train=toy_notes(labels, repeat=1),
        dev=(),
        labels=labels,
        hyper=HyperParameters(epochs=15, learning_rate=2e-2, seed=seed),
        device="cpu",
        out_dir=folder,
        name=folder.name,
        dataset_hash="0" * 64,
    )
    lora_fine_tune(task, Hooks(lambda _: None, None, lambda: False))
    return folder


def _scores(tagger: Tagger, texts: list[str] = TEXTS) -> np.ndarray:
    return np.concatenate(token_log_probabilities(tagger, tagger.words.encode(texts)))


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory, encoder_folders: dict[str, Path]) -> list[Path]:
    base = encoder_folders["bert-cased"]
    folder = tmp_path_factory.mktemp("adapters")
    return [_adapter(folder / f"a{i}", base, labels, i) for i, labels in enumerate((TWO, TWO, THREE))]


def test_adapters_of_one_encoder_take_turns_over_one_copy_of_it_and_predict_as_if_freshly_opened(
    adapters: list[Path], encoder_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = encoder_folders["bert-cased"]
    opened: list[str] = []
    fresh = [_scores(load_tagger(folder, base_folder=base, device="cpu")) for folder in adapters]
    real = residency.open_classifier
    monkeypatch.setattr(
        residency, "open_classifier", lambda folder, *a, **k: opened.append(folder.name) or real(folder, *a, **k)
    )
    models = Models(device="cpu", most_adapters=2, most_ready=1)

    for turn in (0, 1, 0, 2, 1, 0, 2, 0):
        assert np.array_equal(_scores(models.tagger(adapters[turn], base_folder=base)), fresh[turn])

    assert opened == ["bert-cased"]
    assert float(np.abs(fresh[0] - fresh[1]).max()) > 0.1
    assert fresh[2].shape[1] == 7


def test_a_tagger_stays_usable_after_others_were_opened(adapters: list[Path], encoder_folders: dict[str, Path]) -> None:
    base = encoder_folders["bert-cased"]
    models = Models(device="cpu", most_ready=1)
    first = models.tagger(adapters[0], base_folder=base)
    before = _scores(first)
    models.tagger(adapters[1], base_folder=base)
    assert np.array_equal(_scores(first), before)


def test_an_adapter_over_an_encoder_with_other_weights_is_refused_by_a_resident_one(
    adapters: list[Path], encoder_folders: dict[str, Path], tmp_path: Path
) -> None:
    models = Models(device="cpu")
    models.tagger(adapters[0], base_folder=encoder_folders["bert-cased"])
    other = shutil.copytree(encoder_folders["bert-cased"], tmp_path / "other")
    models.tagger(adapters[0], base_folder=other)  # the same weights
    (other / "model.safetensors").unlink()
    shutil.copy(make_tiny_encoder(tmp_path / "new", "bert-uncased") / "model.safetensors", other)

    with pytest.raises(ModelProblem, match=r"was trained over 'tiny' with weights .* holds others"):
        models.tagger(adapters[0], base_folder=other)


def test_full_checkpoints_stand_beside_the_resident_encoder(
    adapters: list[Path], encoder_folders: dict[str, Path], tiny_starter: Path
) -> None:
    models = Models(device="cpu")
    alone = predict(load_tagger(tiny_starter, base_folder=None, device="cpu"), TEXTS)
    for folder in (adapters[0], tiny_starter, adapters[0], tiny_starter):
        found = predict(models.tagger(folder, base_folder=encoder_folders["bert-cased"]), TEXTS)
    assert found == alone != []


def test_the_calibration_of_the_manifest_is_applied_to_the_scores_of_its_labels(
    tiny_starter: Path, tmp_path: Path
) -> None:
    raw = predict(load_tagger(tiny_starter, base_folder=None, device="cpu"), TEXTS)
    folder = shutil.copytree(tiny_starter, tmp_path / "starter")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["calibration"] = {"Drug": {"slope": 0.5, "intercept": -1.0, "spans": 20}}
    (folder / "manifest.json").write_text(json.dumps(manifest))

    found = predict(load_tagger(folder, base_folder=None, device="cpu"), TEXTS)

    assert [[s.span for s in note] for note in found] == [[s.span for s in note] for note in raw]
    for before, after in zip((s for note in raw for s in note), (s for note in found for s in note), strict=True):
        z = 0.5 * np.log(before.score / (1 - before.score)) - 1.0
        wanted = 1 / (1 + np.exp(-z)) if before.span.label == "Drug" else before.score
        assert after.score == pytest.approx(wanted, rel=1e-4)
    assert {s.span.label for note in raw for s in note} >= {"Drug", "Symptom"}

    manifest["calibration"] = {"Dose": {"slope": 1.0, "intercept": 0.0, "spans": 1}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelProblem, match="calibrates Dose; its labels are"):
        load_tagger(folder, base_folder=None, device="cpu")


@pytest.fixture(params=["bf16", "int8"])
def shorter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Precision:
    monkeypatch.setattr(compiled, "has_bf16", lambda: True)  # elsewhere it is only slow
    return request.param


def test_shorter_numbers_give_nearly_the_same_and_are_as_independent_of_the_batch(
    tiny_starter: Path, shorter: Precision
) -> None:
    full = load_tagger(tiny_starter, base_folder=None, device="cpu")
    small = load_tagger(tiny_starter, base_folder=None, device="cpu", precision=shorter)
    texts = [note.text for note in toy_notes()] + TEXTS

    a, b = predict(full, texts), predict(small, texts)
    alone = [predict(small, [text])[0] for text in texts]

    same = [[s.span for s in x] == [s.span for s in y] for x, y in zip(a, b, strict=True)]
    assert np.mean(same) > 0.9
    for x, y in zip(b, alone, strict=True):
        assert [s.span for s in x] == [s.span for s in y]
        assert [s.score for s in x] == pytest.approx([s.score for s in y], abs=1e-5)


def test_bf16_is_refused_where_it_would_be_slower(tiny_starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "has_bf16", lambda: False)
    with pytest.raises(ModelProblem, match=r"no units for bf16 .* Set the precision to fp32"):
        load_tagger(tiny_starter, base_folder=None, device="cpu", precision="bf16")


def test_an_adapter_is_folded_into_shorter_weights(
    adapters: list[Path], encoder_folders: dict[str, Path], shorter: Precision
) -> None:
    base = encoder_folders["bert-cased"]
    models = Models(device="cpu", precision=shorter)
    full = [_scores(load_tagger(folder, base_folder=base, device="cpu")) for folder in adapters[:2]]
    small = [_scores(models.tagger(folder, base_folder=base)) for folder in adapters[:2]]
    for a, b in zip(full, small, strict=True):
        assert 0 < float(np.abs(a - b).max()) < 0.1
