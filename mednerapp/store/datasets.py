"""Datasets: written once, read for ever."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.annotations import pieces
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Dataset, FrozenNote, GoldNote, Member, Split
from mednerapp.domain.spans import Span
from mednerapp.errors import NotFound


class Datasets:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        *,
        project_id: int,
        name: str,
        schema_id: int,
        content_hash: str,
        notes: Sequence[FrozenNote],
        user_id: int | None,
    ) -> Dataset:
        row = t.Dataset(
            project_id=project_id,
            name=name,
            schema_id=schema_id,
            content_hash=content_hash,
            created_by=user_id,
            created_at=now(),
        )
        self._session.add(row)
        self._session.flush()
        self._session.execute(
            insert(t.DatasetNote),
            [
                {
                    "dataset_id": row.id,
                    "note_id": one.gold.note_id,
                    "split": one.gold.split.value,
                    "annotation_id": one.annotation_id,
                    "annotation_revision": one.annotation_revision,
                    "gold_id": one.gold_id,
                    "gold_revision": one.gold_revision,
                }
                for one in notes
            ],
        )
        spans = [
            {
                "dataset_id": row.id,
                "note_id": one.gold.note_id,
                "position": position,
                "start_offset": span.start,
                "end_offset": span.end,
                "label": span.label,
                "fragments": [list(piece) for piece in span.fragments] or None,
            }
            for one in notes
            for position, span in enumerate(sorted(one.gold.spans))
        ]
        if spans:
            self._session.execute(insert(t.DatasetSpan), spans)
        return self.get(row.id)

    def get(self, dataset_id: int) -> Dataset:
        row = self._session.get(t.Dataset, dataset_id)
        if row is None:
            raise NotFound(f"There is no dataset {dataset_id}.")
        return self._dataset(row)

    def by_name(self, *, project_id: int, name: str) -> Dataset | None:
        row = self._session.scalar(select(t.Dataset).where(t.Dataset.project_id == project_id, t.Dataset.name == name))
        return self._dataset(row) if row else None

    def by_hash(self, *, project_id: int, content_hash: str) -> Dataset | None:
        row = self._session.scalar(
            select(t.Dataset).where(t.Dataset.project_id == project_id, t.Dataset.content_hash == content_hash)
        )
        return self._dataset(row) if row else None

    def all(self, project_id: int) -> list[Dataset]:
        """Newest first."""
        rows = self._session.scalars(
            select(t.Dataset).where(t.Dataset.project_id == project_id).order_by(t.Dataset.id.desc())
        )
        return [self._dataset(row) for row in rows]

    def gold(self, dataset_id: int, split: Split) -> list[GoldNote]:
        """The notes of one split with their gold spans, in order of note id."""
        spans: dict[int, list[Span]] = {}
        for row in self._session.scalars(
            select(t.DatasetSpan)
            .join(
                t.DatasetNote,
                (t.DatasetNote.dataset_id == t.DatasetSpan.dataset_id)
                & (t.DatasetNote.note_id == t.DatasetSpan.note_id),
            )
            .where(t.DatasetSpan.dataset_id == dataset_id, t.DatasetNote.split == split.value)
            .order_by(t.DatasetSpan.note_id, t.DatasetSpan.position)
        ):
            span = Span(row.start_offset, row.end_offset, row.label, pieces(row.fragments))
            spans.setdefault(row.note_id, []).append(span)
        notes = self._session.execute(
            select(t.Note.id, t.Note.content_hash, t.Note.text)
            .join(t.DatasetNote, t.DatasetNote.note_id == t.Note.id)
            .where(t.DatasetNote.dataset_id == dataset_id, t.DatasetNote.split == split.value)
            .order_by(t.Note.id)
        )
        return [GoldNote(i, note_hash, text, tuple(spans.get(i, ())), split) for i, note_hash, text in notes]

    def members(self, dataset_id: int) -> list[Member]:
        """Its notes in order, without their texts."""
        d, n = t.DatasetNote, t.Note
        sources = self._sources(dataset_id)
        rows = self._session.execute(
            select(d.note_id, d.split, n.title, n.source, n.note_type, n.patient_key, t.Annotation.user_id, d.gold_id)
            .join(n, n.id == d.note_id)
            .join(t.Annotation, t.Annotation.id == d.annotation_id)
            .where(d.dataset_id == dataset_id)
            .order_by(d.note_id)
        )
        return [
            Member(
                note_id,
                Split(split),
                title,
                source,
                kind,
                patient,
                frozenset(sources.get(gold_id or 0, {user_id})),
                gold_id is not None,
            )
            for note_id, split, title, source, kind, patient, user_id, gold_id in rows
        ]

    def _sources(self, dataset_id: int) -> dict[int, set[int]]:
        """Who annotated what the decisions of the dataset rest on, by gold."""
        found: dict[int, set[int]] = {}
        rows = self._session.execute(
            select(t.GoldSource.gold_id, t.Annotation.user_id)
            .join(t.Annotation, t.Annotation.id == t.GoldSource.annotation_id)
            .join(t.DatasetNote, t.DatasetNote.gold_id == t.GoldSource.gold_id)
            .where(t.DatasetNote.dataset_id == dataset_id)
        )
        for gold_id, user_id in rows:
            found.setdefault(gold_id, set()).add(user_id)
        return found

    def _dataset(self, row: t.Dataset) -> Dataset:
        counts = self._session.execute(
            select(t.DatasetNote.split, func.count())
            .where(t.DatasetNote.dataset_id == row.id)
            .group_by(t.DatasetNote.split)
        )
        notes = dict.fromkeys(Split, 0) | {Split(split): count for split, count in counts}
        spans = self._session.scalar(
            select(func.count()).select_from(t.DatasetSpan).where(t.DatasetSpan.dataset_id == row.id)
        )
        return Dataset(
            row.id, row.project_id, row.name, row.schema_id, row.content_hash, notes, spans or 0, row.created_at
        )
