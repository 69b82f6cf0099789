"""A large database for measuring, filled by the database itself: INSERT ... SELECT over a table of numbers.

Every note has the same forty spans, of which a run finds a share that depends on the run; nothing is random, so the
same sizes give the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from db import tables as t

SPANS = 40  # in a note, eight of each label
WIDTH, MENTION = 20, 8  # characters from one span to the next, and of a mention
GOLD_EVERY = 25  # one note in so many is in the dataset
EPOCHS = 10
LABELS = ("Disease", "Symptom", "Drug", "Procedure", "Test")
TYPES = ("letter", "discharge summary", "progress note")
OLD, NEW = datetime(2026, 1, 5, 8, tzinfo=UTC), datetime(2026, 4, 5, 8, tzinfo=UTC)
_NUMBER = sa.table("number_list", sa.column("i", sa.Integer))


@dataclass(frozen=True, slots=True)
class Sizes:
    notes: int
    runs: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose the rows are; all of it is there already. hyper: a run's settings."""

    project_id: int
    schema_id: int
    user_id: int
    encoder_id: int
    hyper: dict[str, Any]


def fill(session: Session, sizes: Sizes, owner: Owner, *, basis: Callable[[list[int]], str]) -> int:
    """Notes, submitted annotations, a dataset, runs with their adapters and evaluations; the id of the dataset.

    basis: a hash of the ids of the test notes, as evaluations have it.
    """
    session.execute(sa.text("CREATE TEMPORARY TABLE number_list (i INTEGER PRIMARY KEY)"))
    most = max(sizes.notes, sizes.runs, SPANS)
    session.execute(sa.insert(_NUMBER), [{"i": i} for i in range(most)])
    _notes(session, sizes, owner)
    dataset_id = _dataset(session, owner)
    _runs(session, sizes, owner, dataset_id)
    test = sa.select(t.DatasetNote.note_id).where(t.DatasetNote.dataset_id == dataset_id, t.DatasetNote.split == "test")
    _evaluations(session, dataset_id, basis(list(session.scalars(test))))
    session.execute(sa.text("DROP TABLE number_list"))
    return dataset_id


def analyse(session: Session) -> None:
    """So that the planner knows the sizes, as it would after a while."""
    session.execute(sa.text("ANALYZE"))


def rows(session: Session) -> dict[str, int]:
    """How many there are, by what a person would call them."""
    counted = {
        "notes": t.Note,
        "spans": t.AnnotationSpan,
        "runs": t.Run,
        "evaluations": t.Evaluation,
        "scored spans": t.EvaluationSpan,
    }
    return {name: session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for name, table in counted.items()}


def _insert(session: Session, table: Any, query: sa.Select[*tuple[Any, ...]]) -> None:
    session.execute(sa.insert(table).from_select([column.name for column in query.selected_columns], query))


def _pick(number: sa.ColumnElement[int], values: tuple[str, ...]) -> sa.ColumnElement[str]:
    whens = [(number % len(values) == i, sa.literal_column(f"'{value}'")) for i, value in enumerate(values)]
    return sa.case(*whens, else_=sa.literal_column(f"'{values[0]}'"))


def _text_of(number: sa.ColumnElement[int]) -> sa.ColumnElement[str]:
    return sa.cast(number, sa.String(20))


