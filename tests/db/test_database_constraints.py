"""The rules that carry the weight hold for whoever writes to the database, not only for our own code."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from db import tables as t
from db.engine import Database
from mednerapp.domain.clock import now

HASH = "0" * 64


@pytest.fixture
def rows(database: Database) -> dict[str, int]:
    """One valid row of everything that the tests below point at; the ids."""
    with database.write() as session:

        def add(row: Any) -> Any:
            session.add(row)
            session.flush()
            return row

        user = add(t.User(email="a@b.c", name="a", password_hash="", role="lead", disabled=False, created_at=now()))
        project = add(t.Project(name="p", guideline="", created_at=now()))
        schema = add(t.LabelSchema(project_id=project.id, version=1))
        add(t.Label(schema_id=schema.id, name="Drug", position=0, color="", key="1", description=""))
        note = add(t.Note(**note_values(project.id)))
        annotation = add(t.Annotation(**annotation_values(note.id, user.id)))
        add(t.AnnotationEvent(**event_values(annotation.id)))
        add(t.AnnotationSpan(**span_values(annotation.id)))
        dataset = add(
            t.Dataset(project_id=project.id, name="d", schema_id=schema.id, content_hash=HASH, created_at=now())
        )
        frozen = {"dataset_id": dataset.id, "note_id": note.id}
        add(t.DatasetNote(split="train", annotation_id=annotation.id, annotation_revision=1, **frozen))
        add(t.DatasetSpan(position=0, start_offset=0, end_offset=5, label="Drug", **frozen))
        add(t.AuditEvent(at=now(), user_id=user.id, action="a", target="b", detail={}))
        encoder = add(t.Encoder(name="e", source="", revision="", folder="", weights_hash=HASH))
        job = add(t.Job(**job_values()))
        return {
            "user": user.id,
            "project": project.id,
            "schema": schema.id,
            "note": note.id,
            "annotation": annotation.id,
            "encoder": encoder.id,
            "job": job.id,
        }


def note_values(project_id: int, **changed: Any) -> dict[str, Any]:
    values = {
        "project_id": project_id,
        "text": "fever",
        "title": "",
        "source": "",
        "patient_key": None,
        "note_type": "",
        "content_hash": HASH,
        "split": "train",
        "created_at": now(),
    }
    return values | changed


def annotation_values(note_id: int, user_id: int, **changed: Any) -> dict[str, Any]:
    values = {
        "note_id": note_id,
        "user_id": user_id,
        "state": "in_progress",
        "revision": 1,
        "created_at": now(),
        "updated_at": now(),
        "submitted_at": None,
    }
    return values | changed


def event_values(annotation_id: int, **changed: Any) -> dict[str, Any]:
    values = {
        "annotation_id": annotation_id,
        "revision": 1,
        "client": "c",
        "client_seq": 1,
        "user_id": None,
        "at": now(),
        "action": "create",
        "span_id": "s",
        "before": None,
        "after": {},
        "previous_hash": "",
        "hash": HASH,
    }
    return values | changed


def span_values(annotation_id: int, **changed: Any) -> dict[str, Any]:
    values = {
        "annotation_id": annotation_id,
        "id": "s",
        "start_offset": 0,
        "end_offset": 5,
        "label": "Symptom",
        "state": "confirmed",
        "origin": "person",
        "score": None,
        "adapter_id": None,
    }
    return values | changed


def job_values(**changed: Any) -> dict[str, Any]:
    values = {
        "kind": "predict",
        "args": {},
        "state": "queued",
        "priority": 1,
        "done": 0,
        "total": 0,
        "unit": "",
        "message": "",
        "worker": "",
        "attempt": 0,
        "cancel_requested": False,
        "created_at": now(),
    }
    return values | changed


SPANS = [
    pytest.param({"start_offset": 5, "end_offset": 5}, "not_empty", id="empty span"),
    pytest.param({"start_offset": 5, "end_offset": 4}, "not_empty", id="span that ends before it starts"),
    pytest.param({"start_offset": -1}, "not_empty", id="span before the text"),
    pytest.param({"score": 1.5}, "score_range", id="score above one"),
    pytest.param({"state": "maybe"}, "state_known", id="unknown span state"),
    pytest.param({"origin": "oracle"}, "origin_known", id="unknown origin"),
]


@pytest.mark.parametrize(("changed", "constraint"), SPANS)
def test_a_span_that_cannot_be_is_refused(
    database: Database, rows: dict[str, int], changed: dict[str, Any], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint), database.write() as session:
        session.execute(sa.insert(t.AnnotationSpan).values(**span_values(rows["annotation"], id="x", **changed)))


NOTES = [
    pytest.param({"split": "eval"}, "split_known", id="unknown split"),
    pytest.param({"text": ""}, "text_not_empty", id="note without text"),
    pytest.param({"content_hash": HASH}, "content_hash", id="same text twice in a project"),
]


@pytest.mark.parametrize(("changed", "constraint"), NOTES)
def test_a_note_that_cannot_be_is_refused(
    database: Database, rows: dict[str, int], changed: dict[str, Any], constraint: str
) -> None:
    values = note_values(rows["project"], **({"content_hash": "1" * 64} | changed))
    with pytest.raises(IntegrityError, match=constraint), database.write() as session:
        session.execute(sa.insert(t.Note).values(**values))


ANNOTATIONS = [
    pytest.param({"state": "submitted"}, "submitted_has_time", id="submitted at no time"),
    pytest.param({"submitted_at": now()}, "submitted_has_time", id="in progress with a time of submission"),
    pytest.param({"state": "done"}, "state_known", id="unknown state"),
    pytest.param({"revision": -1}, "revision_not_negative", id="negative revision"),
]


@pytest.mark.parametrize(("changed", "constraint"), ANNOTATIONS)
def test_an_annotation_that_cannot_be_is_refused(
    database: Database, rows: dict[str, int], changed: dict[str, Any], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint), database.write() as session:
        session.execute(sa.update(t.Annotation).values(**changed))


def test_a_person_has_one_annotation_of_a_note(database: Database, rows: dict[str, int]) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(sa.insert(t.Annotation).values(**annotation_values(rows["note"], rows["user"])))


OTHERS = [
    pytest.param(t.User, {"role": "root"}, "role_known", id="unknown role"),
    pytest.param(t.User, {"email": "A@b.c"}, "email_lower", id="e-mail with capitals, which could be taken twice"),
    pytest.param(t.Job, {"kind": "mine_coins"}, "kind_known", id="unknown kind of job"),
    pytest.param(t.Job, {"state": "stuck"}, "state_known", id="unknown state of a job"),
    pytest.param(t.LabelSchema, {"version": 0}, "version_positive", id="schema version zero"),
]


@pytest.mark.parametrize(("table", "changed", "constraint"), OTHERS)
def test_a_value_that_no_code_knows_is_refused(
    database: Database, rows: dict[str, int], table: Any, changed: dict[str, Any], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint), database.write() as session:
        session.execute(sa.update(table).values(**changed))


IMMUTABLE = [
    (t.AnnotationEvent, {"action": "something else"}),
    (t.AuditEvent, {"action": "something else"}),
    (t.Note, {"text": "no fever"}),
    (t.Note, {"content_hash": "1" * 64}),
    (t.Note, {"split": "test"}),
    (t.Dataset, {"name": "another"}),
    (t.Dataset, {"content_hash": "1" * 64}),
    (t.DatasetNote, {"split": "test"}),
    (t.DatasetSpan, {"label": "Symptom"}),
]


@pytest.mark.parametrize(("table", "changed"), IMMUTABLE)
def test_what_was_logged_imported_or_frozen_cannot_be_changed(
    database: Database, rows: dict[str, int], table: Any, changed: dict[str, Any]
) -> None:
    with pytest.raises(DBAPIError, match="immutable"), database.write() as session:
        session.execute(sa.update(table).values(**changed))


def test_what_a_note_is_called_can_be_changed(database: Database, rows: dict[str, int]) -> None:
    with database.write() as session:
        session.execute(sa.update(t.Note).values(title="Letter"))


def test_a_purge_can_still_remove_what_was_frozen_and_logged(database: Database, rows: dict[str, int]) -> None:
    with database.write() as session:
        session.execute(sa.delete(t.Dataset))
        session.execute(sa.delete(t.Note))
        assert session.scalar(sa.select(sa.func.count()).select_from(t.DatasetSpan)) == 0
        assert session.scalar(sa.select(sa.func.count()).select_from(t.AnnotationEvent)) == 0


def test_a_row_cannot_point_at_nothing(database: Database, rows: dict[str, int]) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(sa.insert(t.Annotation).values(**annotation_values(999, rows["user"])))


def test_the_same_edit_of_a_client_cannot_be_stored_twice(database: Database, rows: dict[str, int]) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(sa.insert(t.AnnotationEvent).values(**event_values(rows["annotation"], revision=2)))
