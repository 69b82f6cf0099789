"""Several people and tabs at the same moment, on both databases."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from support.makers import (
    CHEST_PAIN,
    FEVER,
    TEXT,
    add_note,
    create,
    import_gold,
    make_adapter,
    make_dataset,
    make_project,
    make_user,
    predict,
    promote,
    text_on,
)

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.annotations import replay
from mednerapp.domain.datasets import Split
from mednerapp.domain.jobs import JobKind, JobState
from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.notes import NewNote
from mednerapp.domain.projects import Project
from mednerapp.domain.spans import ScoredSpan
from mednerapp.errors import InvalidValue, RevisionConflict
from mednerapp.services import (
    accounts,
    annotating,
    evaluating,
    exporting,
    freezing,
    importing,
    predicting,
    projects,
    promoting,
)
from mednerapp.services.annotating import OpenNote, Saved
from mednerapp.services.importing import ImportResult, Outcome, look_at_text
from mednerapp.store import Store
from mednerapp.store.annotations import Annotations
from mednerapp.store.gold import Golds


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each of the works returned or raised, begun together in threads of their own."""
    together = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        together.wait()
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def check_chain(store: Store, annotation_id: int) -> None:
    with store.read() as tx:
        events, stored = tx.annotations.events(annotation_id), tx.annotations.get(annotation_id)
    assert replay(events) == {s.id: s for s in stored.spans}
    assert len(events) == stored.revision


@pytest.mark.parametrize("tabs", [2, 4])
def test_of_tabs_that_save_at_once_one_wins_and_the_others_hear_of_it(store: Store, tabs: int) -> None:
    user, note_id = make_user(store), add_note(store, make_project(store))
    annotation_id = annotating.open_note(store, user=user, note_id=note_id).annotation.id
    for base in range(3):

        def save(tab: int, base: int = base) -> Saved:
            return annotating.save_edits(
                store,
                user=user,
                annotation_id=annotation_id,
                client=f"tab-{tab}",
                base_revision=base,
                edits=[create(base + 1, f"s{tab}.{base}", FEVER)],
            )

        results = at_once(*(lambda tab=tab: save(tab) for tab in range(tabs)))
        assert [r for r in results if isinstance(r, Saved)] == [Saved(base + 1, base + 1)]
        assert sum(isinstance(r, RevisionConflict) for r in results) == tabs - 1
    check_chain(store, annotation_id)


def test_labels_that_are_added_at_once_are_all_there(store: Store) -> None:
    user, project = make_user(store), make_project(store)

    def add(name: str) -> object:
        return projects.add_labels(store, user=user, project_id=project.id, rows=[(name, "", "")])

    names = [f"Label {number}" for number in range(4)]
    at_once(*(lambda name=name: add(name) for name in names))
    refused = at_once(*(lambda: add("The same") for _ in range(3)))
    assert sum(isinstance(one, InvalidValue) for one in refused) == 2
    with store.read() as tx:
        schema = tx.projects.get(project.id).schema
    assert schema.names[: len(MEDICAL_SCHEMA.labels)] == MEDICAL_SCHEMA.names
    assert sorted(schema.names[len(MEDICAL_SCHEMA.labels) :]) == [*names, "The same"]
    assert schema.version == 1 + 5


def test_one_tab_whose_request_is_sent_twice_at_once_is_stored_once(store: Store) -> None:
    user, note_id = make_user(store), add_note(store, make_project(store))
    annotation_id = annotating.open_note(store, user=user, note_id=note_id).annotation.id
    edits = [create(1, "a", FEVER), create(2, "b", FEVER)]

    def save() -> Saved:
        return annotating.save_edits(
            store, user=user, annotation_id=annotation_id, client="tab", base_revision=0, edits=edits
        )

    assert at_once(save, save, save) == [Saved(2, 2)] * 3
    check_chain(store, annotation_id)


def test_a_note_that_is_opened_in_two_tabs_at_once_is_one_annotation_with_the_suggestions_once(store: Store) -> None:
    user, project, adapter = make_user(store), make_project(store), make_adapter(store)
    promote(store, project, adapter)
    for i in range(5):
        note_id = add_note(store, project, f"{TEXT} {i}")
        predict(store, note_id, adapter, [(FEVER, 0.5)])

        def open_note(note_id: int = note_id) -> OpenNote:
            return annotating.open_note(store, user=user, note_id=note_id)

        found: Sequence[OpenNote] = at_once(open_note, open_note, open_note)
        assert {o.annotation.id for o in found} == {found[0].annotation.id}
        assert all([s.span for s in o.annotation.spans] == [FEVER] for o in found)
        check_chain(store, found[0].annotation.id)


