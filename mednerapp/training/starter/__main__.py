"""The commands of the starter's build; see the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import mednerapp
from mednerapp.ner.loading import pick_device
from mednerapp.training.starter.build import Workshop, build
from mednerapp.training.starter.recipe import Recipe
from mednerapp.training.starter.scoring import Report, as_lines, cross_validated, shipped

STARTER = Path(mednerapp.__file__).parent / "assets" / "starter"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m mednerapp.training.starter")
    parser.add_argument("command", choices=("build", "cross-validate", "check", "stages"))
    parser.add_argument("--corpora", type=Path, required=True, help="one folder for each corpus, gzipped JSON lines")
    parser.add_argument("--init", type=Path, help="folder of all-MiniLM-L6-v2; for build and cross-validate")
    parser.add_argument("--work", type=Path, default=Path("data/starter-build"), help="where stages are kept")
    parser.add_argument("--out", type=Path, default=STARTER, help="model folder to replace, or to check")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--jobs", type=int, default=1, help="folds at a time")
    parser.add_argument("--plain", action="store_true", help="one model, without teachers")
    given = parser.parse_args(arguments)
    device = pick_device(given.device)
    if given.command == "check":
        _print(shipped(given.out, corpora=given.corpora, device=device))
        return
    shop = Workshop(given.corpora, given.init, given.work, device, Recipe(), _say)
    if given.plain:
        shop = replace(shop, recipe=replace(shop.recipe, distilling=None))
    if given.command == "stages":
        shop.taught()
        return
    if given.command == "cross-validate":
        _print(cross_validated(shop, seed=given.seed, jobs=given.jobs))
        return
    build(shop, out=given.out, seed=given.seed)
    _print(shipped(given.out, corpora=given.corpora, device=device))


def _print(report: Report) -> None:
    for line in as_lines(report):
        _say(line)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
