"""Whether memory grows with the notes: what is usual early on, beside what is usual at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from mednerapp.bench.annotating.running import Weighed

ENOUGH = 10_000  # notes, below which what a process needs once hides what each note costs
SLACK = 32 * 2**20  # bytes that an allocator may lose between a tenth of the notes and the last one
_SPELL = 20  # parts of all notes, of which one is looked at early and one at the end


@dataclass(frozen=True, slots=True)
class Level:
    """Resident bytes of one share of the processes: the median of the readings from a tenth of the notes on (or from
    when such processes were there), that of the last readings, and the highest since the former.
    """

    early: int
    late: int
    most: int

    @property
    def flat(self) -> bool:
        """A moment's need is not growth: the medians are compared, not the highest."""
        return self.late <= self.early + SLACK


def level(readings: Sequence[tuple[int, int]], *, notes: int) -> Level:
    """readings: (notes written, bytes). notes: in all; when they are written the processes end, and grow smaller."""
    later = [(at, size) for at, size in readings if notes // 10 <= at < notes and size]
    if not later:
        return Level(0, 0, 0)
    spell = max(1, notes // _SPELL)
    first, last = later[0][0], later[-1][0]
    return Level(
        round(median(size for at, size in later if at <= first + spell)),
        round(median(size for at, size in later if at >= last - spell)),
        max(size for _, size in later),
    )


def levels(memory: Sequence[Weighed], *, notes: int) -> tuple[Level, Level]:
    """Of the command itself, and of the processes below it: those that read files, and those of an engine."""
    return (
        level([(seen.notes, seen.command) for seen in memory], notes=notes),
        level([(seen.notes, seen.below) for seen in memory], notes=notes),
    )
