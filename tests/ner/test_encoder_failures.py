"""A folder that does not fit is refused with what to do about it, and nothing of it stays behind."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from mednerapp.errors import ModelProblem
from mednerapp.ner import installing
from mednerapp.ner.encoders import ENCODERS, RECORD
from mednerapp.ner.loading import open_classifier, open_words
from mednerapp.training.starter.network import ManyHeads
from tests.tiny_models import make_published_folder

Change = Callable[[Path], object]
MAKE = {
    "BERT": ("BERT", "safetensors"),
    "BlueBERT": ("BlueBERT", "safetensors"),
    "RoBERTa": ("RoBERTa", "safetensors"),
    "BioBERT": ("BioBERT", "bin"),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("published")
    return {
        name: make_published_folder(folder / name, ENCODERS[row], weights=weights)  # type: ignore[arg-type]
        for name, (row, weights) in MAKE.items()
    }


@pytest.fixture
def brought(published: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: Path(shutil.copytree(published[name], tmp_path / "brought"))


def left_behind(tmp_path: Path) -> list[str]:
    folder = tmp_path / "encoders"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def change_json(name: str, **changes: object) -> Change:
    def change(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def cut(name: str, share: float) -> Change:
    def change(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * share)])

    return change


def without(*names: str) -> Change:
    return lambda folder: [(folder / name).unlink(missing_ok=True) for name in names]


def lose_a_layer(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in tensors.items() if ".layer.1." not in k}, folder / "model.safetensors")


def not_numbers(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    next(v for k, v in tensors.items() if k.endswith("layer.0.output.dense.weight")).fill_(float("nan"))
    save_file(tensors, folder / "model.safetensors")


def another_vocabulary(folder: Path) -> None:
    path = folder / "tokenizer.json"
    made = json.loads(path.read_text())
    made["model"]["vocab"] |= {f"Extra{i}": len(made["model"]["vocab"]) + i for i in range(50)}
    path.write_text(json.dumps(made))


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch exploded",)


def bomb(folder: Path) -> None:
    with (folder / "pytorch_model.bin").open("wb") as file:
        pickle.dump({"bert.embeddings.word_embeddings.weight": Bomb()}, file)


BAD: list[tuple[str, Change, str]] = [
    ("BERT", without("config.json"), r"no config\.json.*Copy the whole folder"),
    ("BERT", change_json("config.json", model_type="deberta-v2"), r"architecture 'deberta-v2'.*bert and roberta"),
    ("BERT", change_json("config.json", model_type="", architectures=["T5Model"]), r"architecture 'T5Model'"),
    ("BERT", change_json("config.json", auto_map={"AutoModel": "evil.Model"}), r"code of its own \(auto_map\)"),
    ("BERT", change_json("tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.T", None]}), "code of its own"),
    (
        "BERT",
        without("tokenizer.json", "tokenizer_config.json"),
        r"no tokenizer: add its vocab\.txt or tokenizer\.json",
    ),
    ("RoBERTa", without("tokenizer.json"), r"no tokenizer: add its vocab\.json or tokenizer\.json with merges\.txt"),
    ("BERT", cut("tokenizer.json", 0.5), r"not JSON; copy the whole folder again"),
    ("RoBERTa", cut("tokenizer.json", 0.5), r"cannot be opened.*Copy its tokenizer files again"),
    ("BERT", without("model.safetensors"), r"neither model\.safetensors nor pytorch_model\.bin"),
    ("BERT", cut("model.safetensors", 0.7), r"cut off or damaged.*Fetch model\.safetensors again"),
    ("BioBERT", cut("pytorch_model.bin", 0.7), r"could not be converted.*cut off, damaged"),
    ("BioBERT", bomb, r"could not be converted"),
    ("BERT", lose_a_layer, r"lack encoder\.layer\.1\.attention.* and 11 more"),
    ("BERT", change_json("config.json", hidden_size=64), r"do not fit its config\.json"),
    ("BERT", change_json("config.json", vocab_size=999), r"config\.json .* gives 999 pieces, the weights have"),
    ("BERT", another_vocabulary, r"tokenizer .* knows .* pieces, its weights"),
    ("RoBERTa", another_vocabulary, r"tokenizer .* knows .* pieces, its weights"),
    ("BERT", not_numbers, r"computes no numbers"),
    ("BERT", lambda folder: (folder / "manifest.json").write_text("{}"), "made by MedNER"),
]


@pytest.mark.parametrize(("name", "change", "message"), BAD)
def test_a_folder_that_does_not_fit_says_what_to_do_and_leaves_nothing(
    brought: Callable[[str], Path], tmp_path: Path, name: str, change: Change, message: str
) -> None:
    folder = brought(name)
    change(folder)
    with pytest.raises(ModelProblem, match=f"(?s){message}"):
        installing.add(folder, name="Ours", target=tmp_path / "encoders" / "ours")
    assert left_behind(tmp_path) == []
    assert not Path("exploded").exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelProblem, match="There is no folder"):
        installing.add(tmp_path / "nowhere", name="Ours", target=tmp_path / "encoders" / "ours")


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("BlueBERT", "BioBERT", "BioBERT is cased, but the vocabulary .* is uncased: it is another encoder"),
        ("BERT", "SciBERT", "SciBERT is uncased, but the vocabulary .* is cased"),
        ("BERT", "RoBERTa", "is of type bert, which RoBERTa is not"),
    ],
)
def test_a_folder_under_the_name_of_another_encoder_is_refused(
    brought: Callable[[str], Path], tmp_path: Path, name: str, row: str, message: str
) -> None:
    with pytest.raises(ModelProblem, match=message):
        installing.add(brought(name), name=row, target=tmp_path / "encoders" / "ours")
    assert left_behind(tmp_path) == []


def test_a_disk_that_is_too_small_is_seen_before_anything_is_written(
    brought: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil has it
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(10, 10, 0))
    with pytest.raises(ModelProblem, match=r"The disk has 0 MB left.*Make room"):
        installing.add(brought("BERT"), name="Ours", target=tmp_path / "encoders" / "ours")
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("step", range(5))
def test_whoever_stops_it_at_any_step_leaves_nothing(brought: Callable[[str], Path], tmp_path: Path, step: int) -> None:
    class StoppedError(Exception):
        pass

    told: list[str] = []

    def stop(_done: int, _total: int, _unit: str, message: str) -> None:
        told.append(message)
        if len(told) == step + 1:
            raise StoppedError

    target = tmp_path / "encoders" / "ours"
    with pytest.raises(StoppedError):
        installing.add(brought("BioBERT"), name="Ours", target=target, on_progress=stop)
    assert left_behind(tmp_path) == []


def test_what_a_killed_installation_left_is_never_an_encoder_and_goes_with_the_next(
    published: dict[str, Path], tmp_path: Path
) -> None:
    code = (
        "import sys, time; from pathlib import Path; from mednerapp.ner import installing\n"
        "def stay(*progress):\n"
        "    if progress[3] == 'Checking': print('here', flush=True); time.sleep(60)\n"
        "installing.add(Path(sys.argv[1]), name='Ours', target=Path(sys.argv[2]), on_progress=stay)"
    )
    target = tmp_path / "encoders" / "ours"
    words = [sys.executable, "-c", code, str(published["BERT"]), str(target)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "here"
        process.send_signal(signal.SIGKILL)
    left = left_behind(tmp_path)
    assert len(left) == 1
    assert left[0].startswith(".")
    installing.add(published["BERT"], name="Ours", target=target)
    assert left_behind(tmp_path) == ["ours"]


def test_a_name_that_is_taken_is_refused_before_anything_else(published: dict[str, Path], tmp_path: Path) -> None:
    target = tmp_path / "encoders" / "ours"
    installing.add(published["BERT"], name="Ours", target=target)
    with pytest.raises(ModelProblem, match="already; remove it first"):
        installing.add(published["BERT"], name="Ours", target=target)


@pytest.mark.parametrize("key", ["_attn_implementation", "attn_implementation"])
def test_a_config_does_not_choose_what_computes_attention(
    brought: Callable[[str], Path], tmp_path: Path, key: str
) -> None:
    """A kernel of the hub is native code; the library would fetch and load it because a config.json says so."""
    folder = brought("BERT")
    change_json("config.json", **{key: "kernels-community/flash-attn"})(folder)
    target = tmp_path / "encoders" / "ours"
    record = installing.add(folder, name="Ours", target=target)
    assert record.repairs == ("config.json chose how attention is computed ('kernels-community/flash-attn').",)
    assert key not in json.loads((target / "config.json").read_text())

    change_json("config.json", **{key: "kernels-community/flash-attn"})(target)  # as one that came here otherwise
    assert all(check.ok for check in installing.verify(target, expected_hash=record.weights_hash))
    words = open_words(target)
    assert open_classifier(target, ["Drug"], words=words, keep_head=False).config._attn_implementation == "sdpa"
    assert ManyHeads(target, {"product": 3}).encoder.config._attn_implementation == "sdpa"


def test_a_check_finds_weights_that_were_changed_and_a_tokenizer_that_lost_its_case(
    published: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "ours"
    record = installing.add(published["BERT"], name="Ours", target=folder)
    settings = folder / "tokenizer_config.json"
    kept = settings.read_text()
    settings.write_text(json.dumps(json.loads(kept) | {"do_lower_case": True}))
    last = installing.verify(folder, expected_hash=record.weights_hash)[-1]
    assert (last.name, last.ok) == ("tokenizer", False)
    assert "is cased, but its tokenizer treats text as uncased" in last.detail
    settings.write_text(kept)

    lose_a_layer(folder)
    last = installing.verify(folder, expected_hash=record.weights_hash)[-1]
    assert not last.ok
    assert "was changed or is damaged" in last.detail

    (folder / RECORD).unlink()
    [only] = installing.verify(folder, expected_hash=record.weights_hash)
    assert "has no readable encoder.json" in only.detail


def test_a_conversion_ends_when_it_is_no_longer_wanted(published: dict[str, Path], tmp_path: Path) -> None:
    from mednerapp.ner.converting import convert

    def no_longer() -> None:
        raise KeyboardInterrupt

    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        convert([published["BioBERT"] / "pytorch_model.bin"], tmp_path / "x.safetensors", still_wanted=no_longer)
    assert time.monotonic() - before < 60
    assert not (tmp_path / "x.safetensors").exists()


def test_weights_that_unfold_into_more_memory_than_their_size_explains_are_refused(tmp_path: Path) -> None:
    """One number on the disk, 32 GiB once it is laid out."""
    import torch

    from mednerapp.ner.converting import convert

    path = tmp_path / "pytorch_model.bin"
    torch.save({"bert.embeddings.word_embeddings.weight": torch.zeros(1).expand(2**33)}, path)
    assert path.stat().st_size < 5000
    with pytest.raises(ModelProblem, match=r"could not be converted: .*(?i:memory)"):
        convert([path], tmp_path / "x.safetensors", still_wanted=lambda: None)
    assert not (tmp_path / "x.safetensors").exists()
