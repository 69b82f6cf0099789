"""Whatever a person does: what is stored, what the events lead to and what a simple model says are the same."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.makers import TEXT, add_note, make_adapter, make_project, make_user, predict, promote
from support.strategies import spans

from mednerapp.domain.annotations import Annotation, Edit, EditAction, Origin, SpanState, replay
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.errors import InvalidEdit
from mednerapp.services import annotating
from mednerapp.store import Store

IDS = ["m0", "m1", "a", "b", "c"]
SUGGESTED = [ScoredSpan(Span(0, 5, "Symptom"), 0.75), ScoredSpan(Span(28, 35, "Drug"), 0.5)]

steps = st.lists(
    st.tuples(
        st.sampled_from([a for a in EditAction if a is not EditAction.SUGGEST]),
        st.sampled_from(IDS),
        spans(length=len(TEXT) + 3),  # some end after the note
        st.sampled_from(SpanState),
    ),
    max_size=12,
)
# Each batch: its steps, and whether the network delivers it twice.
batches = st.lists(st.tuples(steps, st.booleans()), max_size=4)
numbers = count()


@pytest.fixture(scope="module")
def history_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One database for all examples; each example has a note of its own."""
    from db.engine import connect
    from db.migrate import upgrade

    url = f"sqlite:///{tmp_path_factory.mktemp('history') / 'medner.sqlite'}"
    upgrade(url)
    database = connect(url)
    store = Store(database)
    promote(store, make_project(store), make_adapter(store))
    make_user(store)
    yield store
    database.dispose()


class PlainModel:
    """Spans in a dictionary, and the provenance of each id for ever."""

    def __init__(self) -> None:
        self.spans: dict[str, tuple[Span, SpanState]] = {}
        self.edits = 0
        self.origin: dict[str, tuple[Origin, float | None]] = {}

    def apply(self, edit: Edit) -> bool:
        """Whether the edit can be made."""
        there = edit.span_id in self.spans
        creates = edit.action in (EditAction.CREATE, EditAction.RESTORE)
        if there == creates or (edit.span and edit.span.end > len(TEXT)):
            return False
        if edit.span is None or edit.state is None:
            del self.spans[edit.span_id]
        else:
            self.spans[edit.span_id] = (edit.span, edit.state)
            self.origin.setdefault(edit.span_id, (Origin.PERSON, None))
        self.edits += 1
        return True


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches)
def test_stored_spans_replayed_events_and_a_plain_model_agree(
    history_store: Store, given_batches: list[tuple[list[tuple[EditAction, str, Span, SpanState]], bool]]
) -> None:
    store = history_store
    with store.read() as tx:
        (project,), (user,) = tx.projects.all(), tx.users.all()
        (adapter,) = tx.models.adapters(project.id)
    note_id = add_note(store, project, TEXT[:-1] + chr(0x4E00 + next(numbers)))
    predict(store, note_id, adapter, [(s.span, s.score) for s in SUGGESTED])
    annotation = annotating.open_note(store, user=user, note_id=note_id).annotation
    model = PlainModel()
    for i, suggested in enumerate(SUGGESTED):
        model.spans[f"m{i}"] = (suggested.span, SpanState.SUGGESTED)
        model.origin[f"m{i}"] = (Origin.MODEL, suggested.score)
    seq = 0
    for batch, twice in given_batches:
        edits: list[Edit] = []
        for action, span_id, span, state in batch:
            seq += 1
            gone = action is EditAction.DELETE
            edits.append(Edit(seq, action, span_id, None if gone else span, None if gone else state))
        expected_failure = next((edit.client_seq for edit in edits if not model.apply(edit)), None)
        for _ in range(1 + twice):
            assert failure_of(store, annotation, edits) == expected_failure
            with store.read() as tx:
                assert tx.annotations.get(annotation.id).revision == annotation.revision + model.edits
    with store.read() as tx:
        stored = tx.annotations.get(annotation.id)
        events = tx.annotations.events(annotation.id)
    assert {s.id: (s.span, s.state) for s in stored.spans} == model.spans
    assert {s.id: (s.origin, s.score) for s in stored.spans} == {i: model.origin[i] for i in model.spans}
    assert replay(events) == {s.id: s for s in stored.spans}
    assert stored.revision == len(events)


def failure_of(store: Store, annotation: Annotation, edits: list[Edit]) -> int | None:
    """Save the edits as a page does that never hears an acknowledgement; the number of the edit that was refused."""
    with store.read() as tx:
        user = tx.users.get(annotation.user_id)
    try:
        annotating.save_edits(
            store,
            user=user,
            annotation_id=annotation.id,
            client="tab",
            base_revision=annotation.revision,
            edits=edits,
        )
    except InvalidEdit as refused:
        return refused.client_seq
    return None
