"""What a run that was killed left behind, beside what one left that was not."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mednerapp.bench.annotating.inputs import Planted

Spans = frozenset[tuple[int, int, str]]


@dataclass(frozen=True, slots=True)
class Output:
    """spans: of each note by its id, the last if it is there twice. rejected: (place, reason), as often as it is there.

    unfinished: files that were begun and not ended.
    """

    times: Counter[str]
    spans: dict[str, Spans]
    rejected: Counter[tuple[str, str]]
    unfinished: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Ids of notes, and counts of rejected rows, that are not as they have to be."""

    missing: list[str]
    twice: list[str]
    unknown: list[str]
    other_spans: list[str]
    rejected: int
    rejected_twice: int
    rejected_otherwise: int
    unfinished: int

    @property
    def whole(self) -> bool:
        return not (
            self.missing or self.twice or self.unknown or self.other_spans or self.rejected_twice
            or self.rejected_otherwise or self.unfinished
        )  # fmt: skip


def read(out: Path) -> Output:
    times: Counter[str] = Counter()
    spans: dict[str, Spans] = {}
    for path in sorted(out.glob("part-*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            note = json.loads(line)
            times[note["id"]] += 1
            spans[note["id"]] = frozenset((s["start"], s["end"], s["label"]) for s in note["spans"])
    lines = (line for path in out.glob("rejected-*.jsonl") for line in path.read_text(encoding="utf-8").splitlines())
    rejected = Counter((row["place"], row["reason"]) for row in map(json.loads, lines))
    return Output(times, spans, rejected, sum(1 for _ in out.glob(".*")))


def judge(found: Output, *, undisturbed: Output, planted: Planted) -> Verdict:
    expected = set(planted.ids)
    return Verdict(
        missing=sorted(expected - set(found.times)),
        twice=sorted(name for name, times in found.times.items() if times > 1),
        unknown=sorted(set(found.times) - expected),
        other_spans=sorted(name for name, spans in found.spans.items() if undisturbed.spans.get(name) != spans),
        rejected=found.rejected.total(),
        rejected_twice=sum(times - 1 for times in found.rejected.values()),
        rejected_otherwise=abs(found.rejected.total() - planted.rejected)
        + (found.rejected - undisturbed.rejected).total(),
        unfinished=found.unfinished,
    )
