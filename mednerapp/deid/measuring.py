"""How much of what stands in a corpus a detector finds, and how much it touches that it should not.

A gold identifier counts as found when every letter and digit of it is covered by findings, of whatever type: what matters
is that nothing of it is left to read. Precision is over findings: the share that touch a gold identifier.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

from mednerapp.deid.detector import Detector
from mednerapp.errors import InvalidValue
from mednerapp.scoring.intervals import Estimate

# "Dr." tells nobody apart, and "patient ID" in front of the number is no part of it.
_NO_PART = re.compile(r"^(?:(?:Dr|Mr|Mrs|Ms|Miss|Prof)\b\.?\s*|[A-Za-z ]*\bID:?\s*(?=[#\w]*\d))")


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with the identifiers that stand in it: `(start, end, type as the corpus names it)`."""

    text: str
    gold: tuple[tuple[int, int, str], ...]


@dataclass
class Measured:
    """found, gold: identifiers by the corpus's type. right, findings: what the detector marked, and how many touch gold.

    words: of all texts, between blanks. seconds: on the clock.
    clean, touched: texts without an identifier, and those among them in which something was marked.
    missed: the values that were not found; only for those who tune, never for a report.
    """

    found: Counter[str] = field(default_factory=Counter[str])
    gold: Counter[str] = field(default_factory=Counter[str])
    right: int = 0
    findings: int = 0
    words: int = 0
    seconds: float = 0.0
    clean: int = 0
    touched: int = 0

    @property
    def recall(self) -> Estimate:
        return wilson(self.found.total(), self.gold.total())

    @property
    def precision(self) -> Estimate:
        return wilson(self.right, self.findings)

    @property
    def elsewhere(self) -> float | None:
        """Findings that touch no gold identifier, in 1,000 words."""
        return 1000 * (self.findings - self.right) / self.words if self.words else None

    @property
    def touched_share(self) -> Estimate:
        return wilson(self.touched, self.clean)


def wilson(right: int, of: int) -> Estimate:
    """A share with its 95% score interval (Wilson 1927); undefined when there is nothing to count."""
    if not of:
        return Estimate(None, None, None)
    z = 1.959964
    p, scale = right / of, 1 + z * z / of
    middle = (p + z * z / (2 * of)) / scale
    half = z * sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / scale
    return Estimate(p, max(0.0, middle - half), min(1.0, middle + half))


def read_corpus(path: Path) -> list[Marked]:
    """Every `.jsonl` and `.jsonl.gz` of a folder, or one such file: objects with `text` and `spans` (`start`, `end`, `label`).

    Raises:
        InvalidValue: if there is none.
    """
    files = sorted([*path.glob("*.jsonl"), *path.glob("*.jsonl.gz")]) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise InvalidValue(f"There is no .jsonl or .jsonl.gz at {path}.")
    return [marked for file in files for marked in _read(file)]


def _read(file: Path) -> Iterator[Marked]:
    with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            spans = tuple((s["start"], s["end"], s["label"]) for s in record.get("spans", []))
            yield Marked(record["text"], spans)


def read_notes(paths: Iterable[Path]) -> list[str]:
    """The texts of folders of `.txt`, or as `read_corpus` reads them."""
    found: list[str] = []
    for path in paths:
        plain = sorted(path.glob("*.txt")) if path.is_dir() else []
        found += [file.read_text(encoding="utf-8") for file in plain] or [m.text for m in read_corpus(path)]
    return found


def is_for_tuning(text: str) -> bool:
    """On which half a text falls: the first half may be looked at while rules are written, figures come from the other."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 0


def measure(
    texts: Iterable[Marked], detector: Detector, *, on_progress: Callable[[int], None] | None = None
) -> Measured:
    """`on_progress`: called with the number of texts done."""
    measured, began = Measured(), time.monotonic()
    for done, marked in enumerate(texts, 1):
        _count(measured, marked, detector)
        if on_progress:
            on_progress(done)
    measured.seconds = time.monotonic() - began
    return measured


def _count(measured: Measured, marked: Marked, detector: Detector) -> None:
    findings = detector.find(marked.text)
    covered = bytearray(len(marked.text))
    wanted = bytearray(len(marked.text))
    for one in findings:
        covered[one.start : one.end] = b"\1" * (one.end - one.start)
    for start, end, label in marked.gold:
        wanted[start:end] = b"\1" * (end - start)
        measured.gold[label] += 1
        measured.found[label] += is_covered(marked.text, start, end, covered)
    measured.findings += len(findings)
    measured.words += len(marked.text.split())
    measured.right += sum(any(wanted[one.start : one.end]) for one in findings)
    if not marked.gold:
        measured.clean += 1
        measured.touched += bool(findings)


def is_covered(text: str, start: int, end: int, covered: Sequence[int]) -> bool:
    """Whether each letter and digit of the identifier is, title and the word "ID" left aside."""
    skip = _NO_PART.match(text[start:end])
    begin = start + (skip.end() if skip and skip.end() < end - start else 0)
    return all(covered[at] for at in range(begin, end) if text[at].isalnum())
