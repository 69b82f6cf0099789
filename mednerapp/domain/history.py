"""What a person can undo and redo, read from the event log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from mednerapp.domain.annotations import BULK_CLIENT, PRODUCT_CLIENTS, AnnotatedSpan, AnnotationEvent, Phase

Change = tuple[AnnotatedSpan | None, AnnotatedSpan | None]
"""One span before and after; None where it does not exist on that side."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one undo takes back: the changes in the order in which they were made.

    at: when its first change was stored. bulk: it belongs to a change of many notes.
    """

    id: str
    changes: tuple[Change, ...]
    at: datetime
    bulk: bool


@dataclass(frozen=True, slots=True)
class History:
    """`done`: what can be undone, oldest first; `undone`: what can be redone, what was undone last at the end."""

    done: tuple[Step, ...]
    undone: tuple[Step, ...]


def step_id(event: AnnotationEvent) -> str:
    """The step of an event; one that names none is a step of its own, called after its revision."""
    return event.step or f"r{event.revision}"


def steps(events: Iterable[AnnotationEvent]) -> History:
    """The two stacks after the events (of one annotation, oldest first).

    A new step goes on top of `done` and clears `undone`; further changes of the step on top extend it. Undoing moves a
    step to `undone`, redoing moves it back; a step that is not on top (a change of many notes, taken back from another
    note) is moved out of the middle. What the product wrote by itself is no step.
    """
    done: list[Step] = []
    undone: list[Step] = []
    for event in events:
        if event.client in PRODUCT_CLIENTS:
            continue
        name = step_id(event)
        if event.phase is Phase.UNDO:
            _move(name, done, undone)
        elif event.phase is Phase.REDO:
            _move(name, undone, done)
        else:
            undone.clear()
            change = (event.before, event.after)
            if done and done[-1].id == name:
                done[-1] = replace(done[-1], changes=(*done[-1].changes, change))
            else:
                done.append(Step(name, (change,), event.at, event.client == BULK_CLIENT))
    return History(tuple(done), tuple(undone))


def _move(name: str, source: list[Step], target: list[Step]) -> None:
    """Every event of a step that is taken back asks for this; the first one moves it."""
    for place in range(len(source) - 1, -1, -1):
        if source[place].id == name:
            target.append(source.pop(place))
            return
