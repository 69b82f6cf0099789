"""Every row of the table, by every way in, from the folder to a score."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mednerapp.domain.models import PUBLISHED_RESULTS, HyperParameters
from mednerapp.ner import installing
from mednerapp.ner.encoders import ENCODERS, EncoderRecord, EncoderSpec, read_record, spec_of
from mednerapp.ner.loading import load_tagger, open_words, revision_of
from mednerapp.ner.prediction import predict
from mednerapp.scoring.strict import Counts, count_strict, micro
from mednerapp.training.finetune import TrainingTask, lora_fine_tune
from mednerapp.training.loop import Hooks, fit
from tests.tiny_models import make_hub_cache, make_published_folder, toy_notes

pytestmark = pytest.mark.usefixtures("warm")  # the conversions; `test_encoder_failures.py` starts them as ever

LABELS = ("Drug", "Symptom")
ALL = ("cache", "folder", "bin")
# Each row by one way in, and one row of each tokenizer family by all of them.
WAYS = [(name, way) for name in ("BERT", "BlueBERT", "RoBERTa") for way in ALL]
WAYS += [("ClinicalBERT", "bin"), ("SciBERT", "bin"), ("BioBERT", "old cache")]

Install = Callable[[EncoderSpec, str], tuple[Path, EncoderRecord]]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes a tiny published encoder and installs it as a user would."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))

    def install_(spec: EncoderSpec, way: str) -> tuple[Path, EncoderRecord]:
        target = tmp_path / "models" / "encoders" / "it"
        if "cache" in way:
            make_hub_cache(tmp_path / "cache", spec, weights="bin" if way == "old cache" else "safetensors")
            downloads = tmp_path / "models" / "downloads"
            record = installing.pull(spec.hub_id, spec.revision, name=spec.name, target=target, downloads=downloads)
        else:
            folder = tmp_path / "brought"
            make_published_folder(folder, spec, weights="bin" if way == "bin" else "safetensors")
            record = installing.add(folder, name=spec.name, target=target)
        return target, record

    return install_


def test_the_ways_cover_every_row() -> None:
    assert {name for name, _ in WAYS} == set(ENCODERS)


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_an_encoder_goes_from_its_files_to_a_score(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, way: str
) -> None:
    spec = ENCODERS[name]
    folder, record = install(spec, way)

    assert record == read_record(folder)
    assert (record.cased, record.tokenizer, record.licence) == (spec.cased, spec.tokenizer, spec.licence)
    assert open_words(folder).is_cased() is spec.cased
    assert revision_of(folder) == (spec.revision if "cache" in way else "")
    stored = (folder / "model.safetensors").read_bytes()
    assert record.weights_hash == hashlib.sha256(stored).hexdigest()
    assert (record.original_hash == record.weights_hash) is (way in ("cache", "folder"))
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    found = installing.verify(folder, expected_hash=record.weights_hash)
    assert [check for check in found if not check.ok] == []
    assert len(found) == 5

    trained: list[Any] = []

    def remember(model: Any, *args: Any, **kwargs: Any) -> Any:
        trained.append(model)
        return fit(model, *args, **kwargs)

    monkeypatch.setattr("mednerapp.training.finetune.fit", remember)
    notes = toy_notes(LABELS)
    out = tmp_path / "adapter"
    task = TrainingTask(
        base_folder=folder, encoder_name=record.name, train=notes, dev=(), labels=LABELS, device="cpu", out_dir=out,
        name="Toy", dataset_hash="0" * 64,
        # Hot, and in small steps: so it learns these notes whatever the random weights are.
        hyper=HyperParameters(epochs=40, learning_rate=5e-3, batch_size=4, max_grad_norm=0.3, dropout=0.0),
    )  # fmt: skip
    manifest = lora_fine_tune(task, Hooks(lambda _: None, None, lambda: False))
    assert manifest["encoder"]["weights_hash"] == record.weights_hash

    losses = [epoch["train_loss"] for epoch in manifest["metrics"]["epochs"]]
    assert losses[-1] < 0.8 * losses[0]

    texts = [note.text for note in notes]
    reloaded = load_tagger(out, base_folder=folder, device="cpu")
    in_memory = replace(reloaded, model=trained[0].eval(), compiled=None)  # its own layers, as they were trained
    before, after = (predict(tagger, texts) for tagger in (in_memory, reloaded))
    assert [[one.span for one in spans] for spans in before] == [[one.span for one in spans] for spans in after]
    scores = [[one.score for spans in found for one in spans] for found in (before, after)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    total = Counts()
    for note, spans in zip(notes, after, strict=True):
        total += micro(count_strict(note.spans, [scored.span for scored in spans]))
    assert total.tp > 0, "it has learnt to find something"


def test_a_conversion_gives_the_same_bytes_each_time_and_says_what_it_put_right(tmp_path: Path) -> None:
    """Adapters name their encoder by its hash: two hospitals that convert the same file can exchange them."""
    import torch
    from safetensors.torch import load_file

    folder = make_published_folder(tmp_path / "brought", ENCODERS["BioBERT"], weights="bin")
    records = [installing.add(folder, name="BioBERT", target=tmp_path / f"{i}") for i in range(2)]
    assert records[0].weights_hash == records[1].weights_hash
    assert records[0].original_hash == hashlib.sha256((folder / "pytorch_model.bin").read_bytes()).hexdigest()
    before = torch.load(folder / "pytorch_model.bin", weights_only=True)
    after = load_file(tmp_path / "0" / "model.safetensors")
    assert torch.equal(before["bert.embeddings.LayerNorm.gamma"], after["embeddings.LayerNorm.weight"])
    assert torch.equal(before["bert.embeddings.word_embeddings.weight"], after["embeddings.word_embeddings.weight"])
    assert not any("cls." in name for name in after)

    assert [repair.split()[0] for repair in records[0].repairs] == ["config.json", "config.json", "The"]
    assert "lower-cased" in records[0].repairs[2]
    assert json.loads((tmp_path / "0" / "tokenizer_config.json").read_text())["do_lower_case"] is False


@pytest.mark.parametrize(("name", "stated"), [("BERT", True), ("SciBERT", False)])
def test_an_unknown_folder_gets_the_case_of_its_vocabulary_whatever_it_says(
    tmp_path: Path, name: str, *, stated: bool
) -> None:
    spec = ENCODERS[name]
    folder = make_published_folder(tmp_path / "brought", spec, weights="safetensors")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"do_lower_case": stated}))
    record = installing.add(folder, name="Ours", target=tmp_path / "it")
    assert record.cased is spec.cased
    assert open_words(tmp_path / "it").is_cased() is spec.cased
    assert len(record.repairs) == 1


def test_a_vocabulary_with_line_separators_in_its_pieces_keeps_its_numbers(tmp_path: Path) -> None:
    """U+2028 and U+0085 are pieces of real vocabularies; a piece whose number is off by one ruins all after it."""
    folder = make_published_folder(tmp_path / "brought", ENCODERS["BioBERT"], weights="bin")  # needs a new tokenizer
    path = folder / "vocab.txt"
    pieces = path.read_text(encoding="utf-8").split("\n")[:-1]
    pieces[10:12] = ["\u2028", "\x85"]  # as many as before: the weights still fit
    path.write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    installing.add(folder, name="BioBERT", target=tmp_path / "it")
    model = json.loads((tmp_path / "it" / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    assert model["vocab"] == {piece: number for number, piece in enumerate(pieces)}


@pytest.mark.parametrize("prefix", [True, False])
def test_half_precision_and_prefixes_make_no_difference(tmp_path: Path, *, prefix: bool) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = make_published_folder(tmp_path / "brought", ENCODERS["RoBERTa"], weights="safetensors")
    tensors = load_file(folder / "model.safetensors")
    changed = {(n if prefix else n.removeprefix("roberta.")): t.half() for n, t in tensors.items()}
    save_file(changed, folder / "model.safetensors")
    record = installing.add(folder, name="RoBERTa", target=tmp_path / "it")
    assert all(check.ok for check in installing.verify(tmp_path / "it", expected_hash=record.weights_hash))
    assert changed[("roberta." if prefix else "") + "embeddings.word_embeddings.weight"].dtype == torch.float16


def test_weights_in_several_files_become_one(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = make_published_folder(tmp_path / "brought", ENCODERS["SciBERT"], weights="safetensors")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    for number, part in enumerate((names[:20], names[20:]), start=1):
        save_file({name: tensors[name] for name in part}, folder / f"model-{number:05}-of-00002.safetensors")
    record = installing.add(folder, name="SciBERT", target=tmp_path / "it")
    assert record.original_file == "model-00001-of-00002.safetensors, model-00002-of-00002.safetensors"
    assert len(list((tmp_path / "it").glob("*.safetensors"))) == 1


def test_a_seventh_encoder_is_a_row(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    row = replace(ENCODERS["SciBERT"], name="PubMedBERT", hub_id="somebody/PubMedBERT", revision="7" * 40)
    monkeypatch.setitem(ENCODERS, row.name, row)
    folder, record = install(row, "cache")
    assert spec_of("somebody/pubmedbert") == row
    assert (record.name, record.source, record.revision) == ("PubMedBERT", row.hub_id, "7" * 40)
    assert row.published.f1 is None
    assert all(check.ok for check in installing.verify(folder, expected_hash=record.weights_hash))


def test_the_table_is_that_of_the_paper_with_commits() -> None:
    assert [spec.published for spec in ENCODERS.values()] == list(PUBLISHED_RESULTS)
    for spec in ENCODERS.values():
        assert len(spec.revision) == 40
        int(spec.revision, 16)
