from __future__ import annotations

import ast
import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from mednerapp.bench import predict
from mednerapp.bench.notes import synthetic_notes
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.ner.kernels import has_bf16
from tests.tiny_models import make_tiny_starter, toy_notes

# All that a bare machine with a GPU needs to have.
_LIBRARIES = {"torch", "transformers", "peft", "numpy", "regex", "tokenizers", "safetensors", "huggingface_hub"}


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "starter"
    make_tiny_starter(folder, MEDICAL_SCHEMA.names)
    return folder


def test_it_needs_only_the_libraries_that_models_need() -> None:
    loaded = _loaded("mednerapp.bench.predict")
    needed = {name.split(".")[0] for tree in loaded.values() for name in _imports(ast.walk(tree))}
    assert needed - set(sys.stdlib_module_names) - {"mednerapp"} <= _LIBRARIES
    assert "mednerapp.settings" not in loaded
    assert len(loaded) > 15


def _loaded(name: str) -> dict[str, ast.Module]:
    """The modules of ours that importing this one loads, read and not run: what is imported outside of functions."""
    found: dict[str, ast.Module] = {}
    waiting = [name]
    while waiting:
        name = waiting.pop()
        spec = _spec(name) if name.split(".")[0] in ("mednerapp", "db") and name not in found else None
        if spec and spec.origin:
            found[name] = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
            waiting += [name.rpartition(".")[0] or name, *_imports(_outside_of_functions(found[name]))]
    return found


def _spec(name: str) -> ModuleSpec | None:
    try:
        return find_spec(name)
    except ModuleNotFoundError:  # a name in a module, not one in a package
        return None


def _imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module)
            if str(node.module).startswith("mednerapp"):  # what is named may be a module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _outside_of_functions(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            yield from _outside_of_functions(node)


def test_the_notes_are_the_same_for_a_seed_and_heavy_tailed() -> None:
    notes = synthetic_notes(200)
    words = np.array([len(note.split()) for note in notes])
    assert notes == synthetic_notes(200)
    assert notes != synthetic_notes(200, seed=1)
    assert 80 < np.median(words) < 130
    assert words.max() > 8 * np.median(words)
    assert words[-1] > 1_000  # needs windows, however few notes there are


def test_it_reports_every_engine_and_that_they_say_the_same(
    starter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = tmp_path / "corpus.jsonl.gz"
    record = {"id": "1", "text": "No pneumonia was found. Gave aspirin.\n", "spans": []}
    record["spans"] = [
        {"start": 3, "end": 12, "label": "Disease_disorder"},
        {"start": 29, "end": 36, "label": "Medication"},
        {"start": 0, "end": 2, "label": "Age"},
    ]
    seen = {"id": "2", "text": toy_notes()[0].text, "spans": []}
    with gzip.open(corpus, "wt", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n" + json.dumps(seen) + "\n")

    predict.main(["--size", str(starter), "--notes", "6", "--repeats", "1", "--corpus", str(corpus), "--json"])
    result = json.loads(capsys.readouterr().out)

    bf16 = {"ours, bf16"} if has_bf16() else set[str]()
    always = {"pipeline, per note", "pipeline, batch 8", "ours", "ours, int8", "our products alone"}
    assert set(result["engines"]) == always | bf16
    for figures in result["engines"].values():
        assert all(value > 0 for value in figures.values())
    assert result["engines"][result["faster_pipeline"]]["wall_ratio"] == 1
    same = result["agreement"]
    assert same["notes_with_equal_pieces"] == same["notes"] == 6
    assert same["notes_in_one_window"] > 0
    assert same["unequal_tags_in_one_window"] == 0
    assert same["tokens_in_several_windows"] > 1_000
    assert same["int8_equal_tags"] > 0.9
    assert same.get("bf16_equal_tags", 1) > 0.9
    assert result["corpus"]["notes"] == 1
    assert 0 <= result["corpus"]["fp32_f1"] <= 1
    assert "of the pipeline's" in predict.report(result)


def test_an_unknown_size_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        predict.main(["--size", "huge"])
    assert "'huge' is neither a model folder nor one of base, small, tiny" in capsys.readouterr().err
