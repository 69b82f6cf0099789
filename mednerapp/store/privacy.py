"""Policies, verdicts, offset maps, and notes that wait for a person."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.identifiers import PASSED, HeldNote, IdentifierPolicy, Standing, Verdict
from mednerapp.domain.notes import NewNote
from mednerapp.errors import NotFound

Segments = list[list[Any]]


class Privacy:
    def __init__(self, session: Session) -> None:
        self._session = session

    def policy(self, project_id: int) -> tuple[IdentifierPolicy, bytes]:
        """The policy of the project and the key of its surrogates; OFF and no key where none was chosen."""
        row = self._session.get(t.ProjectPrivacy, project_id)
        return (IdentifierPolicy(row.policy), bytes.fromhex(row.key)) if row else (IdentifierPolicy.OFF, b"")

    def set_policy(self, project_id: int, policy: IdentifierPolicy) -> None:
        """The key is made with the first choice and stays: else the same patient would get another name."""
        row = self._session.get(t.ProjectPrivacy, project_id)
        if row is None:
            self._session.add(t.ProjectPrivacy(project_id=project_id, policy=policy.value, key=secrets.token_hex(32)))
        else:
            row.policy = policy.value
        self._session.flush()

    def set_verdict(
        self, note_id: int, verdict: Verdict, *, counts: Mapping[str, int], user_id: int | None = None
    ) -> None:
        values = {"verdict": verdict.value, "counts": dict(counts), "at": now(), "by": user_id}
        row = self._session.get(t.NotePrivacy, note_id)
        if row is None:
            self._session.add(t.NotePrivacy(note_id=note_id, **values))
        else:
            for name, value in values.items():
                setattr(row, name, value)
        self._session.flush()

    def verdict(self, note_id: int) -> Verdict | None:
        row = self._session.get(t.NotePrivacy, note_id)
        return Verdict(row.verdict) if row else None

    def not_passed(self, note_ids: Collection[int]) -> list[int]:
        """Those of the notes that no verdict lets pass, in order."""
        passed: set[int] = set()
        ids = sorted(note_ids)
        for first in range(0, len(ids), 500):
            query = select(t.NotePrivacy.note_id).where(
                t.NotePrivacy.note_id.in_(ids[first : first + 500]),
                t.NotePrivacy.verdict.in_([verdict.value for verdict in PASSED]),
            )
            passed.update(self._session.scalars(query))
        return [note_id for note_id in ids if note_id not in passed]

    def standing(self, project_id: int) -> Standing:
        """Notes of the project, but those in the bin, by verdict."""
        here = (t.Note.project_id == project_id, t.Note.deleted_at.is_(None))
        rows = self._session.execute(
            select(t.NotePrivacy.verdict, func.count())
            .select_from(t.Note)
            .join(t.NotePrivacy, t.NotePrivacy.note_id == t.Note.id, isouter=True)
            .where(*here)
            .group_by(t.NotePrivacy.verdict)
        )
        counted: dict[str | None, int] = {row[0]: row[1] for row in rows}
        waiting = self._session.scalar(
            select(func.count()).select_from(t.HeldNote).where(t.HeldNote.project_id == project_id)
        )
        return Standing({v: counted.get(v.value, 0) for v in Verdict}, counted.get(None, 0), waiting or 0)

    def unchecked(self, project_id: int, *, after: int = 0, limit: int = 200) -> list[int]:
        """Ids of notes without a verdict."""
        query = (
            select(t.Note.id)
            .join(t.NotePrivacy, t.NotePrivacy.note_id == t.Note.id, isouter=True)
            .where(
                t.Note.project_id == project_id,
                t.Note.deleted_at.is_(None),
                t.Note.id > after,
                t.NotePrivacy.note_id.is_(None),
            )
            .order_by(t.Note.id)
            .limit(limit)
        )
        return list(self._session.scalars(query))

    def with_verdict(self, project_id: int, verdict: Verdict, *, limit: int = 200) -> list[tuple[int, str]]:
        """(id, title) of the first notes."""
        query = (
            select(t.Note.id, t.Note.title)
            .join(t.NotePrivacy, t.NotePrivacy.note_id == t.Note.id)
            .where(t.Note.project_id == project_id, t.Note.deleted_at.is_(None), t.NotePrivacy.verdict == verdict.value)
            .order_by(t.Note.id)
            .limit(limit)
        )
        return [(row.id, row.title) for row in self._session.execute(query)]

    def keep_original(self, note_id: int, *, was: NewNote, segments: Segments) -> None:
        """The way back. What is there already stays: the text of a note never changes."""
        if self._session.get(t.NoteOriginal, note_id) is None:
            self._session.add(
                t.NoteOriginal(
                    note_id=note_id,
                    title=was.title,
                    source=was.source,
                    patient_key=was.patient_key,
                    segments=segments,
                )
            )
            self._session.flush()

    def original(self, note_id: int) -> tuple[str, str, str | None, Segments]:
        """Title, source, patient key and segments of a note.

        Raises:
            NotFound: nothing of the note was replaced.
        """
        row = self._session.get(t.NoteOriginal, note_id)
        if row is None:
            raise NotFound(f"Nothing was replaced in note {note_id}.")
        return row.title, row.source, row.patient_key, row.segments

    def hold(
        self, *, project_id: int, note: NewNote, spans: Sequence[dict[str, Any]], user_id: int | None
    ) -> tuple[int, bool]:
        """The id of the waiting note, and whether it is new."""
        query = select(t.HeldNote.id).where(
            t.HeldNote.project_id == project_id, t.HeldNote.content_hash == note.content_hash
        )
        there = self._session.scalar(query)
        if there is not None:
            return there, False
        row = t.HeldNote(
            project_id=project_id,
            text=note.text,
            title=note.title,
            source=note.source,
            patient_key=note.patient_key,
            note_type=note.note_type,
            content_hash=note.content_hash,
            spans=list(spans),
            revision=0,
            clients={},
            last_client="",
            created_by=user_id,
            created_at=now(),
        )
        self._session.add(row)
        self._session.flush()
        return row.id, True

    def held(self, held_id: int, *, lock: bool = False) -> HeldNote:
        query = select(t.HeldNote).where(t.HeldNote.id == held_id)
        row = self._session.scalar(query.with_for_update() if lock else query)
        if row is None:
            raise NotFound(f"There is no waiting note {held_id}.")
        return HeldNote(
            id=row.id,
            project_id=row.project_id,
            text=row.text,
            title=row.title,
            source=row.source,
            patient_key=row.patient_key,
            note_type=row.note_type,
            spans=tuple(row.spans),
            revision=row.revision,
            clients=dict(row.clients),
            last_client=row.last_client,
            created_at=row.created_at,
        )

    def waiting(self, project_id: int, *, limit: int = 200) -> list[tuple[int, str]]:
        """(id, title) of the notes that wait for a person, the oldest first."""
        query = select(t.HeldNote.id, t.HeldNote.title).where(t.HeldNote.project_id == project_id)
        return [(row.id, row.title) for row in self._session.execute(query.order_by(t.HeldNote.id).limit(limit))]

    def change_held(
        self, held_id: int, *, spans: Sequence[dict[str, Any]], revision: int, clients: dict[str, int], last_client: str
    ) -> None:
        row = self._session.get_one(t.HeldNote, held_id)
        row.spans, row.revision, row.clients, row.last_client = list(spans), revision, dict(clients), last_client
        self._session.flush()

    def let_go(self, held_id: int) -> None:
        """Its text goes with the row."""
        self._session.execute(delete(t.HeldNote).where(t.HeldNote.id == held_id))

    def forget_patient(self, project_id: int, patient_key: str) -> int:
        """Remove the waiting notes of a patient; how many there were."""
        found = self._session.scalars(
            select(t.HeldNote.id).where(t.HeldNote.project_id == project_id, t.HeldNote.patient_key == patient_key)
        ).all()
        for held_id in found:
            self.let_go(held_id)
        return len(found)

    def of_patient(self, project_id: int, patient_key: str) -> list[int]:
        """Ids of the patient's notes, also of those in the bin and of those whose key was replaced."""
        query = (
            select(t.Note.id)
            .join(t.NoteOriginal, t.NoteOriginal.note_id == t.Note.id, isouter=True)
            .where(
                t.Note.project_id == project_id,
                or_(t.Note.patient_key == patient_key, t.NoteOriginal.patient_key == patient_key),
            )
            .order_by(t.Note.id)
        )
        return list(self._session.scalars(query))

    def frozen(self, note_ids: Collection[int]) -> list[tuple[int, str]]:
        """(note, name of the dataset that needs it)."""
        query = (
            select(t.DatasetNote.note_id, t.Dataset.name)
            .join(t.Dataset, t.Dataset.id == t.DatasetNote.dataset_id)
            .where(t.DatasetNote.note_id.in_(note_ids))
            .order_by(t.DatasetNote.note_id, t.Dataset.name)
        )
        return [(row[0], row[1]) for row in self._session.execute(query)]

    def learned_from(self, note_ids: Collection[int]) -> list[str]:
        """Names of the adapters whose run trained on a dataset with one of the notes on its training side."""
        query = (
            select(t.Adapter.name)
            .join(t.Run, t.Run.id == t.Adapter.run_id)
            .join(t.DatasetNote, t.DatasetNote.dataset_id == t.Run.dataset_id)
            .where(t.DatasetNote.note_id.in_(note_ids), t.DatasetNote.split == "train")
            .distinct()
            .order_by(t.Adapter.name)
        )
        return list(self._session.scalars(query))
