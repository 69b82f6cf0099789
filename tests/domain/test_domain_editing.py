"""Assertion, comment, doubt and fragments: which actions change them, and which leave them alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mednerapp.domain.annotations import MOST_COMMENT, AnnotatedSpan, Edit, EditAction, Origin, Phase, SpanState
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.editing import apply_edit
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue

PIECES = Span(0, 9, "Symptom", ((0, 4), (6, 9)))
RULES_SAY = (Assertion.ABSENT, Origin.MODEL)
PERSON_SAYS = (Assertion.HISTORICAL, Origin.PERSON)
CHANGES = (EditAction.RELABEL, EditAction.ACCEPT, EditAction.REJECT, EditAction.RESIZE)
NOTES = (EditAction.ASSERT, EditAction.COMMENT, EditAction.FLAG)


def there(assertion: tuple[Assertion, Origin] = RULES_SAY, **more: Any) -> AnnotatedSpan:
    values: dict[str, Any] = {"comment": "which leg?", "unsure": True, **more}
    return AnnotatedSpan("m0", PIECES, SpanState.SUGGESTED, Origin.MODEL, 0.5, 3, *assertion, **values)


def edit_of(before: AnnotatedSpan, action: EditAction, **more: Any) -> Edit:
    """What a client sends that carries everything along."""
    state = {EditAction.REJECT: SpanState.REJECTED}.get(action, SpanState.CONFIRMED)
    values: dict[str, Any] = {
        "span": before.span,
        "state": before.state if action in NOTES else state,
        "assertion": before.assertion,
        "assertion_by": before.assertion_by,
        "comment": before.comment,
        "unsure": before.unsure,
        **more,
    }
    return Edit(1, action, before.id, **values)


@pytest.mark.parametrize("action", [*CHANGES, *NOTES])
def test_what_is_carried_along_stays_as_it_is(action: EditAction) -> None:
    before = there(PERSON_SAYS)
    edit = edit_of(before, action)
    assert apply_edit(before, edit) == replace(before, state=edit.state or before.state)


@pytest.mark.parametrize("action", [EditAction.RELABEL, EditAction.ACCEPT, EditAction.REJECT])
@pytest.mark.parametrize("said", [RULES_SAY, PERSON_SAYS])
def test_what_is_left_out_stays_as_it_is(action: EditAction, said: tuple[Assertion, Origin]) -> None:
    before = there(said)
    plain = replace(before.span, fragments=())
    edit = edit_of(before, action, span=plain, assertion=None, assertion_by=None, comment="", unsure=False)
    assert apply_edit(before, edit) == replace(before, state=edit.state or before.state)


OTHERWISE = {
    "assertion": ({"assertion": Assertion.FAMILY, "assertion_by": Origin.PERSON}, EditAction.ASSERT, "assertion"),
    "comment": ({"comment": "left"}, EditAction.COMMENT, "comment"),
    "place": ({"span": replace(PIECES, start=1, fragments=())}, None, "where it is"),
    "pieces": ({"span": replace(PIECES, fragments=((0, 3), (6, 9)))}, None, "where it is"),
    "label": ({"span": replace(PIECES, label="Drug")}, None, "label"),
    "state": ({"state": SpanState.CONFIRMED}, None, "leaves it suggested"),
}


@pytest.mark.parametrize("action", NOTES)
@pytest.mark.parametrize("name", OTHERWISE)
def test_an_action_changes_what_it_is_named_after_and_nothing_else(action: EditAction, name: str) -> None:
    changed, rightful, message = OTHERWISE[name]
    before = there()
    edit = edit_of(before, action, **changed)
    if action is rightful:
        assert apply_edit(before, edit) == replace(before, **changed)
    else:
        with pytest.raises(InvalidValue, match=message):
            apply_edit(before, edit)


@pytest.mark.parametrize("action", [*CHANGES, EditAction.ASSERT, EditAction.COMMENT])
def test_only_a_flag_flags(action: EditAction) -> None:
    before = there(unsure=False)
    with pytest.raises(InvalidValue, match="does not flag it"):
        apply_edit(before, edit_of(before, action, unsure=True))
    flagged = apply_edit(before, edit_of(before, EditAction.FLAG, unsure=True))
    assert flagged == replace(before, unsure=True)
    assert apply_edit(flagged, edit_of(before, EditAction.FLAG, unsure=False)) == before


@pytest.mark.parametrize("state", SpanState)
def test_a_span_of_any_state_is_asserted_commented_and_flagged_and_stays_so(state: SpanState) -> None:
    before = replace(there(), state=state)
    for action, changed in (
        (EditAction.ASSERT, {"assertion": None, "assertion_by": None}),
        (EditAction.COMMENT, {"comment": ""}),
        (EditAction.FLAG, {"unsure": False}),
    ):
        assert apply_edit(before, edit_of(before, action, **changed)) == replace(before, **changed)


def test_an_accept_may_confirm_what_the_rules_suggest_and_say_nothing_else() -> None:
    before = there()
    whole = edit_of(before, EditAction.ACCEPT, assertion_by=Origin.PERSON)
    confirmed = replace(before, state=SpanState.CONFIRMED, assertion_by=Origin.PERSON)
    assert apply_edit(before, whole) == confirmed
    for action, was, said in (
        (EditAction.ACCEPT, before, PERSON_SAYS),
        (EditAction.REJECT, before, (RULES_SAY[0], Origin.PERSON)),
        (EditAction.ACCEPT, replace(before, assertion=None, assertion_by=None), PERSON_SAYS),
        (EditAction.ACCEPT, there(PERSON_SAYS), RULES_SAY),
    ):
        with pytest.raises(InvalidValue, match="leaves its assertion"):
            apply_edit(was, edit_of(was, action, assertion=said[0], assertion_by=said[1]))


def test_at_a_new_place_the_rules_look_again_but_what_a_person_said_stays() -> None:
    elsewhere = Span(0, 4, "Symptom")
    for said in ((None, None), (Assertion.POSSIBLE, Origin.MODEL)):
        edit = edit_of(there(), EditAction.RESIZE, span=elsewhere, assertion=said[0], assertion_by=said[1])
        after = apply_edit(there(), edit)
        assert after is not None
        assert (after.span, after.assertion, after.assertion_by) == (elsewhere, *said)
    spoken = there(PERSON_SAYS)
    left_out = edit_of(spoken, EditAction.RESIZE, span=elsewhere, assertion=None, assertion_by=None)
    assert apply_edit(spoken, left_out) == replace(spoken, span=elsewhere, state=SpanState.CONFIRMED)
    for before, said in ((spoken, RULES_SAY), (there(), PERSON_SAYS)):
        with pytest.raises(InvalidValue, match="assertion"):
            apply_edit(
                before, edit_of(before, EditAction.RESIZE, span=elsewhere, assertion=said[0], assertion_by=said[1])
            )


def test_a_resize_keeps_or_changes_the_pieces_as_it_is_told() -> None:
    longer = Span(0, 12, "Symptom", ((0, 4), (6, 12)))
    after = apply_edit(there(), edit_of(there(), EditAction.RESIZE, span=longer))
    assert after is not None
    assert after.span == longer
    in_one = apply_edit(there(), edit_of(there(), EditAction.RESIZE, span=Span(0, 12, "Symptom")))
    assert in_one is not None
    assert in_one.span.fragments == ()


def test_a_person_creates_a_span_with_everything_and_a_restore_brings_everything_back() -> None:
    made = apply_edit(None, replace(edit_of(there(PERSON_SAYS), EditAction.CREATE), span_id="a"))
    assert made == AnnotatedSpan(
        "a", PIECES, SpanState.CONFIRMED, Origin.PERSON, None, None, *PERSON_SAYS, "which leg?", unsure=True
    )
    bare = replace(there(), assertion=None, assertion_by=None, comment="", unsure=False)
    back = edit_of(there(), EditAction.RESTORE, state=SpanState.REJECTED)
    assert apply_edit(bare, back) == replace(there(), state=SpanState.REJECTED)
    assert apply_edit(None, back, deleted=bare) == replace(there(), state=SpanState.REJECTED)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"assertion": Assertion.ABSENT}, "author"),
        ({"assertion_by": Origin.MODEL}, "author"),
        ({"comment": "x" * (MOST_COMMENT + 1)}, f"at most {MOST_COMMENT}"),
        ({"comment": "a\x00b"}, "NUL"),
        ({"comment": "a\ud800b"}, "surrogate"),
        ({"step": "x" * 65}, "step"),
        ({"step": "a\nb"}, "step"),
        ({"phase": Phase.UNDO}, "names the step"),
    ],
)
def test_an_edit_that_makes_no_sense_cannot_be_made(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        Edit(1, EditAction.CREATE, "a", PIECES, SpanState.CONFIRMED, **values)
