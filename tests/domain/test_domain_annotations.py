from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import spans

from mednerapp.domain.annotations import (
    AnnotatedSpan,
    AnnotationEvent,
    Edit,
    EditAction,
    Origin,
    Phase,
    SpanState,
    check_new_id,
    imported_id,
    replay,
    span_from_dict,
    suggestion_id,
)
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.clock import now
from mednerapp.domain.editing import apply_edit
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue

HERE = Span(0, 5, "Symptom")
THERE = Span(6, 9, "Drug")
# What each action may lead to and must leave as it is: (state, the place, the label).
MEANING = {
    EditAction.RELABEL: (SpanState.CONFIRMED, True, False),
    EditAction.RESIZE: (SpanState.CONFIRMED, False, True),
    EditAction.ACCEPT: (SpanState.CONFIRMED, True, True),
    EditAction.REJECT: (SpanState.REJECTED, True, True),
}

said = st.just((None, None)) | st.tuples(st.sampled_from(Assertion), st.sampled_from(Origin))
annotated = st.builds(
    AnnotatedSpan,
    id=st.just("s"),
    span=spans(),
    state=st.sampled_from(SpanState),
    origin=st.sampled_from(Origin),
    score=st.none() | st.floats(0, 1),
    adapter_id=st.none() | st.integers(1, 9),
)


def test_an_edit_that_makes_no_sense_cannot_be_made() -> None:
    with pytest.raises(InvalidValue):
        Edit(1, EditAction.DELETE, "s", HERE, SpanState.CONFIRMED)
    with pytest.raises(InvalidValue):
        Edit(1, EditAction.CREATE, "s", None, None)
    with pytest.raises(InvalidValue):
        Edit(1, EditAction.CREATE, "s", HERE, None)
    with pytest.raises(InvalidValue, match="numbered from 1, not 0"):
        Edit(0, EditAction.CREATE, "s", HERE, SpanState.CONFIRMED)
    for span_id in ("", "x" * 65, "a\x00b", "a\ud800"):
        with pytest.raises(InvalidValue, match="span id"):
            Edit(1, EditAction.CREATE, span_id, HERE, SpanState.CONFIRMED)


