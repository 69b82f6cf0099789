"""The loop on real data: models trained on growing shares of a corpus, the dashboard on them, and the forecast's worth.

    mednerapp bench real-data --corpus CORPUS --encoder FOLDER [--data-dir FOLDER] [--shares 0.2,0.4,0.6]
                              [--threads 1] [--screenshots FOLDER] [--no-browser] [options of `mednerapp train`]

CORPUS is MACCROBAT as JSON lines (docs/real-data.md), FOLDER an encoder that has not seen it. A learning curve through
the models of the given shares is asked what all notes would bring; then they are trained on as well. In the end every
number of the dashboard is read in Chromium and compared with what the command line prints. A run that was cut off goes
on where it was when it is started again with the same data folder. Exits with 1 if a number differs.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from db.migrate import upgrade
from mednerapp import bootstrap
from mednerapp.bench.real_data import agreement, page
from mednerapp.bench.real_data.agreement import Place
from mednerapp.bench.real_data.steps import PROGRAM, Commands, at
from mednerapp.services import accounts
from mednerapp.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROJECT, ENCODER = "MACCROBAT", "Encoder"
LABELS = {  # of MACCROBAT, and ours
    "Disease_disorder": "Disease",
    "Sign_symptom": "Symptom",
    "Medication": "Drug",
    "Therapeutic_procedure": "Procedure",
    "Diagnostic_procedure": "Test",
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog=PROGRAM, description="The loop on real data, and whether the page says so.")
    parser.add_argument("--corpus", type=Path, required=True, help="JSON lines with text and spans")
    parser.add_argument("--encoder", type=Path, required=True, help="folder of an encoder that has not seen the corpus")
    parser.add_argument("--data-dir", type=Path, default=Path("data/real-data"), help="kept, to go on from")
    parser.add_argument("--shares", default="0.2,0.4,0.6", help="of the training notes, at least three")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--screenshots", type=Path, help="folder to write pictures of the dashboard to")
    parser.add_argument("--no-browser", action="store_true", help="print the figures only")
    given, settings_of_runs = parser.parse_known_args(arguments)
    shares = sorted(float(share) for share in given.shares.split(","))
    settings = Settings(data_dir=given.data_dir.absolute(), database_url="", demo=True)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    upgrade(settings.resolved_database_url)
    with closing(bootstrap.build(settings)) as app:
        accounts.ensure_demo_users(app.store)
    commands = Commands(settings, threads=given.threads)
    prepare(commands, given)
    forecast(commands, shares, settings_of_runs)
    if not given.no_browser and not look(commands, settings, given.screenshots):
        raise SystemExit(1)


def prepare(commands: Commands, given: argparse.Namespace) -> None:
    mapping = [part for pair in LABELS.items() for part in ("-l", "=".join(pair))]
    commands.once("import", "import", str(given.corpus), "-p", PROJECT, "--create", "--gold", *mapping)
    commands.once("freeze", "freeze", "-p", PROJECT, "--name", "maccrobat 70/15/15")
    commands.once("models-add", "models", "add", str(given.encoder), "--name", ENCODER)


def forecast(commands: Commands, shares: Sequence[float], options: Sequence[str]) -> None:
    """Train on the shares, ask the curve, train on everything, and say both."""
    for share in shares:
        _train(commands, share, options)
    commands.once("evaluate-shares", "evaluate", "-p", PROJECT)
    before = json.loads(commands.once("report-shares", "report", "-p", PROJECT, "--json", shown=False))
    _train(commands, 1.0, options)
    commands.once("evaluate", "evaluate", "-p", PROJECT)
    sys.stdout.write(commands.run("report", "-p", PROJECT) + "\n")
    then = _curve(before)
    points = {point["notes"]: point["f1"] for point in _curve(commands.json("report", "-p", PROJECT))["points"]}
    most = max(points)
    sys.stdout.write("The curve through " + ", ".join(f"{p['notes']}" for p in then["points"]) + " training notes\n")
    ahead, measured = at(then["line"], most), points[most]
    if ahead is None:
        sys.stdout.write(f"  says nothing about {most} notes.\n")
        return
    inside = ahead["low"] <= measured["value"] <= ahead["high"]
    sys.stdout.write(
        f"  forecast at {most} notes: F1 {_percent(ahead)}\n"
        f"  measured at {most} notes: F1 {_percent(measured)}: {'inside' if inside else 'OUTSIDE'} the band, "
        f"{100 * (measured['value'] - ahead['value']):+.1f} points from the forecast\n\n"
    )


def _train(commands: Commands, share: float, options: Sequence[str]) -> None:
    name = f"{share:.0%} of the notes"
    chosen = ("--encoder", ENCODER, "--train-share", f"{share:g}", *options)
    commands.once(f"train-{share:g}", "train", "-p", PROJECT, "--name", name, *chosen)


def _curve(report: dict[str, Any]) -> dict[str, Any]:
    return next(curve for curve in report["curves"] if curve["line"])


def _percent(value: dict[str, Any]) -> str:
    return f"{100 * value['value']:.1f}% ({100 * value['low']:.1f}\u2013{100 * value['high']:.1f})"


def look(commands: Commands, settings: Settings, pictures: Path | None) -> bool:
    """Whether every number of the dashboard is one that the command line prints."""
    from mednerapp.bench.editor.driving import CHROMIUM, chromium
    from mednerapp.bench.editor.product import running
    from mednerapp.settings import environment

    script = Path(__file__).parents[3] / "app.py"
    with running(script, health="/healthz", env=environment(settings)) as url, chromium(CHROMIUM) as browser:
        places = compared(commands, settings, browser, url)
        if pictures:
            page.screenshots(browser, url, PROJECT, pictures)
    sys.stdout.write(f"{'numbers':>7}  {'other':>5}  the dashboard against the command line\n")
    for place in places:
        sys.stdout.write(f"{place.numbers:7}  {len(place.different):5}  {place.name}\n")
        sys.stdout.writelines(f"                   {line}\n" for line in place.different)
    total, wrong = sum(p.numbers for p in places), sum(len(p.different) for p in places)
    sys.stdout.write(f"{total:7}  {wrong:5}  all\n")
    return not wrong and all(place.numbers for place in places if "Label mix" not in place.name)


def compared(commands: Commands, settings: Settings, browser: Browser, url: str, project: str = PROJECT) -> list[Place]:
    """Every part of the dashboard against `mednerapp report` and `mednerapp runs`."""
    report = commands.json("report", "-p", project)
    table_file, text_file = (settings.data_dir / "printed" / f"models.{ending}" for ending in ("csv", "md"))
    for file in (table_file, text_file):
        commands.run("report", "-p", project, "--out", str(file))
    with table_file.open(encoding="utf-8", newline="") as lines:
        table = [[cell.removeprefix("'") for cell in row] for row in csv.reader(lines)]
    known = re.findall(r"(\w+) precision (\d+\.\d+), F1 (\d+\.\d+)", text_file.read_text(encoding="utf-8"))
    published = {name: (precision, f1) for name, precision, f1 in known}
    with page.opened(browser, url, project, wide=True) as shown:
        page.settle(shown)
        places = agreement.overview(page.seen(shown), report, table)
        page.part(shown, "Where it fails")
        for dimension, lines in report["detail"]["groups"].items():
            if lines:
                page.part(shown, dimension.capitalize())
                places += agreement.groups(page.seen(shown), dimension, lines)
        places += agreement.details(page.seen(shown), report)
        page.part(shown, "More notes and drift")
        places += agreement.learning(page.seen(shown), report)
        page.part(shown, "Training")
        shown.get_by_text("For reference: the published table").click()
        page.settle(shown)
        runs = [run for run in commands.json("runs", "-p", project) if run["dataset"] == report["dataset"]]
        places += agreement.training(page.seen(shown), runs, published)
    return places


if __name__ == "__main__":
    main()
