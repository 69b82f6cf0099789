"""Files of invented notes for bulk annotation: half JSON lines, half NOTEEVENTS.csv, with rows that are no notes."""

from __future__ import annotations

import csv
import json
import random
from dataclasses import dataclass
from pathlib import Path

from mednerapp.bench.notes import terms

RARE = 50  # one row in so many is followed by one that has to be rejected
COLUMNS = (
    "ROW_ID", "SUBJECT_ID", "HADM_ID", "CHARTDATE", "CHARTTIME", "STORETIME", "CATEGORY", "DESCRIPTION", "CGID",
    "ISERROR", "TEXT",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planted:
    """ids: of the notes, in order. rejected: rows that are none. characters: of all notes."""

    ids: tuple[str, ...]
    rejected: int
    characters: int


def write(folder: Path, *, notes: int, seed: int) -> Planted:
    """`notes.jsonl` and `NOTEEVENTS.csv` in the new folder; no two notes alike, all of them short."""
    folder.mkdir(parents=True)
    draw = random.Random(seed)  # noqa: S311  texts, not secrets
    half = notes // 2
    lines, cells = _lines(folder / "notes.jsonl", half, draw), _table(folder / "NOTEEVENTS.csv", half, notes, draw)
    return Planted(lines.ids + cells.ids, lines.rejected + cells.rejected, lines.characters + cells.characters)


def _lines(path: Path, count: int, draw: random.Random) -> Planted:
    ids: list[str] = []
    rejected = characters = 0
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            name, text = f"j{number}", _text(number, draw)
            record = json.dumps({"id": name, "text": text})
            file.write(record + "\n")
            ids.append(name)
            characters += len(text)
            if number % RARE == RARE - 1:
                wrong = (record, record[:-2], json.dumps({"id": f"empty{number}", "text": " "}))
                file.write(wrong[rejected % len(wrong)] + "\n")
                rejected += 1
    return Planted(tuple(ids), rejected, characters)


def _table(path: Path, first: int, end: int, draw: random.Random) -> Planted:
    ids: list[str] = []
    rejected = characters = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for number in range(first, end):
            text = _text(number, draw)
            table.writerow(_row(number, text))
            ids.append(str(number))
            characters += len(text)
            if number % RARE == RARE - 1:
                wrong = (_row(number, text), _row(number + end, text, error="1"), ["too", "short"])
                table.writerow(wrong[rejected % len(wrong)])
                rejected += 1
    return Planted(tuple(ids), rejected, characters)


def _row(number: int, text: str, error: str = "") -> list[str]:
    return [str(number), str(number // 20), "", "2130-04-14", "", "", "Nursing", "Report", "", error, text]


def _text(number: int, draw: random.Random) -> str:
    return f"Visit {number}. {draw.choice(terms()['symptom']).capitalize()}.\n"
