from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from mednerapp.domain.identifiers import IdentifierType as T
from mednerapp.errors import ModelProblem
from mednerapp.ner.identifying import open_finder
from mednerapp.settings import Settings
from tests.tiny_models import make_deid_model

TEXT = "\N{PILL} No pneumonia was found. She was given aspirin in 2019.\nPlan: diabetes mellitus again."


@pytest.fixture(scope="module")
def foreign(tiny_starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_deid_model(tmp_path_factory.mktemp("foreign") / "deid-bert", tiny_starter)


def test_a_model_of_other_people_finds_what_it_learned_as_our_types(foreign: Path, tiny_starter: Path) -> None:
    finder = open_finder(foreign, starter=tiny_starter, device="cpu")
    found, nothing = finder.find([TEXT, "The patient has creatinine today."])
    assert [(TEXT[one.start : one.end], one.type) for one in found] == [
        ("pneumonia", T.NAME),
        ("aspirin", T.PHONE),
        ("diabetes mellitus", T.NAME),
    ]
    assert all(0.5 <= one.score <= 1 for one in found)
    assert nothing == []  # its STATE is no identifier of the list


def test_a_higher_threshold_marks_less(foreign: Path, tiny_starter: Path) -> None:
    found, strict = (
        open_finder(foreign, starter=tiny_starter, device="cpu", threshold=threshold).find([TEXT])[0]
        for threshold in (0.05, 1.01)
    )
    assert len(found) >= 3
    assert strict == []


def test_a_label_that_no_table_has_is_named(foreign: Path, tiny_starter: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(foreign, tmp_path / "renamed"))
    stated = json.loads((folder / "config.json").read_text())
    stated["id2label"]["1"] = "B-GENE"
    stated["label2id"] = {tag: int(at) for at, tag in stated["id2label"].items()}
    (folder / "config.json").write_text(json.dumps(stated))
    with pytest.raises(ModelProblem, match="B-GENE"):
        open_finder(folder, starter=tiny_starter, device="cpu")


def test_a_model_of_diseases_is_not_taken_for_one_of_identifiers(tiny_starter: Path) -> None:
    with pytest.raises(ModelProblem, match="B-Disease"):
        open_finder(tiny_starter, starter=tiny_starter, device="cpu")


def test_the_adapter_that_ships_finds_names_that_no_list_has() -> None:
    settings = Settings()
    finder = open_finder(settings.phi_dir, starter=settings.starter_dir, device="cpu")
    text = "Handover from Quezlan Vrondt to the night team. Potassium 4.2, Crohn's disease is quiet."
    (found,) = finder.find([text])
    assert [(text[one.start : one.end], one.type) for one in found] == [("Quezlan Vrondt", T.NAME)]
    assert sum(file.stat().st_size for file in settings.phi_dir.iterdir()) < 3_000_000


def test_pickled_weights_are_not_opened(foreign: Path, tiny_starter: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(foreign, tmp_path / "pickled"))
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ModelProblem, match="safetensors"):
        open_finder(folder, starter=tiny_starter, device="cpu")
