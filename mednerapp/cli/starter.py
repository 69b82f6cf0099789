"""`mednerapp evaluate --starter`: what the shipped model scores on open corpora."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from mednerapp.cli.context import console
from mednerapp.errors import InvalidValue
from mednerapp.settings import ASSETS

STARTER_WORK = Path("data/starter-build")


def score_starter(
    *, corpora: Path | None, folds: int, init: Path | None, work: Path, device: str, as_json: bool
) -> None:
    """Prints strict scores with intervals: of the shipped weights, or with `folds` of their recipe.

    Raises:
        InvalidValue: without corpora, or for fewer than two folds.
    """
    if corpora is None or not corpora.is_dir():
        raise InvalidValue(
            "--starter needs --corpora, the folder that holds maccrobat, bc5cdr, … (see docs/starter.md)."
        )
    if folds == 1 or folds < 0:
        raise InvalidValue(f"Cross-validation takes at least 2 folds, not {folds}.")
    from mednerapp.ner.loading import pick_device
    from mednerapp.training.starter.build import Workshop
    from mednerapp.training.starter.recipe import Recipe
    from mednerapp.training.starter.scoring import as_lines, cross_validated, shipped

    chosen = pick_device(device)
    if folds:
        shop = Workshop(corpora, init, work, chosen, Recipe(), lambda line: console.print(line, markup=False))
        report = cross_validated(shop, seed=1, folds=folds)
    else:
        report = shipped(ASSETS / "starter", corpora=corpora, device=chosen)
    print(json.dumps(asdict(report), indent=2) if as_json else "\n".join(as_lines(report)))
