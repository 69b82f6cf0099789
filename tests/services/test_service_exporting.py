from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.makers import (
    ASPIRIN,
    CHEST_PAIN,
    FEVER,
    TEXT,
    change,
    create,
    delete,
    import_gold,
    make_project,
    make_user,
)

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import EditAction, Origin, SpanState
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import Span
from mednerapp.errors import NotFound, PermissionDenied
from mednerapp.formats.jsonl import ReadReport, read
from mednerapp.formats.table import format_named
from mednerapp.services import annotating, exporting, merging
from mednerapp.services.merging import Merged
from mednerapp.store import Store


@pytest.fixture
def user(store: Store) -> User:
    return make_user(store, Role.LEAD)


@pytest.fixture
def project(store: Store, user: User) -> Project:
    """Two submitted notes, one with a span that was rejected, and one note that is not submitted."""
    made = make_project(store)
    first, _, third = import_gold(
        store,
        user,
        made,
        [(TEXT, [FEVER, ASPIRIN]), ("No entity.\u2028Really.", []), ("Not submitted.", [])],
    )
    annotation = annotating.open_note(store, user=user, note_id=first).annotation
    annotating.reopen(store, user=user, annotation_id=annotation.id)
    saved = annotating.save_edits(
        store,
        user=user,
        annotation_id=annotation.id,
        client="tab",
        base_revision=2,
        edits=[
            change(1, EditAction.REJECT, "i0", FEVER, SpanState.REJECTED),
            create(2, "x", CHEST_PAIN),
            create(3, "y", FEVER),
            delete(4, "y"),
        ],
    )
    annotating.submit(store, user=user, annotation_id=annotation.id, revision=saved.revision)
    annotation = annotating.open_note(store, user=user, note_id=third).annotation
    annotating.reopen(store, user=user, annotation_id=annotation.id)
    return made


def exported(store: Store, user: User, project: Project, *, only_confirmed: bool = True) -> list[str]:
    return list(exporting.export_jsonl(store, user=user, project_id=project.id, only_confirmed=only_confirmed))


def test_what_was_exported_is_read_again_with_the_same_spans(
    store: Store, user: User, project: Project, tmp_path: Path
) -> None:
    for only_confirmed in (True, False):  # a reader leaves out what a person rejected, either way
        path, report = tmp_path / f"{only_confirmed}.jsonl", ReadReport()
        lines = exported(store, user, project, only_confirmed=only_confirmed)
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
        notes = list(read(path, label_map=None, labels=project.schema.names, report=report))
        assert [(n.note.text, n.spans) for n in notes] == [
            (TEXT, (ASPIRIN, CHEST_PAIN)),
            ("No entity.\u2028Really.", ()),
        ]
        assert report == ReadReport()


def test_each_span_says_where_it_came_from_and_what_a_person_said(store: Store, user: User, project: Project) -> None:
    first = json.loads(exported(store, user, project, only_confirmed=False)[0])
    assert [(s["label"], s["state"], s["origin"]) for s in first["spans"]] == [
        ("Symptom", "rejected", "person"),
        ("Drug", "confirmed", "person"),
        ("Symptom", "confirmed", "person"),
    ]
    assert (first["text"], first["state"]) == (TEXT, "submitted")
    usual = json.loads(exported(store, user, project)[0])
    named = [{name: value for name, value in span.items() if name != "id"} for span in first["spans"]]
    assert usual["spans"] == named[1:]  # what a person rejected stays here unless it is asked for


def test_an_export_is_in_the_audit_log_before_its_first_line_is_read(
    store: Store, user: User, project: Project
) -> None:
    exporting.export_jsonl(store, user=user, project_id=project.id)
    with store.read() as tx:
        event, email = tx.audit.recent(1)[0]
    assert (event.action, event.target, event.detail, email) == (
        "notes exported",
        f"project:{project.id}",
        {"notes": 2, "spans": 2, "format": "jsonl", "only_confirmed": True},
        user.email,
    )


