"""Which note comes next for whom, so that no two people do the same; how it gets on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mednerapp.domain import queue
from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.clock import now
from mednerapp.domain.notes import Note
from mednerapp.domain.projects import Project
from mednerapp.domain.queue import GroupOfNotes, Holder, Pace, QueueOrder
from mednerapp.errors import InvalidValue
from mednerapp.settings import Settings
from mednerapp.store import Store, Transaction

WEEK = timedelta(days=7)


def next_note(store: Store, *, user: User, project_id: int, settings: Settings, skip: int | None = None) -> int | None:
    """Put a note into `user`'s hands, for so long as the settings say, and no other; None when nothing is left to do.

    Nobody is given a note that somebody else has in hand, or has submitted, unless it is one for two annotators. What
    comes first: the note in hand, what the person began, notes that want a second annotator, the project's order of
    what nobody has begun, what somebody else began and left, what the person skipped. So one goes on where one was, and
    a skipped note comes back when there is nothing else.

    skip: the note that the person puts off.
    """
    user.require(Permission.ANNOTATE)
    with store.write() as tx:
        order = tx.projects.get(project_id).queue_order
        if skip is not None:
            tx.queue.skip(note_id=skip, user_id=user.id)
        tried: list[int] = []
        while (note_id := _candidate(tx, user, project_id, order, tried)) is not None:
            taken = tx.leases.take(note_id=note_id, user_id=user.id, until=_until(settings))
            # Looked at again now that it is ours: whoever had it may have submitted it since the queue was read.
            if taken and tx.queue.is_open(note_id, user_id=user.id):
                break
            tried.append(note_id)
        tx.leases.release(user_id=user.id, but=note_id or 0)
        return note_id


def _candidate(tx: Transaction, user: User, project_id: int, order: QueueOrder, tried: list[int]) -> int | None:
    q = tx.queue
    for found in (q.in_hand, q.begun, q.second_next):
        if (note_id := found(project_id=project_id, user_id=user.id, tried=tried)) is not None:
            return note_id
    note_id = q.waiting_next(project_id=project_id, user_id=user.id, order=order, tried=tried)
    if note_id is not None:
        return note_id
    for found in (q.left_behind, q.put_off):
        if (note_id := found(project_id=project_id, user_id=user.id, tried=tried)) is not None:
            return note_id
    return None


def _until(settings: Settings) -> datetime:
    return now() + timedelta(minutes=settings.lease_minutes)


def hold(store: Store, *, user: User, note_id: int, settings: Settings) -> Holder | None:
    """`user` has opened the note: it is theirs, and what they had in hand before is not. Who else has it, if somebody
    has. A note that was submitted needs no hands: nobody is given it.
    """
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        held = tx.leases.of(user.id)
        put_off = tx.queue.is_put_off(note_id=note_id, user_id=user.id)
        holder = _other(tx, note_id, user)
        is_open = tx.queue.is_open(note_id, user_id=user.id)
    if not put_off and not set(held) - {note_id}:  # nothing to write, but perhaps that it is theirs
        if holder or not is_open:
            return holder if is_open else None
        if _is_fresh(held.get(note_id), settings):
            return None
    with store.write() as tx:
        tx.queue.take_up(note_id=note_id, user_id=user.id)
        tx.leases.release(user_id=user.id, but=note_id)
        if not tx.queue.is_open(note_id, user_id=user.id) or tx.leases.take(
            note_id=note_id, user_id=user.id, until=_until(settings)
        ):
            return None
        return _other(tx, note_id, user)


def renew(store: Store, *, user: User, note_id: int, settings: Settings) -> Holder | None:
    """The note is still open before `user`: it stays theirs, or becomes so when it is free again. Who else has it."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        if not tx.queue.is_open(note_id, user_id=user.id) or tx.queue.is_put_off(note_id=note_id, user_id=user.id):
            return None
        holder = _other(tx, note_id, user)
        if holder or _is_fresh(tx.leases.of(user.id).get(note_id), settings):
            return holder
    with store.write() as tx:
        taken = tx.leases.take(note_id=note_id, user_id=user.id, until=_until(settings))
        return None if taken else _other(tx, note_id, user)


