"""What LoRA's settings are worth: dev F1 on MACCROBAT over a grid and several seeds.

    python -m mednerapp.bench.lora_defaults --corpus CORPORA/maccrobat/train.jsonl.gz [--encoder FOLDER] \
        [--device cuda] [--jobs 6] [--out rows.jsonl] [--json]

First the learning rate and the targets together; then, from the best of these, every other setting by itself. Rows that
`--out` holds already are not computed again, so a measurement that was cut off goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from mednerapp.bench.kept import keep_row, kept_rows
from mednerapp.bench.train import STARTER
from mednerapp.bench.training_runs import Site, open_site, run
from mednerapp.domain.models import LORA_TARGETS, HyperParameters
from mednerapp.errors import MedNerError
from mednerapp.ner.loading import pick_device
from mednerapp.scoring.seeds import over_seeds

CENTRE = HyperParameters(epochs=10, learning_rate=1e-3, batch_size=8, rank=16, alpha=32, dropout=0.05)
RATES = (3e-4, 1e-3, 2e-3, 4e-3)
TARGETS = (("query", "value"), ("query", "key", "value"), LORA_TARGETS)
# From the best of those, one setting at a time; alpha follows the rank unless it is what is tried.
ALONE: dict[str, tuple[Any, ...]] = {
    "epochs": (5, 20, 30),
    "rank": (4, 8, 32, 64),
    "alpha_over_rank": (1, 4),
    "dropout": (0.0, 0.1, 0.2),
    "batch_size": (4, 16, 32),
    "lora_layers": (2, 3, 4),
    "weight_decay": (0.0, 0.1),
    "class_weights": ("balanced",),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One run. `curve`: dev F1 after each epoch."""

    hyper: HyperParameters
    curve: tuple[float, ...]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return {"hyper": self.hyper.as_json(), "curve": list(self.curve), "seconds": self.seconds}


def first_grid() -> list[HyperParameters]:
    return [replace(CENTRE, learning_rate=rate, targets=targets) for targets in TARGETS for rate in RATES]


