"""`mednerapp bench import`: many notes from one CSV file: rate, memory, and what a kill in the middle leaves behind."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mednerapp import bootstrap
from mednerapp.bench.uploads.samples import FIRST, SECOND
from mednerapp.services import projects
from mednerapp.settings import Settings, environment

PROJECT = "Bench"
WORDS = 60  # sentences of a note


def main(arguments: Sequence[str]) -> None:
    """Exit status 1 when a note is missing or there twice."""
    parser = argparse.ArgumentParser(prog="mednerapp bench import", description=__doc__)
    parser.add_argument("--notes", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=2, help="kill -9 so often, and run it again")
    given = parser.parse_args(list(arguments))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data", database_url="", demo=False)
        table = Path(folder) / "NOTEEVENTS.csv"
        size = _write(table, given.notes)
        bootstrap.prepare(settings)
        opened = bootstrap.build(settings)
        try:
            from mednerapp.domain.accounts import Permission
            from mednerapp.services import accounts

            user = next(u for u in accounts.list_users(opened.store, by=None) if u.may(Permission.ADMINISTER))
            project = projects.create(opened.store, by=user, name=PROJECT)
            print(f"{given.notes:,} notes, {size / 2**20:,.0f} MB of CSV")  # noqa: T201 - what the command is for
            share = given.notes // (given.kills + 1)
            for kill in range(given.kills):
                seconds, peak, there = _run(settings, table, opened, project.id, until=(kill + 1) * share)
                print(f"killed after {seconds:.0f} s: {there:,} notes stored, peak {peak:.0f} MB")  # noqa: T201
            seconds, peak, there = _run(settings, table, opened, project.id, until=None)
            print(f"run to the end in {seconds:.0f} s: {there:,} notes stored, peak {peak:.0f} MB")  # noqa: T201
            seconds, peak, again = _run(settings, table, opened, project.id, until=None)
            print(f"run once more in {seconds:.0f} s: {again:,} notes stored, peak {peak:.0f} MB")  # noqa: T201
        finally:
            opened.close()
    raise SystemExit(0 if there == again == given.notes else 1)


def _write(path: Path, notes: int) -> int:
    """Invented notes of about 2,500 characters, no two alike."""
    body = " ".join([FIRST, SECOND] * (WORDS // 2))
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("ROW_ID,SUBJECT_ID,HADM_ID,CHARTDATE,CHARTTIME,STORETIME,CATEGORY,DESCRIPTION,CGID,ISERROR,TEXT\n")
        for i in range(notes):
            file.write(f'{i},{i // 20},,2130-04-14,,,Nursing,Report,,,"Visit {i}.\n{body}"\n')
    return path.stat().st_size


def _run(
    settings: Settings, table: Path, opened: bootstrap.App, project_id: int, *, until: int | None
) -> tuple[float, float, int]:
    """(seconds, peak MB of the importing process, notes stored) of one `mednerapp import`, killed at `until` notes."""
    started = time.monotonic()
    command = [sys.executable, "-m", "mednerapp.cli", "import", str(table), "--project", PROJECT, "--json"]
    process = subprocess.Popen(command, env=environment(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while until is not None and process.poll() is None:
        if _count(opened, project_id) >= until:
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.2)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.monotonic() - started, used.ru_maxrss / 1024, _count(opened, project_id)


def _count(opened: bootstrap.App, project_id: int) -> int:
    with opened.store.read() as tx:
        return tx.notes.count(project_id)