def _notes(session: Session, sizes: Sizes, owner: Owner) -> None:
    i = _NUMBER.c.i
    body = "".join(f"word {n:03d} finding{n % 10}. " for n in range(SPANS))
    side = (
        i / GOLD_EVERY % 20 if session.get_bind().dialect.name == "postgresql" else sa.func.floor(i / GOLD_EVERY) % 20
    )
    split = sa.case((side < 14, sa.literal_column("'train'")), (side < 17, sa.literal_column("'dev'")),
                    else_=sa.literal_column("'test'"))  # fmt: skip
    at = sa.case((i % 2 == 0, sa.literal(OLD, t.UtcDateTime())), else_=sa.literal(NEW, t.UtcDateTime()))
    _insert(
        session,
        t.Note,
        sa.select(
            sa.literal(owner.project_id).label("project_id"),
            (sa.literal(body) + _text_of(i)).label("text"),
            (sa.literal("Note ") + _text_of(i)).label("title"),
            sa.literal("").label("source"),
            _pick(i, TYPES).label("note_type"),
            (sa.literal("big-") + _text_of(i)).label("content_hash"),
            split.label("split"),
            at.label("created_at"),
        ).where(i < sizes.notes),
    )
    own = t.Note.project_id == owner.project_id
    moment = sa.literal(OLD, t.UtcDateTime())
    _insert(
        session,
        t.Annotation,
        sa.select(
            t.Note.id.label("note_id"),
            sa.literal(owner.user_id).label("user_id"),
            sa.literal("submitted").label("state"),
            sa.literal(1).label("revision"),
            moment.label("created_at"),
            moment.label("updated_at"),
            moment.label("submitted_at"),
        ).where(own),
    )
    spans = sa.select(
        t.Annotation.id.label("annotation_id"),
        (sa.literal("s") + _text_of(i)).label("id"),
        (i * WIDTH).label("start_offset"),
        (i * WIDTH + MENTION).label("end_offset"),
        _pick(i, LABELS).label("label"),
        sa.literal("confirmed").label("state"),
        sa.literal("person").label("origin"),
    )
    _insert(
        session,
        t.AnnotationSpan,
        spans.select_from(t.Annotation)
        .join(t.Note, t.Note.id == t.Annotation.note_id)
        .join(_NUMBER, i < SPANS)
        .where(own),
    )


def _dataset(session: Session, owner: Owner) -> int:
    row = t.Dataset(
        project_id=owner.project_id,
        name="Big",
        schema_id=owner.schema_id,
        content_hash="0" * 64,
        created_by=owner.user_id,
        created_at=NEW,
    )
    session.add(row)
    session.flush()
    _insert(
        session,
        t.DatasetNote,
        sa.select(
            sa.literal(row.id).label("dataset_id"),
            t.Note.id.label("note_id"),
            t.Note.split.label("split"),
            t.Annotation.id.label("annotation_id"),
            t.Annotation.revision.label("annotation_revision"),
        )
        .join(t.Annotation, t.Annotation.note_id == t.Note.id)
        .where(t.Note.project_id == owner.project_id, t.Note.id % GOLD_EVERY == 0),
    )
    i = _NUMBER.c.i
    _insert(
        session,
        t.DatasetSpan,
        sa.select(
            t.DatasetNote.dataset_id.label("dataset_id"),
            t.DatasetNote.note_id.label("note_id"),
            i.label("position"),
            (i * WIDTH).label("start_offset"),
            (i * WIDTH + MENTION).label("end_offset"),
            _pick(i, LABELS).label("label"),
        )
        .join(_NUMBER, i < SPANS)
        .where(t.DatasetNote.dataset_id == row.id),
    )
    return row.id