def second_grid(best: HyperParameters, layers: int) -> Iterator[HyperParameters]:
    for name, values in ALONE.items():
        for value in values:
            if name == "alpha_over_rank":
                yield replace(best, alpha=value * best.rank)
            elif name == "rank":
                yield replace(best, rank=value, alpha=value * best.alpha // best.rank)
            elif name != "lora_layers" or value < layers:
                yield HyperParameters.from_json({**best.as_json(), name: value})


_site: list[Site] = []  # of this process


def _open(encoder: Path, corpus: Path) -> None:
    torch.set_num_threads(1)
    _site[:] = [open_site(encoder, corpus)]


def _run(hyper: HyperParameters, device: str) -> Row:
    outcome = run(_site[0], hyper, device=device)
    return Row(hyper, tuple(outcome.curve), outcome.seconds)


class Measurement:
    """Runs settings over seeds, several at a time, and keeps every row as it comes."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        self._device = pick_device(given.device)
        self._until = time.monotonic() + 60 * given.minutes
        self.rows: dict[str, Row] = {}
        for kept in kept_rows(given.out):
            row = Row(HyperParameters.from_json(kept["hyper"]), tuple(kept["curve"]), kept["seconds"])
            self.rows[_key(row.hyper)] = row

    def measure(self, settings: Iterable[HyperParameters]) -> None:
        """Every setting with every seed, the first seed of all of them first, as far as the time goes."""
        wanted = list(settings)
        tasks = [replace(hyper, seed=seed) for seed in range(1, self._given.seeds + 1) for hyper in wanted]
        tasks = [task for task in tasks if _key(task) not in self.rows]
        opening = (self._given.encoder, self._given.corpus)
        if self._given.jobs == 1:
            _open(*opening)
            for task in tasks:
                if time.monotonic() < self._until:
                    self._keep(_run(task, self._device))
            return
        with ProcessPoolExecutor(self._given.jobs, get_context("spawn"), _open, opening) as pool:
            open_tasks, waiting = set[Any](), list(reversed(tasks))
            while open_tasks or (waiting and time.monotonic() < self._until):
                while waiting and len(open_tasks) < self._given.jobs and time.monotonic() < self._until:
                    open_tasks.add(pool.submit(_run, waiting.pop(), self._device))
                done, open_tasks = wait(open_tasks, return_when=FIRST_COMPLETED)
                for future in done:
                    self._keep(future.result())

    def _keep(self, row: Row) -> None:
        self.rows[_key(row.hyper)] = row
        keep_row(self._given.out, row.as_json())
        _say(f"{describe(row.hyper)} seed {row.hyper.seed}: {max(row.curve):.4f}, {row.seconds:.1f} s", to=sys.stderr)

    def of(self, hyper: HyperParameters) -> list[Row]:
        wanted = [_key(replace(hyper, seed=seed)) for seed in range(1, self._given.seeds + 1)]
        return [self.rows[key] for key in wanted if key in self.rows]

    def best(self, settings: Iterable[HyperParameters]) -> HyperParameters | None:
        """The highest mean among those that ran with most seeds."""
        found = [(len(rows), sum(max(row.curve) for row in rows) / len(rows), i, hyper)
                 for i, hyper in enumerate(settings) if (rows := self.of(hyper))]  # fmt: skip
        return max(found)[-1] if found else None


def _key(hyper: HyperParameters) -> str:
    return json.dumps(hyper.as_json(), sort_keys=True)


def describe(hyper: HyperParameters) -> str:
    targets = "all" if hyper.targets == LORA_TARGETS else "+".join(target[0] for target in hyper.targets)
    layers = "all" if hyper.lora_layers is None else f"top {hyper.lora_layers}"
    return (
        f"lr {hyper.learning_rate:<7g} targets {targets:<6} layers {layers:<6} rank {hyper.rank:<3} "
        f"alpha {hyper.alpha:<4} dropout {hyper.dropout:<5g} batch {hyper.batch_size:<3} epochs {hyper.epochs:<3} "
        f"decay {hyper.weight_decay:<5g} weights {hyper.class_weights.value:<8}"
    )


def table(measurement: Measurement, settings: Sequence[HyperParameters]) -> list[dict[str, Any]]:
    """Best first: mean of the best epoch's dev F1 over seeds with its interval, and of the last epoch's."""
    found: list[dict[str, Any]] = []
    for hyper in settings:
        rows = measurement.of(hyper)
        if rows:
            best = over_seeds([max(row.curve) for row in rows])
            last = over_seeds([row.curve[-1] for row in rows])
            found.append(
                {
                    "settings": describe(hyper),
                    "hyper": hyper.as_json(),
                    "seeds": len(rows),
                    "mean": best.mean,
                    "half_width": best.half_width,
                    "last_epoch": last.mean,
                    "seconds": sum(row.seconds for row in rows) / len(rows),
                }
            )
    return sorted(found, key=lambda row: -(row["mean"] or 0))


def _say(line: str, *, to: Any = None) -> None:
    (to or sys.stdout).write(line + "\n")
    (to or sys.stdout).flush()


def main(arguments: Sequence[str] | None = None) -> None:
    asked = argparse.ArgumentParser(prog="mednerapp bench lora-defaults", description=(__doc__ or "").split("\n", 1)[0])
    asked.add_argument("--corpus", type=Path, required=True, help="MACCROBAT as gzipped JSON lines")
    asked.add_argument("--encoder", type=Path, default=STARTER, help="folder of the encoder; default: the starter's")
    asked.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, auto")
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--jobs", type=int, default=1, help="runs at a time, each in a process of its own")
    asked.add_argument("--minutes", type=float, default=60.0, help="begin no run after so long")
    asked.add_argument("--out", type=Path, help="JSON lines, one for each run; what is in it is not computed again")
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args(arguments)
    measurement = Measurement(given)
    first = first_grid()
    measurement.measure(first)
    settings = list(first)
    best = measurement.best(first)
    if best is not None:
        second = list(second_grid(best, open_site(given.encoder, given.corpus).layers))
        measurement.measure(second)
        settings += second
    found = table(measurement, settings)
    if given.json:
        _say(json.dumps(found, indent=2))
        return
    for row in found:
        width = "" if row["half_width"] is None else f" +- {row['half_width']:.4f}"
        _say(f"{row['mean']:.4f}{width:<10} last {row['last_epoch']:.4f}  {row['settings']}  {row['seconds']:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except MedNerError as error:
        sys.exit(f"mednerapp: {error}")
