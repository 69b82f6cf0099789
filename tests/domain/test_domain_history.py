"""What can be undone and redone, read from the events alone, is what the person did and took back."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mednerapp.domain.annotations import (
    BULK_CLIENT,
    MODEL_CLIENT,
    AnnotatedSpan,
    AnnotationEvent,
    EditAction,
    Origin,
    Phase,
    SpanState,
    replay,
)
from mednerapp.domain.clock import now
from mednerapp.domain.history import Change, steps
from mednerapp.domain.spans import Span


class Page:
    """A page with two plain stacks of its own, that writes down every change as an event."""

    def __init__(self) -> None:
        self.spans: dict[str, AnnotatedSpan] = {}
        self.done: list[tuple[str, list[Change]]] = []
        self.undone: list[tuple[str, list[Change]]] = []
        self.log: list[AnnotationEvent] = []
        self.steps = 0

    def write(self, name: str, change: Change, phase: Phase = Phase.DO, client: str = "tab") -> None:
        before, after = change
        span = after or before
        assert span is not None
        self.log.append(
            AnnotationEvent(
                annotation_id=1,
                revision=len(self.log) + 1,
                client=client,
                client_seq=len(self.log) + 1,
                user_id=1,
                at=now(),
                action=EditAction.RESTORE,
                span_id=span.id,
                before=before,
                after=after,
                previous_hash=self.log[-1].hash if self.log else "",
                step=name,
                phase=phase,
            ).sealed()
        )
        if after:
            self.spans[span.id] = after
        else:
            del self.spans[span.id]

    def do(self, ids: list[str]) -> None:
        self.steps += 1
        name, changes = f"step {self.steps}", list[Change]()
        for span_id in ids:
            changes.append(self.changed(span_id))
            self.write(name, changes[-1])
        self.done.append((name, changes))
        self.undone.clear()

    def changed(self, span_id: str) -> Change:
        """A span that is there goes every third time, else it moves by one; one that is not there comes."""
        before = self.spans.get(span_id)
        if before is None:
            return None, AnnotatedSpan(span_id, Span(0, 5, "Drug"), SpanState.CONFIRMED, Origin.PERSON)
        moved = replace(before, span=replace(before.span, end=before.span.end + 1))
        return before, None if before.span.end % 3 == 0 else moved

    def undo(self) -> None:
        if self.done:
            name, changes = self.done.pop()
            for before, after in reversed(changes):
                self.write(name, (after, before), Phase.UNDO)
            self.undone.append((name, changes))

    def redo(self) -> None:
        if self.undone:
            name, changes = self.undone.pop()
            for change in changes:
                self.write(name, change, Phase.REDO)
            self.done.append((name, changes))


acts = st.lists(
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4) | st.sampled_from(["undo", "redo"]), max_size=30
)


@given(acts)
def test_the_events_alone_give_the_stacks_of_the_page_that_wrote_them(given_acts: list[list[str] | str]) -> None:
    page = Page()
    for act in given_acts:
        if isinstance(act, list):
            page.do(act)
        else:
            page.undo() if act == "undo" else page.redo()
        found = steps(page.log)
        assert [(s.id, list(s.changes)) for s in found.done] == page.done
        assert [(s.id, list(s.changes)) for s in found.undone] == page.undone
    assert replay(page.log) == page.spans


A, B = (AnnotatedSpan(i, Span(0, 5, "Drug"), SpanState.CONFIRMED, Origin.PERSON) for i in ("a", "b"))


def test_an_event_without_a_step_is_one_of_its_own_and_can_be_named() -> None:
    page = Page()
    page.write("", (None, A))
    page.write("", (None, B))
    assert [s.id for s in steps(page.log).done] == ["r1", "r2"]
    page.write("r2", (B, None), Phase.UNDO)
    found = steps(page.log)
    assert ([s.id for s in found.done], [s.id for s in found.undone]) == (["r1"], ["r2"])


def test_suggestions_are_no_step_and_take_nothing_from_what_can_be_redone() -> None:
    page = Page()
    page.do(["a"])
    page.undo()
    page.write("", (None, B), client=MODEL_CLIENT)
    found = steps(page.log)
    assert (found.done, [s.id for s in found.undone]) == ((), ["step 1"])


def test_a_change_of_many_notes_is_marked_and_can_be_taken_back_from_under_later_steps() -> None:
    page = Page()
    page.write("many", (None, A), client=BULK_CLIENT)
    page.do(["b"])
    assert [(s.id, s.bulk) for s in steps(page.log).done] == [("many", True), ("step 1", False)]
    page.write("many", (A, None), Phase.UNDO, client=BULK_CLIENT)
    found = steps(page.log)
    assert ([s.id for s in found.done], [(s.id, s.bulk) for s in found.undone]) == (["step 1"], [("many", True)])


def test_taking_back_what_is_not_known_does_nothing() -> None:
    page = Page()
    page.do(["a"])
    page.write("elsewhere", (A, None), Phase.UNDO)
    assert [s.id for s in steps(page.log).done] == ["step 1"]