def _runs(session: Session, sizes: Sizes, owner: Owner, dataset_id: int) -> None:
    common = {"created_by": owner.user_id, "created_at": NEW, "started_at": NEW, "finished_at": NEW}
    jobs = session.scalars(
        sa.insert(t.Job).returning(t.Job.id),
        [{"kind": "fine_tune", "args": {}, "state": "succeeded", "priority": 0, **common} for _ in range(sizes.runs)],
    ).all()
    runs = session.scalars(
        sa.insert(t.Run).returning(t.Run.id),
        [
            {
                "project_id": owner.project_id,
                "dataset_id": dataset_id,
                "encoder_id": owner.encoder_id,
                "job_id": job,
                "name": f"Big run {number}",
                "hyper": {**owner.hyper, "seed": number, "train_share": (1 + number % 5) / 5},
                "state": "succeeded",
                **common,
            }
            for number, job in enumerate(jobs)
        ],
    ).all()
    session.execute(
        sa.insert(t.RunEpoch),
        [
            {
                "run_id": run,
                "epoch": e,
                "train_loss": 1 / e,
                "dev_loss": 1.2 / e,
                "dev_f1": 0.5 + e / 30,
                "seconds": 1.0,
            }
            for run in runs
            for e in range(1, EPOCHS + 1)
        ],
    )
    adapters = session.scalars(
        sa.insert(t.Adapter).returning(t.Adapter.id),
        [
            {
                "name": f"Big run {number} (run {run})",
                "kind": "lora",
                "encoder_id": owner.encoder_id,
                "project_id": owner.project_id,
                "run_id": run,
                "folder": f"adapters/{run}",
                "weights_hash": "0" * 64,
                "labels": list(LABELS),
                "created_at": NEW,
            }
            for number, run in enumerate(runs)
        ],
    ).all()
    session.execute(
        sa.insert(t.Evaluation),
        [
            {"adapter_id": adapter, "dataset_id": dataset_id, "split": "test", "notes": 0, "excluded": 0,
             "created_at": NEW, "detailed": True, "seconds": 10.0, "characters": 10**6, "device": "cpu"}
            for adapter in adapters
        ],
    )  # fmt: skip


def _evaluations(session: Session, dataset_id: int, basis: str) -> None:
    """Of 100 gold spans a run finds 60 to 89, gives three wrong edges and two another label, and misses the rest."""
    e, d, i = t.Evaluation, t.DatasetNote, _NUMBER.c.i
    session.execute(sa.update(e).where(e.dataset_id == dataset_id).values(basis=basis))
    chance, right = (i * 37 + d.note_id * 101 + e.id * (i + 7)) % 100, 60 + e.id % 30
    found = chance < right + 5
    kind = sa.case(
        (chance < right, sa.literal_column("'right'")),
        (chance < right + 3, sa.literal_column("'boundary'")),
        (found, sa.literal_column("'type'")),
        else_=sa.literal_column("'missed'"),
    )
    edge = sa.case((sa.and_(chance >= right, chance < right + 3), 1), else_=0)
    label, other = _pick(i, LABELS), _pick(i + 1, LABELS)
    taken = sa.case((sa.and_(chance >= right + 3, found), other), (found, label))
    _insert(
        session,
        t.EvaluationSpan,
        sa.select(
            e.id.label("evaluation_id"),
            (d.note_id * SPANS + i).label("position"),
            d.note_id.label("note_id"),
            kind.label("kind"),
            (i * WIDTH).label("gold_start"),
            (i * WIDTH + MENTION).label("gold_end"),
            label.label("gold_label"),
            sa.case((found, i * WIDTH)).label("predicted_start"),
            sa.case((found, i * WIDTH + MENTION + edge)).label("predicted_end"),
            taken.label("predicted_label"),
            sa.case((found, 1.0 - (chance % 50) / 100.0)).label("score"),
            _pick(i / 4 if session.get_bind().dialect.name == "postgresql" else i, ("History", "Plan", "Results"))
            .label("section"),
            _pick(i, ("present", "absent", "present")).label("assertion"),
            (1 + i % 4).label("words"),
            (i % 3 == 0).label("seen"),
        )
        .select_from(e)
        .join(d, sa.and_(d.dataset_id == e.dataset_id, d.split == "test"))
        .join(_NUMBER, i < SPANS)
        .where(e.dataset_id == dataset_id),
    )  # fmt: skip
    s = t.EvaluationSpan
    own = sa.select(e.id).where(e.dataset_id == dataset_id)

    def times(*kinds: str) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((s.kind.in_(kinds), 1), else_=0))

    _insert(
        session,
        t.EvaluationCount,
        sa.select(
            s.evaluation_id.label("evaluation_id"),
            s.note_id.label("note_id"),
            s.gold_label.label("label"),
            times("right").label("tp"),
            times("boundary").label("fp"),
            times("boundary", "type", "missed").label("fn"),
        )
        .where(s.evaluation_id.in_(own))
        .group_by(s.evaluation_id, s.note_id, s.gold_label),
    )
