"""The commands of the starter's build; see the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mednerapp.ner.loading import pick_device
from mednerapp.settings import ASSETS
from mednerapp.training.starter.build import Workshop, build
from mednerapp.training.starter.recipe import Recipe
from mednerapp.training.starter.scoring import Report, cross_validated, shipped

STARTER = ASSETS / "starter"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m mednerapp.training.starter")
    parser.add_argument("command", choices=("build", "cross-validate", "check"))
    parser.add_argument("--corpora", type=Path, required=True, help="one folder for each corpus, gzipped JSON lines")
    parser.add_argument("--init", type=Path, help="folder of all-MiniLM-L6-v2; for build and cross-validate")
    parser.add_argument("--work", type=Path, default=Path("data/starter-build"), help="where stages are kept")
    parser.add_argument("--out", type=Path, default=STARTER, help="model folder to replace, or to check")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args(arguments)
    device = pick_device(given.device)
    if given.command == "check":
        _print(shipped(given.out, corpora=given.corpora, device=device))
        return
    shop = Workshop(given.corpora, given.init, given.work, device, Recipe(), _say)
    if given.command == "cross-validate":
        _print(cross_validated(shop, seed=given.seed))
        return
    build(shop, out=given.out, seed=given.seed)
    _print(shipped(given.out, corpora=given.corpora, device=device))


def _print(report: Report) -> None:
    for line in table(report):
        _say(line)


def table(report: Report) -> list[str]:
    """The report as lines of text: strict match, 95% intervals by bootstrap over documents."""
    lines = [f"{'':<20}{'':<11}{'docs':>5}{'gold':>7}{'found':>7}{'precision':>11}{'recall':>9}{'F1':>9}  95% interval"]
    for result in report.results:
        score, counts = result.score, result.score.counts
        low, high = score.f1.low, score.f1.high
        interval = f"[{low:.4f}, {high:.4f}]" if low is not None and high is not None else "-"
        lines.append(
            f"{result.corpus:<20}{result.label:<11}{score.notes:>5}{counts.gold:>7}{counts.predicted:>7}"
            f"{score.precision.value or 0:>11.4f}{score.recall.value or 0:>9.4f}{score.f1.value or 0:>9.4f}  {interval}"
        )
    if report.calibration_error is not None:
        lines.append(f"expected calibration error of the scores on maccrobat test: {report.calibration_error:.4f}")
    return lines


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