@given(annotated, said, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_span_survives_being_written_down(
    span: AnnotatedSpan, by: tuple[Assertion | None, Origin | None], comment: str
) -> None:
    assert span_from_dict(span.as_dict()) == span
    pieces = Span(0, 9, "Drug", ((0, 2), (4, 9)))
    full = replace(span, span=pieces, assertion=by[0], assertion_by=by[1], comment=comment, unsure=bool(comment))
    assert span_from_dict(json.loads(json.dumps(full.as_dict()))) == full


@given(
    annotated,
    st.sampled_from(list(MEANING)),
    spans(),
    st.sets(st.sampled_from(["place", "label"])),
    st.sampled_from(SpanState),
)
def test_an_edit_does_what_its_action_says_and_never_changes_where_a_span_came_from(
    before: AnnotatedSpan, action: EditAction, span: Span, kept: set[str], state: SpanState
) -> None:
    was = before.span
    start, end = (was.start, was.end) if "place" in kept else (span.start, span.end)
    span = Span(start, end, was.label if "label" in kept else span.label)
    rightful, same_place, same_label = MEANING[action]
    moved, renamed = (was.start, was.end) != (start, end), was.label != span.label
    edit = Edit(1, action, "s", span, state)
    if state is rightful and not (moved and same_place) and not (renamed and same_label):
        assert apply_edit(before, edit) == replace(before, span=span, state=state)
    else:
        with pytest.raises(InvalidValue, match=f"Cannot {action.value} span 's': that "):
            apply_edit(before, edit)


@pytest.mark.parametrize("state", [SpanState.SUGGESTED, SpanState.REJECTED])
def test_a_person_creates_confirmed_spans_only(state: SpanState) -> None:
    with pytest.raises(InvalidValue, match=f"makes it confirmed, not {state.value}"):
        apply_edit(None, Edit(1, EditAction.CREATE, "s", HERE, state))


def test_a_page_writes_no_suggestion() -> None:
    there = AnnotatedSpan("s", HERE, SpanState.SUGGESTED, Origin.MODEL)
    with pytest.raises(InvalidValue, match="only the product writes suggestions"):
        apply_edit(there, Edit(1, EditAction.SUGGEST, "s", HERE, SpanState.SUGGESTED))


@given(annotated, annotated)
def test_a_restored_suggestion_is_one_that_the_product_wrote(before: AnnotatedSpan, suggested: AnnotatedSpan) -> None:
    back = Edit(1, EditAction.RESTORE, "s", suggested.span, SpanState.SUGGESTED)
    after = apply_edit(before, back, suggested=suggested)
    assert after == replace(before, span=suggested.span, state=SpanState.SUGGESTED)
    elsewhere = replace(suggested, span=replace(suggested.span, end=suggested.span.end + 1))
    for known in (None, elsewhere):
        with pytest.raises(InvalidValue, match="never suggested so"):
            apply_edit(before, back, suggested=known)


@pytest.mark.parametrize("span_id", ["m0", "m17", "i3"])
@pytest.mark.parametrize("action", [EditAction.CREATE, EditAction.RESTORE])
def test_a_persons_span_never_has_the_id_of_a_suggestion_or_of_imported_gold(action: EditAction, span_id: str) -> None:
    with pytest.raises(InvalidValue, match="those that the product gives"):
        apply_edit(None, Edit(1, action, span_id, HERE, SpanState.CONFIRMED))


def test_the_products_own_ids_are_those_that_no_person_may_take() -> None:
    for span_id in (suggestion_id(0), suggestion_id(1234), imported_id(7)):
        with pytest.raises(InvalidValue):
            check_new_id(span_id)
    for span_id in ("m", "mine", "i-1", "3f0e8a70-0000-4000-8000-000000000000"):
        check_new_id(span_id)


@given(annotated)
def test_a_deleted_span_is_gone_and_comes_back_with_its_origin(before: AnnotatedSpan) -> None:
    assert apply_edit(before, Edit(1, EditAction.DELETE, "s", None, None)) is None
    restore = Edit(2, EditAction.RESTORE, "s", before.span, before.state)
    assert apply_edit(None, restore, deleted=before, suggested=before) == before
    with pytest.raises(InvalidValue, match="restore it"):
        apply_edit(None, Edit(2, EditAction.CREATE, "s", before.span, SpanState.CONFIRMED), deleted=before)


def test_what_a_person_makes_is_a_persons() -> None:
    made = apply_edit(None, Edit(1, EditAction.CREATE, "s", HERE, SpanState.CONFIRMED))
    assert made == AnnotatedSpan("s", HERE, SpanState.CONFIRMED, Origin.PERSON)


@pytest.mark.parametrize("action", [a for a in EditAction if a not in (EditAction.CREATE, EditAction.RESTORE)])
def test_a_span_that_is_not_there_cannot_be_changed(action: EditAction) -> None:
    gone = action is EditAction.DELETE
    edit = Edit(1, action, "s", None if gone else HERE, None if gone else SpanState.CONFIRMED)
    with pytest.raises(InvalidValue, match="does not exist"):
        apply_edit(None, edit)


def test_a_span_that_is_there_cannot_be_created_again() -> None:
    there = AnnotatedSpan("s", HERE, SpanState.CONFIRMED, Origin.PERSON)
    with pytest.raises(InvalidValue, match="exists already"):
        apply_edit(there, Edit(1, EditAction.CREATE, "s", THERE, SpanState.CONFIRMED))


# --- the event log ---


def make_log() -> list[AnnotationEvent]:
    """create a, create b, relabel a, delete b, reject a."""
    a1 = AnnotatedSpan("a", HERE, SpanState.CONFIRMED, Origin.PERSON)
    a2 = replace(a1, span=replace(HERE, label="Disease"))
    b = AnnotatedSpan("b", THERE, SpanState.SUGGESTED, Origin.MODEL, 0.5, 3)
    steps = [
        (EditAction.CREATE, "a", None, a1),
        (EditAction.SUGGEST, "b", None, b),
        (EditAction.RELABEL, "a", a1, a2),
        (EditAction.DELETE, "b", b, None),
        (EditAction.REJECT, "a", a2, replace(a2, state=SpanState.REJECTED)),
    ]
    log: list[AnnotationEvent] = []
    for revision, (action, span_id, before, after) in enumerate(steps, start=1):
        values = {
            "annotation_id": 7,
            "revision": revision,
            "client": "tab",
            "client_seq": revision,
            "user_id": 2,
            "at": now(),
            "action": action,
            "span_id": span_id,
            "before": before,
            "after": after,
            "previous_hash": log[-1].hash if log else "",
        }
        log.append(AnnotationEvent(**values).sealed())
    return log


def test_the_events_lead_to_the_current_spans() -> None:
    assert replay([]) == {}
    assert {i: s.state for i, s in replay(make_log()).items()} == {"a": SpanState.REJECTED}
    assert set(replay(make_log()[:3])) == {"a", "b"}


def test_an_event_that_was_stored_before_there_were_steps_keeps_its_hash() -> None:
    before = AnnotatedSpan("m0", Span(2, 7, "Drug"), SpanState.SUGGESTED, Origin.MODEL, 0.75, 3)
    event = AnnotationEvent(
        annotation_id=7,
        revision=2,
        client="tab",
        client_seq=1,
        user_id=2,
        at=datetime(2026, 11, 20, 9, 30, 15, 123456, UTC),
        action=EditAction.RELABEL,
        span_id="m0",
        before=before,
        after=replace(before, span=Span(2, 7, "Disease"), state=SpanState.CONFIRMED),
        previous_hash="ab" * 32,
    )
    assert event.expected_hash() == "afda4b1bcdbec465802cd7ef2d124e782af22755fdce847319d233fdeb3ea9e6"
    assert replace(event, step="s").expected_hash() != event.expected_hash()


OTHER = AnnotatedSpan("a", Span(1, 2, "Test"), SpanState.CONFIRMED, Origin.PERSON)
TAMPERING = {
    "annotation_id": 8,
    "revision": 9,
    "client": "other",
    "client_seq": 99,
    "user_id": 3,
    "at": now() + timedelta(days=1),
    "action": EditAction.ACCEPT,
    "span_id": "c",
    "before": OTHER,
    "after": OTHER,
    "previous_hash": "f" * 64,
    "hash": "f" * 64,
    "step": "s",
    "phase": Phase.REDO,
}


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("name", TAMPERING)
def test_any_changed_field_of_any_event_shows(place: int, name: str) -> None:
    log = make_log()
    log[place] = replace(log[place], **{name: TAMPERING[name]})
    with pytest.raises(InvalidValue, match="log is broken"):
        replay(log)


@pytest.mark.parametrize("place", range(4))
def test_a_missing_event_shows(place: int) -> None:
    log = make_log()
    del log[place]
    with pytest.raises(InvalidValue, match=f"broken at revision {place + 1}"):
        replay(log)


@given(st.permutations(make_log()))
def test_events_in_another_order_show(log: list[AnnotationEvent]) -> None:
    in_order = [event.revision for event in log] == [1, 2, 3, 4, 5]
    if in_order:
        replay(log)
    else:
        with pytest.raises(InvalidValue, match="log is broken"):
            replay(log)


def test_a_forged_event_with_a_fitting_hash_shows_when_it_contradicts_the_spans() -> None:
    log = make_log()
    values = {f: getattr(log[2], f) for f in AnnotationEvent.__slots__ if f != "hash"} | {"before": OTHER}
    log[2] = AnnotationEvent(**values).sealed()
    with pytest.raises(InvalidValue, match="broken at revision 3"):
        replay(log[:3])
