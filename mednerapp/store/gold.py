"""Gold: what leads decided, from which annotations, step by step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.annotations import pieces
from mednerapp.domain.clock import now
from mednerapp.domain.datasets import Split
from mednerapp.domain.gold import Gold, GoldAction, GoldEvent, GoldOrigin, GoldSpan, Submitted
from mednerapp.domain.spans import Span
from mednerapp.errors import ChangedSince
from mednerapp.store.annotation_rows import SPANS

CHUNK = 500  # ids in a statement


class Golds:
    def __init__(self, session: Session) -> None:
        self._session = session

    def submitted(self, project_id: int, *, note_id: int | None = None) -> list[tuple[Split, Submitted]]:
        """Every submitted annotation of the notes that are not in the bin, or of one note; in order of notes."""
        a, n = t.Annotation, t.Note
        query = (
            select(n.split, a.id, a.note_id, a.user_id, a.revision)
            .join(n, n.id == a.note_id)
            .where(n.project_id == project_id, n.deleted_at.is_(None), a.state == "submitted")
            .order_by(a.note_id, a.id)
        )
        if note_id is not None:
            query = query.where(n.id == note_id)
        return [(Split(split), Submitted(*rest)) for split, *rest in self._session.execute(query)]

    def decided(
        self, project_id: int, *, note_id: int | None = None
    ) -> dict[int, tuple[int, GoldOrigin, bool, dict[int, int]]]:
        """By note: (gold id, origin, whether it is final, annotation → revision that it rests on)."""
        g = t.Gold
        query = (
            select(g.note_id, g.id, g.origin, g.state, t.GoldSource.annotation_id, t.GoldSource.annotation_revision)
            .join(t.Note, t.Note.id == g.note_id)
            .outerjoin(t.GoldSource, t.GoldSource.gold_id == g.id)
            .where(t.Note.project_id == project_id, t.Note.deleted_at.is_(None))
        )
        if note_id is not None:
            query = query.where(g.note_id == note_id)
        found: dict[int, tuple[int, GoldOrigin, bool, dict[int, int]]] = {}
        for note, gold_id, origin, state, annotation_id, revision in self._session.execute(query):
            own = found.setdefault(note, (gold_id, GoldOrigin(origin), state == "final", {}))
            if annotation_id:
                own[3][annotation_id] = revision
        return found

    def confirmed(self, annotation_ids: Collection[int]) -> dict[int, frozenset[Span]]:
        """The spans that a person confirmed, by annotation; of every one that is asked for."""
        found: dict[int, set[Span]] = {annotation_id: set() for annotation_id in annotation_ids}
        columns = (SPANS.annotation_id, SPANS.start_offset, SPANS.end_offset, SPANS.label, SPANS.fragments)
        for chunk in _chunks(sorted(found)):
            query = select(*columns).where(SPANS.annotation_id.in_(chunk), SPANS.state == "confirmed")
            for annotation_id, start, end, label, fragments in self._session.connection().execute(query):
                found[annotation_id].add(Span(start, end, label, pieces(fragments)))
        return {annotation_id: frozenset(spans) for annotation_id, spans in found.items()}

    def of(self, note_id: int) -> Gold | None:
        """What somebody decided about the note."""
        row = self._session.execute(select(t.Gold).where(t.Gold.note_id == note_id)).scalar_one_or_none()
        return self._gold(row) if row else None

    def lock_or_add(self, *, note_id: int, origin: GoldOrigin, user_id: int | None) -> Gold:
        """What somebody decided about the note, or an open row to begin with; nobody else writes it until the end."""
        query = select(t.Gold).where(t.Gold.note_id == note_id).with_for_update()
        row = self._session.scalar(query)
        if row is None:
            row = t.Gold(
                note_id=note_id, origin=origin.value, state="open", revision=0, decided_by=user_id, decided_at=now()
            )
            try:
                with self._session.begin_nested():
                    self._session.add(row)
                    self._session.flush()
            except IntegrityError:  # PostgreSQL: somebody else began at the same moment
                row = self._session.scalars(query).one()
        self._session.refresh(row)
        return self._gold(row)

    def spans(self, gold_ids: Collection[int]) -> dict[int, tuple[GoldSpan, ...]]:
        """The decided spans in text order, by gold."""
        found: dict[int, list[GoldSpan]] = {gold_id: [] for gold_id in gold_ids}
        s = t.GoldSpan
        for chunk in _chunks(sorted(found)):
            for row in self._session.scalars(select(s).where(s.gold_id.in_(chunk)).order_by(s.gold_id, s.position)):
                span = Span(row.start_offset, row.end_offset, row.label, pieces(row.fragments))
                found[row.gold_id].append(GoldSpan(span, tuple(row.sources), row.decided_by, row.decided_at))
        return {gold_id: tuple(spans) for gold_id, spans in found.items()}

    def revisions(self, gold_ids: Collection[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for chunk in _chunks(sorted(gold_ids)):
            rows = self._session.execute(select(t.Gold.id, t.Gold.revision).where(t.Gold.id.in_(chunk)))
            found |= {row[0]: row[1] for row in rows}
        return found

    def events(self, gold_id: int) -> list[GoldEvent]:
        """All of them, oldest first."""
        rows = self._session.scalars(
            select(t.GoldEvent).where(t.GoldEvent.gold_id == gold_id).order_by(t.GoldEvent.revision)
        )
        return [
            GoldEvent(
                row.gold_id,
                row.revision,
                row.user_id,
                row.at,
                GoldAction(row.action),
                row.place,
                _spans(row.before),
                _spans(row.after),
                tuple((a, r) for a, r in row.sources or ()),
            )
            for row in rows
        ]

    def append(
        self,
        gold: Gold,
        *,
        user_id: int | None,
        action: GoldAction,
        place: str = "",
        before: Sequence[Span] | None = None,
        after: Sequence[Span] | None = None,
        sources: Mapping[int, int] | None = None,
    ) -> None:
        """Store the next event of `gold`, as it was when it was locked.

        Raises:
            ChangedSince: somebody else has stored one meanwhile.
        """
        raised = self._session.execute(
            update(t.Gold)
            .where(t.Gold.id == gold.id, t.Gold.revision == gold.revision)
            .values(revision=gold.revision + 1)
            .returning(t.Gold.id)
        ).first()
        if raised is None:
            raise ChangedSince("Somebody else decided about this note meanwhile. Look again.")
        self._session.execute(
            insert(t.GoldEvent).values(
                gold_id=gold.id,
                revision=gold.revision + 1,
                user_id=user_id,
                at=now(),
                action=action.value,
                place=place,
                before=_dicts(before),
                after=_dicts(after),
                sources=[list(pair) for pair in sources.items()] if sources is not None else None,
            )
        )

    def settle(
        self,
        gold_id: int,
        *,
        origin: GoldOrigin,
        final: bool,
        user_id: int | None,
        spans: Sequence[GoldSpan] | None = None,
        sources: Mapping[int, int] | None = None,
    ) -> None:
        """Write what the decision is now; `spans` and `sources` that are not given stay."""
        at: datetime = now()
        state = "final" if final else "open"
        self._session.execute(
            update(t.Gold)
            .where(t.Gold.id == gold_id)
            .values(origin=origin.value, state=state, decided_by=user_id, decided_at=at)
        )
        if sources is not None:
            self._session.execute(delete(t.GoldSource).where(t.GoldSource.gold_id == gold_id))
            rows = [{"gold_id": gold_id, "annotation_id": a, "annotation_revision": r} for a, r in sources.items()]
            if rows:
                self._session.execute(insert(t.GoldSource), rows)
        if spans is not None:
            self._session.execute(delete(t.GoldSpan).where(t.GoldSpan.gold_id == gold_id))
            values = [_span_values(gold_id, position, span) for position, span in enumerate(spans)]
            if values:
                self._session.execute(insert(t.GoldSpan), values)

    def _gold(self, row: t.Gold) -> Gold:
        sources = self._session.execute(
            select(t.GoldSource.annotation_id, t.GoldSource.annotation_revision).where(t.GoldSource.gold_id == row.id)
        )
        return Gold(
            row.id,
            row.note_id,
            GoldOrigin(row.origin),
            row.state == "final",
            row.revision,
            self.spans([row.id])[row.id],
            {row[0]: row[1] for row in sources},
            row.decided_by,
            row.decided_at,
        )


def span_dict(span: Span) -> dict[str, Any]:
    """Offsets and label as they are kept beside decisions; fragments only where there are some."""
    value: dict[str, Any] = {"start": span.start, "end": span.end, "label": span.label}
    return value | ({"fragments": [list(piece) for piece in span.fragments]} if span.fragments else {})


def span_of_dict(value: Mapping[str, Any]) -> Span:
    return Span(value["start"], value["end"], value["label"], pieces(value.get("fragments")))


def _dicts(spans: Sequence[Span] | None) -> list[dict[str, Any]] | None:
    return None if spans is None else [span_dict(span) for span in spans]


def _spans(value: list[dict[str, Any]] | None) -> tuple[Span, ...] | None:
    return None if value is None else tuple(span_of_dict(one) for one in value)


def _span_values(gold_id: int, position: int, value: GoldSpan) -> dict[str, Any]:
    span = value.span
    return {
        "gold_id": gold_id,
        "position": position,
        "start_offset": span.start,
        "end_offset": span.end,
        "label": span.label,
        "fragments": [list(piece) for piece in span.fragments] or None,
        "sources": list(value.sources),
        "decided_by": value.decided_by,
        "decided_at": value.decided_at,
    }


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[first : first + CHUNK] for first in range(0, len(ids), CHUNK))
