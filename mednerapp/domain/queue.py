"""In which order notes come, which of them come without suggestions, and how fast people get on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

PAUSE = timedelta(minutes=30)
"""Between two submits; whoever takes longer has done something else."""

NOT_LOOKED_AT = 2.0
"""The certainty of a note that the adapter in force has not predicted: after all that it has."""


class QueueOrder(StrEnum):
    """The lead's choice for a project."""

    IMPORT = "import"
    UNCERTAIN = "uncertain"
    RANDOM = "random"


def uncertainty(scores: Sequence[float]) -> float:
    """How unsure a model is of a note: the mean of 1 - score over its suggestions; 0: sure, 1: not at all.

    It is the least confidence of Culotta and McCallum (2005), one of the measures that Settles and Craven (2008, "An
    analysis of active learning strategies for sequence labeling tasks", EMNLP) compare, taken for each span and
    averaged. The mean, and not the sum or the probability of the whole labelling, because these prefer long notes (Shen
    et al. 2018, "Deep active learning for named entity recognition", ICLR, divide by the length for the same reason).

    A note without a suggestion has 0: nothing was found that the model could doubt. What a model misses does not show
    in its scores; the random order brings such notes up.
    """
    return sum(1 - score for score in scores) / len(scores) if scores else 0.0


def shuffle_key(*, project_id: int, content_hash: str) -> int:
    """The place of a note in the random order of its project: 0 to 2**62 - 1, the same on every machine."""
    return _hashed(f"order:{project_id}:{content_hash}") >> 2


def is_blind(*, project_id: int, content_hash: str, percent: int) -> bool:
    """Whether the note comes without suggestions, for everybody; `percent` of all notes do.

    It has nothing to do with the order in which notes come. A higher percentage adds notes and takes none away.
    """
    return _hashed(f"blind:{project_id}:{content_hash}") < percent * 2**64 / 100


def hashed_share(key: str) -> float:
    """0 to 1, evenly spread over keys and the same on every machine."""
    return _hashed(key) / 2**64


def _hashed(key: str) -> int:
    """0 to 2**64 - 1."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8])


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a note in hand, and until when nobody else is given it."""

    user_id: int
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Work:
    """A submitted note. `begun`, `ended`: a person's first and last change; None where nothing had to be changed."""

    user_id: int
    submitted_at: datetime
    begun: datetime | None = None
    ended: datetime | None = None

    @property
    def duration(self) -> timedelta | None:
        return self.ended - self.begun if self.begun and self.ended else None


@dataclass(frozen=True, slots=True)
class Pace:
    """How somebody gets on, by the notes submitted in the last seven days.

    per_hour: notes for each hour of work; None when there are too few to tell. Pauses over PAUSE are no work.
    minutes: median from a note's first change to its last.
    """

    today: int
    week: int
    per_hour: float | None
    minutes: float | None

    def hours_for(self, notes: int) -> float | None:
        """Hours of work that `notes` more take at this pace."""
        return notes / self.per_hour if self.per_hour else None


FEWEST = 3
"""Steps from one submit to the next below which a pace is a guess."""


def pace(works: Sequence[Work], *, today: datetime) -> Pace:
    """`works`: of the last seven days; `today`: when the day began where the person is."""
    steps: list[timedelta] = []
    for user_id in {work.user_id for work in works}:
        submits = sorted(work.submitted_at for work in works if work.user_id == user_id)
        steps += [later - earlier for earlier, later in pairwise(submits) if later - earlier <= PAUSE]
    hours = sum(steps, timedelta()) / timedelta(hours=1)
    durations = [work.duration / timedelta(minutes=1) for work in works if work.duration is not None]
    return Pace(
        today=sum(work.submitted_at >= today for work in works),
        week=len(works),
        per_hour=len(steps) / hours if len(steps) >= FEWEST and hours > 0 else None,
        minutes=median(durations) if durations else None,
    )


@dataclass(frozen=True, slots=True)
class GroupOfNotes:
    """Submitted annotations that began with suggestions, or without (blind): what the two led to.

    notes, words, spans: counts; `spans`: confirmed. minutes: median from the first change to the last.
    accepted, changed, rejected: what became of the suggestions; a deleted one counts as rejected.
    """

    blind: bool
    notes: int
    words: int
    spans: int
    minutes: float | None
    accepted: int = 0
    changed: int = 0
    rejected: int = 0

    @property
    def density(self) -> float | None:
        """Confirmed spans per 1,000 words."""
        return 1000 * self.spans / self.words if self.words else None
