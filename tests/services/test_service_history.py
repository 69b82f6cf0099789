"""Whatever a person does: what is stored, what the events lead to and what a simple model says are the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
FIRST = {f"m{i}": suggested.span for i, suggested in enumerate(SUGGESTED)}

CHANGES = [
    EditAction.RELABEL,
    EditAction.RESIZE,
    EditAction.ACCEPT,
    EditAction.REJECT,
    EditAction.RESTORE,
    EditAction.DELETE,
]


@dataclass(frozen=True)
class Step:
    """What a page does to a span that is there; to one that is not it creates it or brings it back. A wild one does it
    the wrong way round, after the end of the note, or to a state that the action does not lead to."""

    span_id: str
    change: EditAction
    span: Span
    state: SpanState
    wild: int

    def edit(self, seq: int, model: PlainModel) -> Edit:
        back = EditAction.RESTORE if self.span_id in model.origin else EditAction.CREATE
        there = model.spans.get(self.span_id)
        action = self.change if bool(there) != (self.wild == 1) else back
        if action is EditAction.DELETE:
            return Edit(seq, action, self.span_id, None, None)
        state, span = self.state, self.span
        if action is not EditAction.RESTORE and self.wild != 3:
            state = SpanState.REJECTED if action is EditAction.REJECT else SpanState.CONFIRMED
        if there and action in (EditAction.RELABEL, EditAction.ACCEPT, EditAction.REJECT):
            span = replace(span, start=there[0].start, end=there[0].end)
        if there and action in (EditAction.RESIZE, EditAction.ACCEPT, EditAction.REJECT):
            span = replace(span, label=there[0].label)
        if self.wild == 2:
            span = replace(span, end=len(TEXT) + 1)
        if state is SpanState.SUGGESTED and action is EditAction.RESTORE and self.span_id in FIRST:
            span = FIRST[self.span_id]
        return Edit(seq, action, self.span_id, span, state)


steps = st.builds(
    Step,
    span_id=st.sampled_from(IDS),
    change=st.sampled_from(CHANGES),
    span=spans(length=len(TEXT)),
    state=st.sampled_from(SpanState),
    wild=st.sampled_from([0] * 18 + [1, 2, 3]),
)
# Each batch: its steps, and whether the network delivers it twice.
batches = st.lists(st.tuples(st.lists(steps, max_size=10), st.booleans()), max_size=4)
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
        if edit.action is EditAction.CREATE:
            possible = edit.span_id not in self.origin
        else:
            possible = there or (edit.action is EditAction.RESTORE)
        rightful = {
            EditAction.RESTORE: set(SpanState),
            EditAction.DELETE: {None},
            EditAction.REJECT: {SpanState.REJECTED},
        }.get(edit.action, {SpanState.CONFIRMED})
        forged = edit.state is SpanState.SUGGESTED and FIRST.get(edit.span_id) != edit.span
        if not possible or edit.state not in rightful or forged or (edit.span and edit.span.end > len(TEXT)):
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
    history_store: Store, given_batches: list[tuple[list[Step], bool]]
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
        expected_failure: int | None = None
        for step in batch:
            seq += 1
            edits.append(step.edit(seq, model))
            if expected_failure is None and not model.apply(edits[-1]):
                expected_failure = seq  # the edits after it are sent, too, and are not to be stored
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
