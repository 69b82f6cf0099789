"""`mednerapp bench uploads`: malformed uploads by the thousand; nothing crashes, nothing is imported by halves."""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mednerapp import bootstrap
from mednerapp.bench.uploads.mutations import malformed
from mednerapp.bench.uploads.samples import SAMPLES
from mednerapp.domain.accounts import Permission, User
from mednerapp.formats.uploads.sandbox import MEGABYTES, TOO_BIG, TOO_SLOW, Looked, Sandbox
from mednerapp.services import accounts, merging, projects
from mednerapp.services.merging import Merged
from mednerapp.settings import Settings
from mednerapp.store import Store

MOST_SECONDS = 10.0


@dataclass(slots=True)
class Tally:
    """crashes: a reader failed in a way that it should not. unexplained: nothing was read and nothing said.

    halves: more or other notes were stored than the file was said to hold, or some although it was refused.
    """

    files: int = 0
    with_notes: int = 0
    notes: int = 0
    refused: int = 0
    asked: int = 0
    stopped: Counter[str] = field(default_factory=Counter[str])
    crashes: list[str] = field(default_factory=list[str])
    unexplained: list[str] = field(default_factory=list[str])
    halves: list[str] = field(default_factory=list[str])
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[float, str] = (0.0, "")

    def failed(self) -> bool:
        over = self.slowest[0] > MOST_SECONDS or self.largest[0] > MEGABYTES
        return bool(self.crashes or self.unexplained or self.halves or over)


def main(arguments: Sequence[str]) -> None:
    """Exit status 1 when something is not as it has to be."""
    parser = argparse.ArgumentParser(prog="mednerapp bench uploads", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="files")
    parser.add_argument("--seed", type=int, default=7, help="the same seed, the same files")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(list(arguments))
    started = time.monotonic()
    tally = run(count=given.count, seed=given.seed)
    report(tally, time.monotonic() - started, as_json=given.json)
    raise SystemExit(1 if tally.failed() else 0)


def run(*, count: int, seed: int) -> Tally:
    """Every valid file first, which has to be read; then `count` malformed ones."""
    tally = Tally()
    valid = {ending: make() for ending, make in SAMPLES.items()}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), database_url="", demo=False)
        bootstrap.prepare(settings)
        opened = bootstrap.build(settings)
        try:
            user = next(u for u in accounts.list_users(opened.store, by=None) if u.may(Permission.ADMINISTER))
            project = projects.all_projects(opened.store)[0]
            with Sandbox() as sandbox:
                for ending, data in valid.items():
                    looked = sandbox.look(name=f"valid.{ending}", data=data)
                    if looked.reason or not looked.documents:
                        tally.crashes.append(f"the valid .{ending} was refused: {looked.reason}")
                chance = random.Random(seed)  # noqa: S311 - the same files again, no secret
                for number in range(count):
                    what, name, content = malformed(chance, valid)
                    label = f"{number}: {what}, {name}, {len(content):,} bytes"
                    looked = sandbox.look(name=name, data=content)
                    _judge(tally, looked, label)
                    _import(tally, opened.store, user, project.id, looked, label)
        finally:
            opened.close()
    return tally


def _judge(tally: Tally, looked: Looked, label: str) -> None:
    tally.files += 1
    tally.slowest = max(tally.slowest, (looked.seconds, label))
    tally.largest = max(tally.largest, (looked.megabytes, label))
    if looked.bug:
        tally.crashes.append(f"{label}: {looked.bug}")
    if looked.reason in (TOO_SLOW, TOO_BIG):
        tally.stopped["time" if looked.reason == TOO_SLOW else "memory"] += 1
    if looked.documents:
        tally.with_notes += 1
    elif looked.question:
        tally.asked += 1
    elif looked.reason or looked.unreadable:
        tally.refused += 1
    else:
        tally.unexplained.append(label)


def _import(tally: Tally, store: Store, user: User, project_id: int, looked: Looked, label: str) -> None:
    with store.read() as tx:
        before = tx.notes.count(project_id)
    report_ = merging.import_documents(
        store, user=user, project_id=project_id, documents=looked.documents, annotated=False
    )
    with store.read() as tx:
        after = tx.notes.count(project_id)
    expected = report_.outcomes[Merged.IMPORTED]
    tally.notes += expected
    accounted = sum(report_.outcomes.values())
    if after - before != expected or accounted != len(looked.documents) or (looked.reason and after != before):
        tally.halves.append(label)


def report(tally: Tally, seconds: float, *, as_json: bool) -> None:
    values: dict[str, Any] = {
        "files": tally.files,
        "with notes": tally.with_notes,
        "notes stored": tally.notes,
        "refused with a reason": tally.refused,
        "asked for the encoding": tally.asked,
        "stopped": dict(tally.stopped),
        "crashes": len(tally.crashes),
        "no reason": len(tally.unexplained),
        "imported by halves": len(tally.halves),
        "slowest, seconds": tally.slowest,
        "largest, MB": (round(tally.largest[0]), tally.largest[1]),
        "seconds in all": round(seconds),
    }
    if as_json:
        print(json.dumps(values, indent=2))  # noqa: T201 - what the command is for
    else:
        for name, value in values.items():
            print(f"{name:26}{value}")  # noqa: T201 - as above
    for kind in (tally.crashes, tally.unexplained, tally.halves):
        for line in kind[:20]:
            print(f"  {line}")  # noqa: T201 - as above
