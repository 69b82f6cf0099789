"""What is said when the machine itself is at fault, and which device belongs to whom."""

from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from safetensors import SafetensorError

from mednerapp.domain.jobs import JobKind, JobState
from mednerapp.errors import MedNerError
from mednerapp.jobs import failures
from mednerapp.jobs.failures import said_of
from mednerapp.jobs.slots import gpus_of, only_worker_on, slot_of
from mednerapp.store import Store, Trouble, trouble_of

NOTE_TEXT = "Mrs Miller has diabetes"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, NOTE_TEXT), failures.FULL),
        (SafetensorError("I/O error: No space left on device (os error 28)"), failures.FULL),
        (FileNotFoundError(NOTE_TEXT), failures.GONE),
        (PermissionError(NOTE_TEXT), failures.LOCKED),
        (MemoryError(NOTE_TEXT), failures.MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."), failures.MEMORY),
        (ValueError(NOTE_TEXT), "Unexpected error (ValueError); see the worker log."),
    ],
)
def test_an_error_of_the_machine_is_said_in_words_and_without_its_own_text(error: Exception, said: str) -> None:
    assert said_of(error) == said


def test_a_database_that_is_away_or_full_is_told_from_a_wrong_question(sqlite_store: Store) -> None:
    def raised(statement: str, cause: Exception) -> sa.exc.OperationalError:
        return sa.exc.OperationalError(statement, {}, cause)

    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorname = "SQLITE_FULL"
    assert trouble_of(raised("INSERT", full)) is Trouble.FULL
    assert trouble_of(raised("SELECT", sqlite3.OperationalError("database is locked"))) is Trouble.AWAY
    assert trouble_of(sa.exc.IntegrityError("INSERT", {}, sqlite3.IntegrityError())) is None
    assert trouble_of(OSError()) is None


def test_one_gpu_has_one_worker_and_a_killed_one_gives_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mednerapp.jobs.slots.tempfile.gettempdir", lambda: str(tmp_path))
    held = threading.Event()
    code = (
        "import sys, time, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from mednerapp.jobs.slots import only_worker_on\n"
        "with only_worker_on('cuda'): print('held', flush=True); time.sleep(600)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(MedNerError, match="Another worker of this machine uses cuda:0"), only_worker_on("cuda:0"):
            held.set()
        with only_worker_on("cuda:1"), only_worker_on("cpu"), only_worker_on("cpu"):
            pass
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    assert not held.is_set()
    with only_worker_on("cuda:0"):
        held.set()
    assert held.is_set()


def test_a_slot_is_a_gpu_of_the_machine_whatever_it_is_called_or_else_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert slot_of("cuda", "a") == slot_of("cuda:0", "b") != slot_of("cuda:1", "c")
    assert slot_of("cpu", "a") != slot_of("cpu", "b")
    second = slot_of("cuda:1", "a")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert slot_of("cuda:0", "a") == second
    assert gpus_of("cpu") == ()


def test_a_slot_has_one_job_at_a_time_by_the_records(store: Store) -> None:
    with store.write() as tx:
        one, two = (tx.jobs.add(kind=JobKind.EVALUATE, args={}, user_id=None) for _ in range(2))
        assert tx.jobs.claim(one.id, worker="a", attempt=1, slot="host/cuda:0")
    with store.write() as tx:
        assert tx.jobs.claim(two.id, worker="b", attempt=1, slot="host/cuda:0") is None
        assert tx.jobs.get(two.id).state is JobState.QUEUED
        tx.jobs.finish(one.id, worker="a", attempt=1, state=JobState.SUCCEEDED)
        assert tx.jobs.claim(two.id, worker="b", attempt=1, slot="host/cuda:0")
        assert tx.jobs.claim(one.id, worker="b", attempt=2) is None