def test_submitting_and_saving_at_once_never_leaves_an_edit_in_a_submitted_note(store: Store) -> None:
    user, project = make_user(store), make_project(store)
    for i in range(5):
        note_id = add_note(store, project, f"{TEXT} {i}")
        annotation_id = annotating.open_note(store, user=user, note_id=note_id).annotation.id

        def save(annotation_id: int = annotation_id) -> Saved:
            return annotating.save_edits(
                store,
                user=user,
                annotation_id=annotation_id,
                client="tab",
                base_revision=0,
                edits=[create(1, "a", FEVER)],
            )

        def submit(annotation_id: int = annotation_id) -> object:
            return annotating.submit(store, user=user, annotation_id=annotation_id, revision=0)

        saved, submitted = at_once(save, submit)
        assert isinstance(saved, Saved) != isinstance(submitted, annotating.Annotation)
        check_chain(store, annotation_id)


def test_the_same_note_that_two_people_upload_at_once_is_imported_once(store: Store) -> None:
    user, project = make_user(store), make_project(store)

    def upload() -> list[ImportResult]:
        uploads = [look_at_text(text=f"{TEXT} {i}", title="") for i in range(5)]
        return importing.import_uploads(store, user=user, project_id=project.id, uploads=uploads)

    results = at_once(upload, upload)
    for pair in zip(*results, strict=True):
        assert {r.outcome for r in pair} == {Outcome.IMPORTED, Outcome.DUPLICATE}
        assert len({r.note_id for r in pair}) == 1


def test_of_two_who_use_a_name_at_once_one_is_told_that_it_is_taken(store: Store) -> None:
    admin = make_user(store, Role.ADMIN)

    def create_project(name: str) -> Callable[[], Project]:
        return lambda: projects.create(store, by=admin, name=name)

    def create_user(email: str) -> Callable[[], User]:
        return lambda: accounts.create_user(
            store, by=admin, email=email, name="A", role=Role.ANNOTATOR, password="a long enough password"
        )

    for i in range(3):
        for work, kind in ((create_project(f"Ward {i}"), Project), (create_user(f"p{i}@example.org"), User)):
            results = at_once(work, work)
            assert [isinstance(r, kind) for r in results].count(True) == 1, results
            assert [isinstance(r, InvalidValue) for r in results].count(True) == 1, results


def test_two_who_freeze_the_same_gold_at_once_get_the_same_dataset(store: Store) -> None:
    user, project = make_user(store), make_project(store)
    import_gold(store, user, project, [(text_on(split), [FEVER]) for split in Split])
    results = at_once(*(lambda: freezing.freeze(store, user=user, project_id=project.id) for _ in range(3)))
    assert len({dataset.id for dataset in results}) == 1


