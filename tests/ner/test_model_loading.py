from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from mednerapp.errors import ModelProblem
from mednerapp.ner.loading import load_tagger, open_classifier, open_words, pick_device, require_case
from mednerapp.ner.prediction import predict


def test_a_full_checkpoint_loads_without_a_network_and_finds_what_it_learned(tiny_starter: Path) -> None:
    tagger = load_tagger(tiny_starter, base_folder=None, device="cpu")
    text = "No pneumonia was found. She was given aspirin in 2019."

    [found] = predict(tagger, [text])

    assert {(s.span.mention(text), s.span.label) for s in found} == {("pneumonia", "Disease"), ("aspirin", "Drug")}


def test_weights_that_are_not_those_of_the_manifest_are_refused(tiny_starter: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_starter, tmp_path / "model"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(ModelProblem, match="cut off"):
        load_tagger(folder, base_folder=None, device="cpu")


def test_a_tokenizer_of_another_encoder_is_refused(
    tiny_starter: Path, encoder_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_starter, tmp_path / "model"))
    shutil.copy(encoder_folders["roberta"] / "tokenizer.json", folder)
    shutil.copy(encoder_folders["roberta"] / "tokenizer_config.json", folder)
    with pytest.raises(ModelProblem, match="not from the same encoder"):
        load_tagger(folder, base_folder=None, device="cpu")


def test_weights_that_lack_a_layer_or_are_cut_off_are_refused(encoder_folders: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(encoder_folders["bert-cased"], tmp_path / "encoder"))
    weights = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "layer.1." not in k}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelProblem, match=r"lack .*encoder\.layer\.1\."):
        open_classifier(folder, ("Drug",), words=open_words(folder), keep_head=False)

    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-10])
    with pytest.raises(ModelProblem, match="complete safetensors weights"):
        open_classifier(folder, ("Drug",), words=open_words(folder), keep_head=False)


@pytest.mark.parametrize(("name", "family"), [("BioBERT", "bert-uncased"), ("SciBERT", "bert-cased")])
def test_a_tokenizer_with_the_wrong_case_for_its_encoder_is_refused(
    encoder_folders: dict[str, Path], name: str, family: str
) -> None:
    with pytest.raises(ModelProblem, match="do_lower_case"):
        require_case(open_words(encoder_folders[family]), name)


def test_devices_that_are_not_here_are_refused_with_those_that_are() -> None:
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") in {"cpu", "cuda:0"}
    for wanted in ("cuda:99", "tpu", "cpu:0", "cuda:x", ""):
        with pytest.raises(ModelProblem, match="Valid devices: auto, cpu"):
            pick_device(wanted)
