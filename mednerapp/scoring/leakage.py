"""Does anything stand on two sides of a split that must not: a patient, or nearly the same text?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mednerapp.scoring.near_duplicates import THRESHOLD, near_duplicates


@dataclass(frozen=True, slots=True)
class SidedNote:
    """A note of a dataset. side: train, dev or test. patient: None where it is not known."""

    note_id: int
    side: str
    patient: str | None
    text: str


@dataclass(frozen=True, slots=True)
class SharedPatient:
    """A patient with notes on several sides: side → ids of the notes."""

    patient: str
    notes: dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class SharedText:
    """Two notes on different sides whose texts are nearly the same; similarity in [threshold, 1]."""

    first: int
    second: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Leakage:
    """What stands on two sides. Empty when nothing does."""

    patients: tuple[SharedPatient, ...]
    texts: tuple[SharedText, ...]

    @property
    def clean(self) -> bool:
        return not self.patients and not self.texts


def check(
    notes: Sequence[SidedNote], *, threshold: float = THRESHOLD, on_progress: Callable[[int], None] | None = None
) -> Leakage:
    """Every patient on more than one side, every near-duplicate across sides; the most similar first."""
    by_patient: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for note in notes:
        if note.patient is not None:
            by_patient[note.patient][note.side].append(note.note_id)
    patients = tuple(
        SharedPatient(patient, {side: tuple(ids) for side, ids in sorted(sides.items())})
        for patient, sides in sorted(by_patient.items())
        if len(sides) > 1
    )
    alike = near_duplicates([note.text for note in notes], threshold=threshold, on_progress=on_progress)
    texts = [
        SharedText(notes[pair.first].note_id, notes[pair.second].note_id, pair.similarity)
        for pair in alike
        if notes[pair.first].side != notes[pair.second].side
    ]
    return Leakage(patients, tuple(sorted(texts, key=lambda t: (-t.similarity, t.first, t.second))))
