"""`mednerapp bench annotate`: many notes from files to files, killed over and over: each once, in flat memory."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from db.migrate import upgrade
from mednerapp import bootstrap
from mednerapp.bench.annotating import inputs, judging, running
from mednerapp.bench.annotating.inputs import Planted
from mednerapp.bench.annotating.judging import Verdict
from mednerapp.bench.annotating.memory import ENOUGH, levels
from mednerapp.bench.annotating.running import PROJECT, Undertaking, Watched
from mednerapp.services import accounts, models, projects
from mednerapp.services.bulk_annotating import PART
from mednerapp.settings import Settings
from mednerapp.training.shortening import first_layers


@dataclass(frozen=True, slots=True)
class Trial:
    """alone: a run that nobody disturbed. killed: one that was killed and run again; verdict: of what it left."""

    notes: int
    planted: Planted
    spans: int
    alone: Watched
    killed: Watched
    verdict: Verdict
    engine: str = "local"

    @property
    def flat(self) -> bool:
        if self.notes < ENOUGH:
            return True
        found = [levels(seen.memory, notes=self.notes) for seen in (self.alone, self.killed)]
        return all(command.early and command.flat and below.flat for command, below in found)

    @property
    def good(self) -> bool:
        return self.verdict.whole and self.flat and not self.killed.left


def main(arguments: Sequence[str]) -> None:
    """Exit status 1 when something is not as it has to be."""
    parser = argparse.ArgumentParser(prog="mednerapp bench annotate", description=__doc__)
    parser.add_argument("--notes", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=10, help="kill -9 so often, and run it again")
    parser.add_argument("--seed", type=int, default=1, help="of the notes and the moments")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--leak", type=int, default=0, help="keep so many bytes of each note: the trial has to notice")
    given = parser.parse_args(list(arguments))
    if given.leak and given.engine != "local":
        parser.error("--leak is for the local engine, which finds the spans in the command itself")
    trial = run(notes=given.notes, kills=given.kills, seed=given.seed, engine=given.engine, leak=given.leak)
    report(trial)
    raise SystemExit(0 if trial.good else 1)


def run(*, notes: int, kills: int, seed: int, engine: str = "local", leak: int = 0) -> Trial:
    """A run left alone, then the same with kills. The model is the first layer of the starter."""
    with tempfile.TemporaryDirectory(prefix="mednerapp-bench-") as name:
        folder = Path(name)
        settings = Settings(data_dir=folder / "data", database_url="", demo=False, device="cpu")
        _prepare(settings, folder / "short")
        planted = inputs.write(folder / "in", notes=notes, seed=seed)
        part = max(5, min(PART, notes // (4 * (kills + 1))))

        def undertake(out: str, times: int) -> Watched:
            work = Undertaking(settings, folder / "in", folder / out, part, folder / f"{out}.log", engine, leak)
            draw = random.Random(seed)  # noqa: S311  moments, not secrets
            return running.run(work, notes=notes, kills=times, draw=draw)

        alone = undertake("alone", 0)
        _say(f"Left alone: {alone.seconds:.0f} s")
        killed = undertake("killed", kills)
        undisturbed = judging.read(folder / "alone")
        verdict = judging.judge(judging.read(folder / "killed"), undisturbed=undisturbed, planted=planted)
        return Trial(notes, planted, sum(map(len, undisturbed.spans.values())), alone, killed, verdict, engine)


def _prepare(settings: Settings, short: Path) -> None:
    settings.data_dir.mkdir(parents=True)
    upgrade(settings.resolved_database_url)
    opened = bootstrap.build(settings)
    try:
        first_layers(settings.starter_dir, short)
        models.register_starter(opened.store, shipped=short, model_dir=settings.model_dir)
        accounts.ensure_first_admin(opened.store)
        projects.create(opened.store, by=None, name=PROJECT)
    finally:
        opened.close()


def report(trial: Trial) -> None:
    planted, verdict = trial.planted, trial.verdict
    tenth = trial.notes // 10
    print(  # noqa: T201 - what the command is for
        f"{trial.notes:,} notes of {planted.characters / trial.notes:.0f} characters, {planted.rejected:,} rows that "
        f"are none; engine {trial.engine}; {trial.spans:,} spans"
    )
    print(f"{'':10}  starts  kills  seconds  notes/s")  # noqa: T201 - as above
    for name, seen in (("left alone", trial.alone), ("killed", trial.killed)):
        print(  # noqa: T201 - as above
            f"{name:10}  {seen.starts:6}  {seen.kills:5}  {seen.seconds:7.0f}  {trial.notes / seen.seconds:7.0f}"
        )
    print(f"{'MB resident':24}  {f'at {tenth:,}':>10}  {f'at {trial.notes:,}':>10}  most since")  # noqa: T201 - as above
    for name, seen in (("left alone", trial.alone), ("killed", trial.killed)):
        for which, found in zip(("itself", "below it"), levels(seen.memory, notes=trial.notes), strict=True):
            share = f"{name}, {which}"
            print(f"{share:24}  {_mb(found.early):>10}  {_mb(found.late):>10}  {_mb(found.most):>10}")  # noqa: T201
    print(f"Went on from: {', '.join(format(n, ',') for n in trial.killed.went_on)} notes")  # noqa: T201 - as above
    for what, number in (
        ("notes missing", len(verdict.missing)),
        ("notes twice", len(verdict.twice)),
        ("notes that nobody asked for", len(verdict.unknown)),
        ("notes with other spans than in the run left alone", len(verdict.other_spans)),
        (f"of {verdict.rejected:,} rejected rows, in the side files twice", verdict.rejected_twice),
        ("rejected rows too many, too few or other ones", verdict.rejected_otherwise),
        ("files begun and not ended", verdict.unfinished),
        ("processes that outlived a kill", trial.killed.left),
    ):
        print(f"  {what}: {number}")  # noqa: T201 - as above
    flat = "memory is not judged below 10,000 notes" if trial.notes < ENOUGH else "memory is flat"
    print(f"  -> {'each note once' if verdict.whole else 'NOT WHOLE'}; {flat if trial.flat else 'MEMORY GROWS'}")  # noqa: T201 - as above


def _mb(size: int) -> str:
    return f"{size / 2**20:,.0f}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - as above
