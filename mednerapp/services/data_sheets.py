"""What is in a frozen dataset, and what could be wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import Dataset, GoldNote, Member, Split
from mednerapp.scoring import leakage
from mednerapp.scoring.drift import Drift, label_drift
from mednerapp.scoring.leakage import Leakage, SidedNote
from mednerapp.store import Store, Transaction

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Sheet:
    """notes, tokens, patients, spans: by split; tokens: words and single signs. per_label: label → split → spans.

    sources, types, people: what → notes. decided: notes whose gold somebody decided; the others follow from the
    annotations by the policy. drift: of the labels, of the split against train.
    """

    dataset: Dataset
    notes: dict[Split, int]
    tokens: dict[Split, int]
    patients: dict[Split, int]
    per_label: dict[str, dict[Split, int]]
    sources: dict[str, int]
    types: dict[str, int]
    people: dict[str, int]
    decided: int
    drift: dict[Split, Drift]

    @property
    def spans(self) -> dict[Split, int]:
        return {split: sum(counts[split] for counts in self.per_label.values()) for split in Split}


def sheet(store: Store, *, user: User, dataset_id: int) -> Sheet:
    user.require(Permission.TRAIN)
    with store.read() as tx:
        dataset = tx.datasets.get(dataset_id)
        labels = tx.projects.schema(dataset.schema_id).names
        members = tx.datasets.members(dataset_id)
        names = {person.id: person.name for person in tx.users.all()}
        gold = {split: tx.datasets.gold(dataset_id, split) for split in Split}
    used = [
        label for label in labels if any(s.label == label for notes in gold.values() for n in notes for s in n.spans)
    ]
    per_label = {
        label: {split: sum(s.label == label for n in notes for s in n.spans) for split, notes in gold.items()}
        for label in (*labels, *sorted({s.label for ns in gold.values() for n in ns for s in n.spans} - {*labels}))
    }
    mixes = {split: [Counter(s.label for s in n.spans) for n in notes] for split, notes in gold.items()}
    return Sheet(
        dataset=dataset,
        notes={split: len(notes) for split, notes in gold.items()},
        tokens={split: sum(_tokens(n) for n in notes) for split, notes in gold.items()},
        patients={
            split: len({m.patient_key for m in members if m.split is split and m.patient_key}) for split in Split
        },
        per_label=per_label,
        sources=_tally(members, lambda m: m.source),
        types=_tally(members, lambda m: m.note_type),
        people=dict(Counter(names[person] for m in members for person in m.annotators).most_common()),
        decided=sum(m.decided for m in members),
        drift={split: label_drift(mixes[Split.TRAIN], mixes[split]) for split in (Split.DEV, Split.TEST) if used},
    )


def _tokens(note: GoldNote) -> int:
    return sum(1 for _ in _TOKEN.finditer(note.text))


def _tally(members: list[Member], what: Callable[[Member], str]) -> dict[str, int]:
    return dict(Counter(what(member) for member in members).most_common())


@dataclass(frozen=True, slots=True)
class Checked:
    """leakage: what stands on two sides of the split. titles: of the notes that it names."""

    leakage: Leakage
    titles: dict[int, str]
    unknown: int
    """Notes without a patient: two of one patient would not show."""


def check(
    store: Store, *, user: User, dataset_id: int, on_progress: Callable[[int, int], None] | None = None
) -> Checked:
    """Look for a patient on two sides, and for texts on two sides that are nearly the same. Takes milliseconds a note.

    on_progress: (notes done, notes in all).
    """
    user.require(Permission.TRAIN)
    with store.read() as tx:
        members = tx.datasets.members(dataset_id)
        texts = _texts(tx, dataset_id)
    notes = [SidedNote(m.note_id, m.split.value, m.patient_key, texts[m.note_id]) for m in members]

    def report(done: int) -> None:
        if on_progress:
            on_progress(done, len(notes))

    found = leakage.check(notes, on_progress=report)
    named = {i for patient in found.patients for ids in patient.notes.values() for i in ids}
    named |= {i for pair in found.texts for i in (pair.first, pair.second)}
    titles = {m.note_id: m.title for m in members if m.note_id in named}
    return Checked(found, titles, sum(m.patient_key is None for m in members))


def _texts(tx: Transaction, dataset_id: int) -> dict[int, str]:
    return {note.note_id: note.text for split in Split for note in tx.datasets.gold(dataset_id, split)}
