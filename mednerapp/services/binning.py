"""The bin: notes are deleted softly, come back with all that was done to them, and are purged when the time is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.clock import now
from mednerapp.domain.notes import DeletedNote
from mednerapp.services.predicting import queue_predictions
from mednerapp.settings import Settings
from mednerapp.store import Store

_CHUNK = 200  # notes that are purged in one transaction
_LISTED = 100  # ids in an audit entry


@dataclass(frozen=True, slots=True)
class Deleted:
    """note_ids: what went into the bin. held: titles of notes that stayed, because somebody is working on them."""

    note_ids: tuple[int, ...]
    held: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Purged:
    """notes: how many were removed for good. kept: notes that are needed, each with the names of the datasets."""

    notes: int
    kept: tuple[tuple[int, tuple[str, ...]], ...]


def delete(store: Store, *, user: User, project_id: int, note_ids: Sequence[int]) -> Deleted:
    """Put notes of the project into the bin, with everybody's annotations of them: nobody is given them, they are in no
    list, search, prediction, dataset to come or export. A note that somebody else has in hand stays.
    """
    user.require(Permission.DELETE)
    with store.write() as tx:
        holders = tx.leases.holders(note_ids)
        held = {note_id for note_id, holder in holders.items() if holder.user_id != user.id}
        titles = tuple(tx.notes.get(note_id).title for note_id in sorted(held))
        free = [note_id for note_id in note_ids if note_id not in held]
        gone = tx.notes.delete(free, project_id=project_id, user_id=user.id)
        if gone:
            tx.audit.add(
                user=user,
                action="notes deleted",
                target=f"project:{project_id}",
                notes=len(gone),
                note_ids=gone[:_LISTED],
            )
    return Deleted(tuple(gone), titles)


def restore(store: Store, *, user: User, project_id: int, note_ids: Sequence[int]) -> int:
    """Take notes of the project out of its bin, as they went in; how many there were."""
    user.require(Permission.DELETE)
    with store.write() as tx:
        back = tx.notes.restore(note_ids, project_id=project_id)
        if back:
            tx.audit.add(
                user=user,
                action="notes restored",
                target=f"project:{project_id}",
                notes=len(back),
                note_ids=back[:_LISTED],
            )
            queue_predictions(tx, project_id=project_id, user_id=user.id)
    return len(back)


def contents(store: Store, *, user: User, project_id: int) -> list[DeletedNote]:
    """What is in the project's bin, the newest first."""
    user.require(Permission.DELETE)
    with store.read() as tx:
        return tx.notes.deleted(project_id)


def days_left(note: DeletedNote, *, settings: Settings) -> float:
    """Until the note may be purged; 0 when it may be now."""
    over = note.deleted_at + timedelta(days=settings.retention_days)
    return max(0.0, (over - now()) / timedelta(days=1))


def purge(store: Store, *, settings: Settings, at: datetime | None = None) -> Purged:
    """Remove for good what has been in the bin for longer than the retention: text, annotations, their events,
    predictions and what the search knows of it. A note that a frozen dataset needs stays, or its scores could not be
    told from invented ones any more.

    at: the present moment by default.
    """
    before = (at or now()) - timedelta(days=settings.retention_days)
    with store.read() as tx:
        overdue = tx.notes.overdue(before=before)
    gone = [(note_id, project_id) for note_id, project_id, datasets in overdue if not datasets]
    for first in range(0, len(gone), _CHUNK):
        chunk = gone[first : first + _CHUNK]
        with store.write() as tx:
            tx.notes.purge([note_id for note_id, _ in chunk], before=before)
            for project_id in sorted({project_id for _, project_id in chunk}):
                ids = [note_id for note_id, where in chunk if where == project_id]
                tx.audit.add(
                    user=None, action="notes purged", target=f"project:{project_id}", notes=len(ids), note_ids=ids
                )
    if gone:
        store.shrink()
    return Purged(len(gone), tuple((note_id, tuple(names)) for note_id, _, names in overdue if names))
