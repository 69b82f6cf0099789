"""Changing gold that turned out to be wrong: recorded with what was before, and undone by the same record."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.clock import now
from mednerapp.domain.gold import GoldAction, GoldOrigin, GoldSpan
from mednerapp.domain.spans import Span, check_within
from mednerapp.errors import ChangedSince, InvalidValue
from mednerapp.services import gold as golds
from mednerapp.store import Store, Transaction


def correct(
    store: Store, *, user: User, note_id: int, remove: Collection[Span], add: Collection[Span], reason: str
) -> tuple[Span, ...]:
    """Replace gold spans of a note; its gold afterwards. The annotations stay as they are; datasets that were frozen
    from it too.

    reason: what led to it, at most 64 characters, such as `suspicion:17`; never note text.

    Raises:
        InvalidValue: the note is no gold; or a span does not fit the project or the note.
        ChangedSince: a span of `remove` is not gold (any more).
    """
    user.require(Permission.REVIEW)
    with store.write() as tx:
        return correct_in(tx, user=user, note_id=note_id, remove=remove, add=add, reason=reason)


def correct_in(
    tx: Transaction, *, user: User, note_id: int, remove: Collection[Span], add: Collection[Span], reason: str
) -> tuple[Span, ...]:
    """As `correct`, in a transaction that does more."""
    found, spans = golds.of_note(tx, note_id)
    if found is None or found.origin is None:
        raise InvalidValue("This note is no gold; there is nothing to correct. Annotate or adjudicate it.")
    if not set(remove) <= set(spans):
        raise ChangedSince("The gold of this note was changed meanwhile. Look again.")
    note = tx.notes.get(note_id)
    schema = tx.projects.get(note.project_id).schema
    for span in set(add) - set(spans):
        schema.check(span.label)
        check_within(span, note.length)
    after = sorted((set(spans) - set(remove)) | set(add))
    gold = tx.golds.lock_or_add(note_id=note_id, origin=GoldOrigin.CORRECTED, user_id=user.id)
    known = {one.span: one for one in gold.spans} if gold.final else {}
    sources = gold.sources if gold.final else {a.annotation_id: a.revision for a in found.annotations}
    own = GoldSpan(Span(0, 1, "-"), (), user.id, now())
    held = tx.golds.confirmed(list(sources))
    settled = [
        known.get(span)
        or (
            replace(own, span=span)
            if span in add
            else GoldSpan(span, tuple(a for a, there in held.items() if span in there))
        )
        for span in after
    ]
    tx.golds.append(gold, user_id=user.id, action=GoldAction.CORRECT, place=reason, before=spans, after=after)
    origin = gold.origin if gold.final and gold.origin is GoldOrigin.ADJUDICATED else GoldOrigin.CORRECTED
    tx.golds.settle(gold.id, origin=origin, final=True, user_id=user.id, spans=settled, sources=sources)
    tx.audit.add(
        user=user,
        action="gold corrected",
        target=f"note:{note_id}",
        reason=reason,
        removed=len(set(spans) - set(after)),
        added=len(set(after) - set(spans)),
    )
    return tuple(after)
