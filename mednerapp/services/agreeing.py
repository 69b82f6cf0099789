"""How far annotators who were blind to each other agree, and on which notes they do not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby

from mednerapp.domain.accounts import Permission, User
from mednerapp.scoring import agreement
from mednerapp.scoring.agreement import AnnotatedNote, GroupAgreement, NoteAgreement, PairAgreement
from mednerapp.store import Store, Transaction

MOST = 1_000  # notes, the newest; more would change an interval by little and take long
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class DisagreedNote:
    """A note on which annotators differ. decided: somebody has adjudicated it."""

    figures: NoteAgreement
    title: str
    people: tuple[str, ...]
    decided: bool


@dataclass(frozen=True, slots=True)
class Report:
    """notes: with two annotators, that count. left_out: notes that several have annotated without being asked to: they
    may have seen each other's spans. waiting: notes that are asked for twice and not there yet. people: by the number
    that stands for them in the figures.
    """

    notes: int
    left_out: int
    waiting: int
    people: dict[str, str]
    labels: tuple[str, ...]
    pairs: tuple[PairAgreement, ...]
    group: tuple[GroupAgreement, ...]
    disagreed: tuple[DisagreedNote, ...]


def state(store: Store, *, user: User, project_id: int) -> int:
    """Changes when the report would: whoever keeps one asks this first."""
    user.require(Permission.REVIEW)
    with store.read() as tx:
        found, _, _, schema_id = _doubled(tx, project_id)
        decided = tx.golds.decided(project_id)
        return hash((tuple(sorted(found.items())), tuple(sorted((n, d[2]) for n, d in decided.items())), schema_id))


def report(store: Store, *, user: User, project_id: int) -> Report:
    """Agreement on the notes that two annotators were asked for and have submitted."""
    user.require(Permission.REVIEW)
    with store.read() as tx:
        found, left_out, waiting, _ = _doubled(tx, project_id)
        decided = tx.golds.decided(project_id)
        newest = sorted(found, reverse=True)[:MOST]
        spans = tx.golds.confirmed([annotation for note in newest for annotation, _, _ in found[note]])
        texts = dict(tx.notes.texts(newest))
        people = {str(person.id): person.name for person in tx.users.all()}
        labels = tx.projects.get(project_id).schema.names
        notes = [
            AnnotatedNote(
                note,
                [(match.start(), match.end()) for match in _TOKEN.finditer(texts[note])],
                {str(user_id): sorted(spans[annotation]) for annotation, user_id, _ in found[note]},
            )
            for note in newest
        ]
        disagreed = tuple(
            DisagreedNote(
                figures,
                tx.notes.get(figures.note_id).title,
                tuple(people[str(user_id)] for _, user_id, _ in found[figures.note_id]),
                figures.note_id in decided and decided[figures.note_id][2],
            )
            for figures in agreement.most_disagreed(notes)[:100]
        )
    return Report(
        notes=len(notes),
        left_out=left_out,
        waiting=waiting,
        people=people,
        labels=labels,
        pairs=tuple(agreement.pairs(notes, labels)),
        group=tuple(agreement.group(notes, labels)) if notes else (),
        disagreed=disagreed,
    )


def _doubled(tx: Transaction, project_id: int) -> tuple[dict[int, tuple[tuple[int, int, int], ...]], int, int, int]:
    """(note → (annotation, user, revision) of those with several; left out; waiting; the schema)."""
    asked = tx.doubles.notes(project_id)
    groups = {
        note: tuple((a.annotation_id, a.user_id, a.revision) for _, a in rows)
        for note, rows in groupby(tx.golds.submitted(project_id), key=lambda row: row[1].note_id)
    }
    several = {note: own for note, own in groups.items() if len(own) > 1}
    found = {note: own for note, own in several.items() if note in asked}
    return found, len(several) - len(found), len(asked) - len(found), tx.projects.get(project_id).schema.id or 0