def test_who_may_not_export_is_refused_by_the_call_itself(store: Store, project: Project) -> None:
    """And not by the first line, when a server has already answered that all is well."""
    with pytest.raises(PermissionDenied):
        exporting.export_jsonl(store, user=make_user(store, Role.ANNOTATOR), project_id=project.id)


def test_pieces_assertion_comment_and_doubt_are_exported_and_the_pieces_read_again(
    store: Store, user: User, tmp_path: Path
) -> None:
    project = make_project(store, "Ward 4")
    pieces = Span(0, 50, "Symptom", ((0, 5), (40, 50)))
    (note_id,) = import_gold(store, user, project, [(TEXT, [pieces, ASPIRIN])])
    annotation = annotating.open_note(store, user=user, note_id=note_id).annotation
    assert [span.span for span in annotation.spans] == [pieces, ASPIRIN]
    annotating.reopen(store, user=user, annotation_id=annotation.id)
    said = {"assertion": Assertion.ABSENT, "assertion_by": Origin.PERSON, "comment": "sure?", "unsure": True}
    made = replace(create(1, "a", CHEST_PAIN), **said)
    saved = annotating.save_edits(
        store, user=user, annotation_id=annotation.id, client="tab", base_revision=2, edits=[made]
    )
    annotating.submit(store, user=user, annotation_id=annotation.id, revision=saved.revision)
    (line,) = exported(store, user, project)
    first, plain, full = json.loads(line)["spans"]
    assert first["fragments"] == [[0, 5], [40, 50]]
    assert set(plain) == {"start", "end", "label", "state", "origin", "score"}
    told = {"assertion": "absent", "assertion_by": "person", "comment": "sure?", "unsure": True}
    assert full == {**full, **told}
    path, report = tmp_path / "out.jsonl", ReadReport()
    path.write_text(line, encoding="utf-8", newline="\n")
    (again,) = read(path, label_map=None, labels=project.schema.names, report=report)
    assert (again.spans, report.discontinuous) == ((pieces, ASPIRIN, CHEST_PAIN), 1)


def test_everything_comes_with_the_history_that_led_to_it(store: Store, user: User, project: Project) -> None:
    first = json.loads(exported(store, user, project, only_confirmed=False)[0])
    assert [e["action"] for e in first["history"]] == ["create", "create", "reject", "create", "create", "delete"]
    assert {e["who"] for e in first["history"]} == {"lead"}
    assert "adapter_id" not in json.dumps(first)
    assert "history" not in json.loads(exported(store, user, project)[0])


@pytest.mark.parametrize("key", [row.key for row in exporting.formats()])
def test_every_format_goes_out_and_comes_back_into_another_project(
    store: Store, user: User, project: Project, key: str, tmp_path: Path
) -> None:
    made = exporting.export(store, user=user, project_id=project.id, format_key=key)
    path = tmp_path / made.name
    path.write_bytes(b"".join(made.content))
    other = make_project(store, "Ward 5")
    documents = format_named(key).read(path)
    report = merging.import_documents(store, user=user, project_id=other.id, documents=documents, annotated=True)
    assert dict(report.outcomes) == {Merged.IMPORTED: 2}
    assert report.spans == 2
    with store.read() as tx:
        there, here = tx.annotations.submitted(other.id), tx.annotations.submitted(project.id)
    assert [a.confirmed() for a in there] == [a.confirmed() for a in here]


def test_an_export_says_first_what_the_format_cannot_hold(store: Store, user: User, project: Project) -> None:
    report = exporting.losses(store, user=user, project_id=project.id, format_key="conll-bio", only_confirmed=False)
    assert report.lost["suggested and rejected spans"] == 1
    assert report.lost["titles of notes"] == 2
    with pytest.raises(NotFound, match=r"There is no format 'xls'. There are: jsonl, brat"):
        exporting.export(store, user=user, project_id=project.id, format_key="xls")
