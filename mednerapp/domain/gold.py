"""Gold: what is trained and scored on, where it comes from, and what still keeps a note from being gold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mednerapp.domain.adjudication import Sides, differences
from mednerapp.domain.datasets import Split
from mednerapp.domain.queue import hashed_share
from mednerapp.domain.spans import Span


class GoldPolicy(StrEnum):
    """The lead's choice for notes with one annotator: gold when submitted, or when a lead has approved them."""

    SUBMITTED = "submitted"
    APPROVED = "approved"


class GoldOrigin(StrEnum):
    """Why a note's spans are gold. Those of the first two follow from the annotations; the others somebody decided."""

    ONE = "one"  # one annotator, by the policy
    AGREED = "agreed"  # several annotators, not a single difference
    ADJUDICATED = "adjudicated"
    APPROVED = "approved"
    CORRECTED = "corrected"  # gold that a lead changed afterwards


class Waiting(StrEnum):
    """What keeps a submitted note from being gold."""

    SECOND = "second"  # another annotator, who is blind to the first
    ADJUDICATION = "adjudication"
    APPROVAL = "approval"


class GoldAction(StrEnum):
    OPEN = "open"  # begin to adjudicate, or begin again with newer annotations
    DECIDE = "decide"
    UNDO = "undo"
    REDO = "redo"
    FINISH = "finish"
    REOPEN = "reopen"
    APPROVE = "approve"
    WITHDRAW = "withdraw"  # an approval
    CORRECT = "correct"


@dataclass(frozen=True, slots=True)
class GoldSpan:
    """A gold span with its provenance. sources: annotations that hold exactly this span. decided_by: who settled it
    where they differed, or changed it afterwards; None where nobody had to.
    """

    span: Span
    sources: tuple[int, ...] = ()
    decided_by: int | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GoldEvent:
    """One step of a lead's work on the gold of a note: append-only.

    place: of DECIDE, its key; of CORRECT, what led to it. before, after: spans before and after; of OPEN `before` is
    the gold that there was. sources: of OPEN, the annotations and their revisions that are compared.
    """

    gold_id: int
    revision: int
    user_id: int | None
    at: datetime
    action: GoldAction
    place: str = ""
    before: tuple[Span, ...] | None = None
    after: tuple[Span, ...] | None = None
    sources: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Gold:
    """What somebody decided about a note. `final`: it is gold; else the adjudication is going on.

    revision: counts the events. sources: annotation → its revision that it rests on.
    """

    id: int
    note_id: int
    origin: GoldOrigin
    final: bool
    revision: int
    spans: tuple[GoldSpan, ...]
    sources: dict[int, int]
    decided_by: int | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submitted annotation, without its spans."""

    annotation_id: int
    note_id: int
    user_id: int
    revision: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a note stands: gold by `origin`, or waiting for something; never both.

    changed: its gold was decided, and an annotation was submitted anew since, or another one has come.
    """

    note_id: int
    split: Split
    annotations: tuple[Submitted, ...]
    origin: GoldOrigin | None
    waiting: Waiting | None
    gold_id: int | None = None
    changed: bool = False


def standing(
    *,
    note_id: int,
    split: Split,
    annotations: Sequence[Submitted],
    doubled: bool,
    same: bool,
    decided: tuple[int, GoldOrigin, bool, dict[int, int]] | None,
    policy: GoldPolicy,
) -> Standing | None:
    """The one rule by which notes become gold; None for a note that nobody has submitted or decided.

    doubled: two annotators were asked for. same: all annotations hold the same confirmed spans. decided: (gold id,
    origin, final, sources) of what a lead decided; an approval or a correction that was taken back decides nothing.
    """
    own = tuple(annotations)
    if decided and (decided[2] or decided[1] is GoldOrigin.ADJUDICATED):
        gold_id, origin, final, sources = decided
        changed = any(sources.get(a.annotation_id) != a.revision for a in own)
        if final:
            return Standing(note_id, split, own, origin, None, gold_id, changed)
        return Standing(note_id, split, own, None, Waiting.ADJUDICATION, gold_id, changed)
    if not own:
        return None
    if len(own) > 1:
        why = (GoldOrigin.AGREED, None) if same else (None, Waiting.ADJUDICATION)
    elif doubled:
        why = (None, Waiting.SECOND)
    elif policy is GoldPolicy.SUBMITTED:
        why = (GoldOrigin.ONE, None)
    else:
        why = (None, Waiting.APPROVAL)
    return Standing(note_id, split, own, *why)


def is_double(*, project_id: int, content_hash: str, percent: int) -> bool:
    """Whether the share of notes that get two annotators includes this one; a higher percentage takes none away."""
    return hashed_share(f"double:{project_id}:{content_hash}") < percent / 100


def decisions(events: Sequence[GoldEvent]) -> tuple[dict[str, GoldEvent], bool, bool]:
    """What has been decided, by place; whether something can be undone; whether something can be done again."""
    done: list[GoldEvent] = []
    undone: list[GoldEvent] = []
    for event in events:
        if event.action is GoldAction.DECIDE:
            done.append(event)
            undone.clear()
        elif event.action is GoldAction.UNDO and done:
            undone.append(done.pop())
        elif event.action is GoldAction.REDO and undone:
            done.append(undone.pop())
    return {event.place: event for event in done}, bool(done), bool(undone)


def settled(sides: Sides, made: dict[str, GoldEvent]) -> tuple[GoldSpan, ...]:
    """The gold that the decisions lead to: what all agree on, and at each place what was decided there, in text order.

    Raises:
        ValueError: if a place is not decided.
    """
    agreed, places = differences(sides)
    found = {span: GoldSpan(span, tuple(sides)) for span in agreed}
    for place in places:
        event = made.get(place.key)
        if event is None or event.after is None:
            raise ValueError("Some places are not decided yet.")
        for span in event.after:
            sources = tuple(side for side, spans in sides.items() if span in spans)
            found.setdefault(span, GoldSpan(span, sources, event.user_id, event.at))
    return tuple(found[span] for span in sorted(found))
