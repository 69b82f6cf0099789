"""Writing the event log of an annotation: every change of a span goes through `record`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mednerapp.domain.annotations import AnnotatedSpan, AnnotationEvent, EditAction, Origin, Phase, SpanState
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.clock import now
from mednerapp.domain.spans import Span
from mednerapp.store import Transaction
from mednerapp.store.annotations import AnnotationHead


@dataclass(frozen=True, slots=True)
class Change:
    """One span before and after; `client_seq` 0: `record` numbers it, for a client that does not count itself.

    step, phase: what one undo takes back, and whether this does it, undoes it or does it again.
    """

    action: EditAction
    span_id: str
    before: AnnotatedSpan | None
    after: AnnotatedSpan | None
    client_seq: int = 0
    step: str = ""
    phase: Phase = Phase.DO

    @classmethod
    def new(
        cls,
        span_id: str,
        span: Span,
        *,
        state: SpanState,
        origin: Origin,
        action: EditAction,
        score: float | None = None,
        adapter_id: int | None = None,
        assertion: Assertion | None = None,
    ) -> Change:
        """A span that the product puts in. `assertion`: what the rules say of it."""
        by = Origin.MODEL if assertion else None
        return cls(action, span_id, None, AnnotatedSpan(span_id, span, state, origin, score, adapter_id, assertion, by))


def record(
    tx: Transaction, *, head: AnnotationHead, client: str, user_id: int | None, changes: Sequence[Change]
) -> int:
    """Append the changes as events and bring the current spans to the state after them; the new revision."""
    at = now()
    events: list[AnnotationEvent] = []
    previous_hash = head.last_hash
    for revision, change in enumerate(changes, start=head.revision + 1):
        event = AnnotationEvent(
            annotation_id=head.id,
            revision=revision,
            client=client,
            client_seq=change.client_seq or revision,
            user_id=user_id,
            at=at,
            action=change.action,
            span_id=change.span_id,
            before=change.before,
            after=change.after,
            previous_hash=previous_hash,
            step=change.step,
            phase=change.phase,
        ).sealed()
        events.append(event)
        previous_hash = event.hash
    tx.annotations.append(head.id, events)
    return head.revision + len(changes)