@pytest.mark.parametrize("use", ["freeze", "export"])
def test_gold_that_is_reopened_while_it_is_read_is_taken_as_it_was_submitted(
    store: Store, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    user, project = make_user(store), make_project(store)
    import_gold(store, user, project, [(text_on(split), [FEVER]) for split in (Split.TRAIN, Split.TEST)])
    with store.read() as tx:
        first = tx.annotations.submitted(project.id)[0]
    reader, name = (Golds, "confirmed") if use == "freeze" else (Annotations, "_annotation")
    read_spans = getattr(reader, name)

    def reopen_first(*given: Any) -> Any:
        """The annotations are listed, their spans not yet read."""
        monkeypatch.setattr(reader, name, read_spans)
        annotating.reopen(store, user=user, annotation_id=first.id)
        annotating.save_edits(
            store,
            user=user,
            annotation_id=first.id,
            client="tab",
            base_revision=first.revision,
            edits=[create(1, "unfinished", CHEST_PAIN)],
        )
        return read_spans(*given)

    monkeypatch.setattr(reader, name, reopen_first)
    if use == "freeze":
        dataset = freezing.freeze(store, user=user, project_id=project.id)
        assert dataset.spans == 2
    else:
        lines = list(exporting.export_jsonl(store, user=user, project_id=project.id))
        assert [len(json.loads(line)["spans"]) for line in lines] == [1, 1]
    with store.read() as tx:
        assert len(tx.annotations.get(first.id).spans) == 2  # the other was there in time


def test_two_administrators_cannot_remove_each_other_at_once(store: Store) -> None:
    admins = [make_user(store, Role.ADMIN, name) for name in ("a", "b")]

    def demote(by: int, whom: int) -> None:
        accounts.change_user(store, by=admins[by], user_id=admins[whom].id, role=Role.ANNOTATOR)

    at_once(lambda: demote(0, 1), lambda: demote(1, 0))
    with store.read() as tx:
        assert [u.role for u in tx.users.all()].count(Role.ADMIN) >= 1


def test_two_workers_that_predict_the_same_notes_do_not_disturb_each_other(store: Store) -> None:
    project, adapter = make_project(store), make_adapter(store)
    notes = [add_note(store, project, f"{TEXT} {i}") for i in range(20)]

    def work() -> int:
        return predicting.predict_missing(
            store,
            project_id=project.id,
            adapter_id=adapter.id,
            predictor=lambda texts: [[ScoredSpan(FEVER, 0.5)] for _ in texts],
            on_progress=lambda *_: None,
            fence=lambda _: None,
        )

    results = at_once(work, work, work)
    assert all(isinstance(r, int) for r in results), results
    with store.read() as tx:
        for note_id in notes:
            assert tx.predictions.get(note_id=note_id, adapter_id=adapter.id) == [ScoredSpan(FEVER, 0.5)]


def test_two_workers_that_score_the_same_adapter_do_not_disturb_each_other(store: Store) -> None:
    user, project, adapter = make_user(store), make_project(store), make_adapter(store)
    dataset = make_dataset(store, user, project)

    def work() -> None:
        evaluating.evaluate(
            store,
            adapter_id=adapter.id,
            dataset_id=dataset.id,
            split=Split.TEST,
            predictor=lambda texts: [[] for _ in texts],
            seen=frozenset(),
            on_progress=lambda *_: None,
            fence=lambda _: None,
        )

    for _ in range(5):
        assert at_once(work, work, work) == [None] * 3
    with store.read() as tx:
        (evaluation,) = tx.evaluations.of_dataset(dataset.id, Split.TEST)
    assert len({(c.note_id, c.label) for c in evaluation.counts}) == len(evaluation.counts)


@contextmanager
def meanwhile(work: Callable[[], Any]) -> Generator[Future[Any]]:
    """The block's transaction is left open until the other has done its work or waits for us."""
    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(work)
        wait([doing], timeout=0.5)
        yield doing


def start_the_last_job(store: Store, project_id: int) -> list[int]:
    """What the worker then finds to be highlighted."""
    with store.write() as tx:
        job = tx.jobs.open([JobKind.PREDICT])[-1]
        assert tx.jobs.claim(job.id, worker="w", attempt=1)
    with store.read() as tx:
        return tx.notes.without_prediction(project_id=project_id, adapter_id=int(job.args["adapter_id"]))


def test_a_job_that_starts_while_a_note_is_imported_highlights_that_note(store: Store) -> None:
    project, adapter = make_project(store), make_adapter(store)
    promote(store, project, adapter)
    with store.write() as tx:
        predicting.queue_predictions(tx, project_id=project.id, user_id=None)
    with ExitStack() as after, store.write() as tx:
        note_id = tx.notes.add(project_id=project.id, note=NewNote(TEXT, ""), user_id=None)
        predicting.queue_predictions(tx, project_id=project.id, user_id=None)
        starting = after.enter_context(meanwhile(lambda: start_the_last_job(store, project.id)))
    assert starting.result() == [note_id]


def test_a_note_that_is_imported_while_a_job_starts_gets_a_job_of_its_own(store: Store) -> None:
    user, project, adapter = make_user(store), make_project(store), make_adapter(store)
    promote(store, project, adapter)
    with store.write() as tx:
        predicting.queue_predictions(tx, project_id=project.id, user_id=None)
    uploads = [look_at_text(text=TEXT, title="")]
    with ExitStack() as after, store.write() as tx:
        (job,) = tx.jobs.open([JobKind.PREDICT])
        assert tx.jobs.claim(job.id, worker="w", attempt=1)
        after.enter_context(
            meanwhile(lambda: importing.import_uploads(store, user=user, project_id=project.id, uploads=uploads))
        )
    with store.read() as tx:
        assert [job.state for job in tx.jobs.open([JobKind.PREDICT])] == [JobState.RUNNING, JobState.QUEUED]


def test_a_promotion_during_an_import_highlights_the_note_by_the_promoted_model(store: Store) -> None:
    user, project, old, new = make_user(store), make_project(store), make_adapter(store), make_adapter(store, "New")
    promote(store, project, old)

    def promote_and_start() -> list[int]:
        promoting.promote(store, user=user, project_id=project.id, adapter_id=new.id)
        return start_the_last_job(store, project.id)

    with ExitStack() as after, store.write() as tx:
        note_id = tx.notes.add(project_id=project.id, note=NewNote(TEXT, ""), user_id=None)
        predicting.queue_predictions(tx, project_id=project.id, user_id=None)
        starting = after.enter_context(meanwhile(promote_and_start))
    assert starting.result() == [note_id]
