from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from mednerapp.deid.beside import Beside
from mednerapp.deid.detector import Detector
from mednerapp.domain.identifiers import IdentifierType
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.errors import IdentifierModelFailed
from tests.tiny_models import make_deid_model, make_tiny_starter

T = IdentifierType
TEXT = "\N{PILL} No pneumonia was found.\nShe was given aspirin in 2019."


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starters") / "starter"
    make_tiny_starter(folder, MEDICAL_SCHEMA.names)
    return folder


@pytest.fixture(scope="module")
def model(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_deid_model(tmp_path_factory.mktemp("foreign") / "deid-bert", starter)


@pytest.fixture
def beside(model: Path, starter: Path) -> Iterator[Beside]:
    found = Beside(model, starter)
    yield found
    found.close()


@pytest.fixture
def started(warm: None, monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that a test has started, in order. They start warm."""
    found: list[subprocess.Popen[bytes]] = []
    warm_one = subprocess.Popen

    def start(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        found.append(warm_one(*args, **options))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return found


def test_a_model_adds_to_what_the_rules_find_and_a_killed_process_is_started_again(
    beside: Beside, started: list[subprocess.Popen[bytes]]
) -> None:
    detector = Detector((*Detector().recognisers, beside))
    found = [(TEXT[one.start : one.end], one.type) for one in detector.find(TEXT)]
    assert found == [("pneumonia", T.NAME), ("aspirin", T.PHONE)]
    (process,) = started
    assert not any("pneumonia" in part for part in cast("list[str]", process.args))
    process.kill()
    process.wait()
    long = "Nothing here. " * 20_000 + TEXT  # more than a pipe holds
    *_, again, _ = beside(long)
    assert long[again.start : again.end] == "pneumonia"
    assert beside(" \n") == []


def test_a_model_that_cannot_be_opened_stops_the_note_and_says_why(
    starter: Path, tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    with pytest.raises(IdentifierModelFailed, match="no such folder"):
        Beside(tmp_path / "nowhere", starter)(TEXT)
    beside = Beside(starter, starter)
    with pytest.raises(IdentifierModelFailed, match="B-Disease") as failed:
        beside(TEXT)
    assert "aspirin" not in str(failed.value)
    assert [process.poll() is not None for process in started] == [True]


def test_a_model_that_takes_too_long_is_ended(
    model: Path, starter: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    beside = Beside(model, starter, start_seconds=0.01)
    with pytest.raises(IdentifierModelFailed, match="took over"):
        beside(TEXT)
    assert [process.poll() is not None for process in started] == [True]


def test_the_process_ends_with_its_parent_which_never_loads_torch(model: Path, starter: Path) -> None:
    code = (
        "import sys, json; from pathlib import Path; from mednerapp.deid.beside import Beside;"
        "b = Beside(Path(sys.argv[1]), Path(sys.argv[2])); t = 'She was given aspirin in 2019.';"
        "found = [t[o.start:o.end] for o in b(t)];"
        "print(json.dumps([found, b._process.pid, 'torch' in sys.modules]), flush=True);"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(model), str(starter)], capture_output=True, text=True, check=False
    )
    found, pid, has_torch = json.loads(done.stdout)
    assert (found, has_torch) == (["aspirin"], False)
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.1)
    else:
        pytest.fail("The process outlived its parent.")


def test_it_ends_by_itself_when_nothing_comes_and_the_next_note_starts_another(
    model: Path, starter: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    beside = Beside(model, starter, idle_seconds=0.1)
    try:
        assert [TEXT[one.start : one.end] for one in beside(TEXT)] == ["pneumonia", "aspirin"]
        (process,) = started
        process.wait(60)
        assert [TEXT[one.start : one.end] for one in beside(TEXT)] == ["pneumonia", "aspirin"]
        assert len(started) == 2
    finally:
        beside.close()
