"""The training measurements on tiny models: what they compute and print, not how fast they are."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grimp
import pytest
import torch

from mednerapp.bench import lora_defaults, train, training_runs
from mednerapp.bench.kept import keep_row, kept_rows
from mednerapp.domain.datasets import Split, split_of
from mednerapp.domain.models import HyperParameters
from mednerapp.domain.notes import content_hash
from mednerapp.training.starter.corpora import MACCROBAT_LABELS
from tests.tiny_models import make_tiny_encoder, toy_notes

THEIRS = {ours: theirs for theirs, ours in MACCROBAT_LABELS.items()}
TINY = ["--layers", "2", "--width", "64", "--steps", "1", "--top-layers", "1", "--threads", "1"]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """A measurement sets the number of threads of its process, which here is that of the other tests, too."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_encoder(tmp_path_factory.mktemp("bench") / "tiny", "bert-uncased")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Notes of the shape of MACCROBAT, some of them on the dev side."""
    path = tmp_path_factory.mktemp("corpus") / "train.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for note in toy_notes():
            spans = [{"start": s.start, "end": s.end, "label": THEIRS[s.label]} for s in note.spans]
            file.write(json.dumps({"id": str(note.note_id), "text": note.text, "spans": spans}) + "\n")
    return path


def test_speed_is_measured_for_every_variant_on_the_same_windows_and_printed_as_ratios(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def here(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        given = train.parser().parse_args(command[3:])
        row = train.measure(train.VARIANTS[given.variant], given)
        return subprocess.CompletedProcess(command, 0, f"loading\n{json.dumps(row)}\n", "")

    monkeypatch.setattr(subprocess, "run", here)
    train.main([*TINY, "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert [row["variant"] for row in rows] == ["trainer", "all", "top"]
    assert len({(row["tokens"], row["windows"]) for row in rows}) == 1
    usual, ours, top = rows
    assert usual["wall_ratio"] == usual["cpu_ratio"] == usual["memory_share"] == 1.0
    assert ours["wall_ratio"] == pytest.approx(usual["wall"] / ours["wall"])
    assert (usual["before"], top["before"] > 0) == (0.0, True)

    train.print_speed(rows, train.parser().parse_args(TINY))
    printed = capsys.readouterr().out
    assert f"16 windows of {usual['tokens'] / 16:.0f} tokens" in printed
    assert f"{ours['wall_ratio']:.2f}x" in printed


def test_a_measurement_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", "out of memory"))
    with pytest.raises(train.ModelProblem, match="out of memory"):
        train.main(TINY)


def test_the_synthetic_windows_are_about_400_tokens_long() -> None:
    lengths = [len(example.ids) for example in train.windows(500)]
    assert 390 < sum(lengths) / len(lengths) < 410
    assert 32 <= min(lengths) <= max(lengths) <= 512


def test_quality_is_dev_f1_over_seeds_with_both_intervals(
    encoder: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--quality", "--corpus", str(corpus), "--encoder", str(encoder), "--seeds", "2", "--epochs", "2"]
    given += ["--threads", "1"]
    train.main([*given, "--learning-rate", "1e-2", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert [(row["variant"], row["layers"]) for row in rows] == [("trainer", 2), ("all", 2), ("top", 1)]
    dev = [n for n in toy_notes() if split_of(patient_key=None, content_hash=content_hash(n.text)) is Split.DEV]
    for row in rows:
        assert row["notes"] == len(dev) > 1
        assert row["mean"] == pytest.approx(sum(row["f1"]) / 2)
        assert len(row["f1"]) == len(row["over_seeds"]) == len(row["over_notes"]) == 2
    train.print_quality(rows, train.parser().parse_args(given))
    assert "95% over seeds" in capsys.readouterr().out


def test_finished_runs_are_kept_and_not_run_again(
    encoder: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs.jsonl"
    given = ["--quality", "--corpus", str(corpus), "--encoder", str(encoder), "--epochs", "1", "--threads", "1"]
    given += ["--variants", "all", "--out", str(out), "--json"]
    train.main([*given, "--seeds", "1"])
    train.main([*given, "--seeds", "2"])
    (both,) = json.loads(capsys.readouterr().out.rsplit("\n]\n", 2)[1] + "]")
    assert len(out.read_text().splitlines()) == len(both["f1"]) == 2

    with out.open("a") as file:
        file.write('{"run": {"enc')  # cut off in the middle of a line
    monkeypatch.setattr(train, "run", None)  # nothing is computed again
    train.main([*given, "--seeds", "2"])
    assert json.loads(capsys.readouterr().out) == [both]
    with pytest.raises(TypeError):  # another setting is another run
        train.main([*given, "--seeds", "2", "--learning-rate", "1e-2"])
    keep_row(out, {"whole": 1})
    assert kept_rows(out)[2:] == [{"whole": 1}]


def test_the_usual_run_has_attention_dropout_and_ours_has_none(encoder: Path, corpus: Path) -> None:
    site = training_runs.open_site(encoder, corpus)
    seen: list[set[float]] = []

    def look(model, *_: object, **__: object) -> None:
        seen.append({m.dropout.p for name, m in model.named_modules() if name.endswith("attention.self")})

    with pytest.MonkeyPatch.context() as patch:
        score = training_runs.DevNotes.score

        def scoring(self, model, *rest):
            look(model)
            return score(self, model, *rest)

        patch.setattr(training_runs.DevNotes, "score", scoring)
        for usual in (True, False):
            training_runs.run(site, replace(train.LORA, epochs=1), device="cpu", usual=usual)
    assert seen == [{0.1}, {0.0}]


def test_the_grid_is_measured_once_and_goes_on_where_it_was_cut_off(
    encoder: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lora_defaults, "RATES", (1e-3, 1e-2))
    monkeypatch.setattr(lora_defaults, "TARGETS", (("query", "value"),))
    monkeypatch.setattr(lora_defaults, "ALONE", {"rank": (4,), "alpha_over_rank": (1,), "lora_layers": (1, 2)})
    monkeypatch.setattr(lora_defaults, "CENTRE", HyperParameters(epochs=1, rank=8, alpha=16))
    out = tmp_path / "rows.jsonl"
    given = ["--corpus", str(corpus), "--encoder", str(encoder), "--seeds", "1", "--out", str(out), "--json"]
    lora_defaults.main(given)
    table = json.loads(capsys.readouterr().out)
    first = out.read_text()

    assert len(table) == len(first.splitlines()) == 5  # two rates, then rank, alpha and one layer; two layers are all
    assert [row["mean"] for row in table] == sorted((row["mean"] for row in table), reverse=True)
    best = max((row for row in table if row["hyper"]["rank"] == 8), key=lambda row: row["mean"])["hyper"]
    by_rank = {row["hyper"]["rank"]: row["hyper"] for row in table}
    assert by_rank[4]["alpha"] == 8  # follows the rank
    assert best["targets"] == ["query", "value"]

    monkeypatch.setattr(lora_defaults, "run", None)  # nothing is computed again
    lora_defaults.main(given)
    assert json.loads(capsys.readouterr().out) == table
    assert out.read_text() == first


def test_no_run_begins_when_the_time_is_over(encoder: Path, corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lora_defaults.main(["--corpus", str(corpus), "--encoder", str(encoder), "--minutes", "0", "--json"])
    assert json.loads(capsys.readouterr().out) == []


def test_the_measurements_need_no_database_and_no_settings() -> None:
    graph = grimp.build_graph("mednerapp", include_external_packages=True)
    for module in ("mednerapp.bench.train", "mednerapp.bench.lora_defaults"):
        needed = graph.find_upstream_modules(module)
        assert "torch" in needed
        assert not needed & {"mednerapp.settings", "sqlalchemy", "pydantic", "pydantic_settings", "streamlit", "typer"}