def _other(tx: Transaction, note_id: int, user: User) -> Holder | None:
    holder = tx.leases.holders([note_id]).get(note_id)
    return holder if holder and holder.user_id != user.id else None


def _is_fresh(until: datetime | None, settings: Settings) -> bool:
    """Whether a lease need not be written again yet: more than two thirds of it are left."""
    return until is not None and until - now() > timedelta(minutes=settings.lease_minutes) * 2 / 3


def is_blind(project: Project, note: Note) -> bool:
    """Whether the note comes without suggestions: for everybody, by its text, the project and its percentage alone."""
    return queue.is_blind(project_id=project.id, content_hash=note.content_hash, percent=project.blind_percent)


def change(store: Store, *, user: User, project_id: int, order: QueueOrder, blind_percent: int) -> None:
    """How the project's notes are handed out from now on. Annotations that were begun stay as they began.

    Raises:
        InvalidValue: for a percentage outside 0 to 100.
    """
    user.require(Permission.TRAIN)
    if not 0 <= blind_percent <= 100:
        raise InvalidValue(f"The share of blind notes is 0 to 100 percent, not {blind_percent}.")
    with store.write() as tx:
        before = tx.projects.get(project_id)
        tx.projects.change_queue(project_id, order=order, blind_percent=blind_percent)
        tx.audit.add(
            user=user,
            action="queue changed",
            target=f"project:{project_id}",
            order=[before.queue_order.value, order.value],
            blind_percent=[before.blind_percent, blind_percent],
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """notes, highlighted, submitted: of the project. mine: of the person who asks. team: of everybody, None for whoever
    may not know.
    """

    notes: int
    highlighted: int
    submitted: int
    mine: Pace
    team: Pace | None

    @property
    def remaining(self) -> int:
        return self.notes - self.submitted


def counts(store: Store, *, user: User, project_id: int) -> tuple[int, int]:
    """(notes of the project, notes that somebody submitted). Quick: the page of a note asks with every run."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return _counts(tx, project_id)


@dataclass(frozen=True, slots=True)
class Overview:
    """A project; the notes in it, and how many of them somebody has submitted."""

    project: Project
    notes: int
    submitted: int


def overview(store: Store, *, user: User) -> list[Overview]:
    """Every project."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return [Overview(project, *_counts(tx, project.id)) for project in tx.projects.all()]


def _counts(tx: Transaction, project_id: int) -> tuple[int, int]:
    notes = tx.notes.count(project_id)
    return notes, notes - tx.queue.waiting(project_id) - tx.queue.under_way(project_id)


def progress(store: Store, *, user: User, project_id: int, today: datetime) -> Progress:
    """How far the project is and how fast it goes. `today`: when the day began where the person is.

    The team's pace is for leads: what one colleague does in an hour is nobody else's business.
    """
    user.require(Permission.ANNOTATE)
    since = min(now() - WEEK, today)
    with store.read() as tx:
        mine = queue.pace(tx.efforts.works(project_id, since=since, user_id=user.id), today=today)
        team = None
        if user.may(Permission.TRAIN):
            team = queue.pace(tx.efforts.works(project_id, since=since), today=today)
        found = tx.notes.progress(project_id)
        return Progress(found.notes, found.predicted, found.submitted, mine, team)


def effect_of_suggestions(store: Store, *, user: User, project_id: int) -> tuple[GroupOfNotes, GroupOfNotes]:
    """Submitted annotations that began with suggestions, and those that began blind."""
    user.require(Permission.TRAIN)
    with store.read() as tx:
        return tx.efforts.group(project_id, blind=False), tx.efforts.group(project_id, blind=True)


def holders(store: Store, *, user: User, project_id: int) -> list[Holder]:
    """Who has a note of the project in hand, by name."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return tx.leases.in_project(project_id)
