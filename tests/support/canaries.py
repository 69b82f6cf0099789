"""Words that stand in one note and nowhere else, and all the places where none of them may be found afterwards."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

_RANDOM = random.Random(5)
CANARIES = ["zq" + "".join(_RANDOM.choices("bcdfghjklmnpqrstvwxz", k=10)) for _ in range(200)]
MAY_HOLD_TEXT = {"note", "held_note", "note_original"}  # and the search over the notes
_LARGEST = 2**24  # bytes of a file in the temporary folder that is looked into


def nowhere(where: str, text: str | bytes, words: Sequence[str] = CANARIES) -> None:
    any_of = "|".join(map(re.escape, words))  # read once for all of them: a model has tens of millions of bytes
    found = set(re.findall(any_of, text) if isinstance(text, str) else re.findall(any_of.encode(), text))
    assert not found, f"{len(found)} words of the note are in {where}."


def in_no_file(data: Path, since: float, words: Sequence[str] = CANARIES) -> int:
    """Of the data folder, but for databases, and of the temporary folder; the number of files that were read."""
    files = [file for file in _files(data, since) if ".sqlite" not in file.name]
    for file in files:
        nowhere(str(file), file.read_bytes(), words)
    return len(files)


def _files(data: Path, since: float) -> Iterator[Path]:
    """All of the data folder, and what this user wrote to the temporary folder meanwhile, but other tests' folders."""
    yield from (path for path in data.rglob("*") if path.is_file())
    for path in Path(tempfile.gettempdir()).iterdir():
        try:
            info = path.stat()
        except OSError:
            continue
        if path.is_file() and info.st_mtime >= since and info.st_uid == os.getuid() and info.st_size < _LARGEST:
            yield path


def in_no_other_table(
    data: Path, words: Sequence[str] = CANARIES, *, but: Collection[str] = frozenset()
) -> dict[str, int]:
    """Every table of every database: ours, and the job engine's if there is one. Rows by table that were read."""
    read: dict[str, int] = {}
    for file in data.rglob("*.sqlite"):
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
            names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in names:
                if name not in MAY_HOLD_TEXT and name not in but and not name.startswith("note_search"):
                    rows = db.execute(f'SELECT * FROM "{name}"').fetchall()  # noqa: S608 - its own names
                    nowhere(f"table {name}", repr(rows), words)
                    read[f"{file.name}:{name}"] = len(rows)
    return read
