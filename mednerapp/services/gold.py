"""Which notes are gold, why, and what keeps the others from it; the lead's choices about that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.datasets import FrozenNote, GoldNote, Split
from mednerapp.domain.gold import GoldOrigin, GoldPolicy, Standing, Submitted, Waiting, standing
from mednerapp.domain.spans import Span
from mednerapp.errors import InvalidValue, NotFound
from mednerapp.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class Overview:
    """Notes by why they are gold, and by what they wait for. changed: notes whose annotations were submitted anew since
    somebody decided about them.
    """

    origins: dict[GoldOrigin, int]
    waiting: dict[Waiting, int]
    changed: int


@dataclass(frozen=True, slots=True)
class ListedNote:
    """A note with its title and the names of its annotators, in the order in which they began."""

    standing: Standing
    title: str
    people: tuple[str, ...]


def standings(tx: Transaction, project_id: int, *, note_id: int | None = None) -> list[Standing]:
    """Where every submitted or decided note of the project stands, in order of notes; or one note."""
    policy = tx.projects.get(project_id).gold_policy
    doubled = tx.doubles.notes(project_id)
    decided = tx.golds.decided(project_id, note_id=note_id)
    submitted = tx.golds.submitted(project_id, note_id=note_id)
    groups = [(note, list(rows)) for note, rows in groupby(submitted, key=lambda row: row[1].note_id)]
    several = [a.annotation_id for note, rows in groups if len(rows) > 1 and note not in decided for _, a in rows]
    spans = tx.golds.confirmed(several)
    found: list[Standing] = []
    for note, rows in groups:
        own = [annotation for _, annotation in rows]
        one = standing(
            note_id=note,
            split=rows[0][0],
            annotations=own,
            doubled=note in doubled,
            same=len({spans.get(a.annotation_id) for a in own}) == 1,
            decided=decided.pop(note, None),
            policy=policy,
        )
        found += [one] if one else []
    for note, decision in decided.items():  # every annotation behind them was taken back since
        of_none: tuple[Submitted, ...] = ()
        one = standing(
            note_id=note,
            split=tx.notes.get(note).split,
            annotations=of_none,
            doubled=note in doubled,
            same=False,
            decided=decision,
            policy=policy,
        )
        found += [one] if one else []
    return sorted(found, key=lambda s: s.note_id)


def of_note(tx: Transaction, note_id: int) -> tuple[Standing | None, tuple[Span, ...]]:
    """Where the note stands, and its gold spans in text order; none while it is no gold."""
    found = standings(tx, tx.notes.get(note_id).project_id, note_id=note_id)
    if not found or found[0].origin is None:
        return (found[0] if found else None), ()
    return found[0], _spans(tx, found)[note_id]


def frozen(tx: Transaction, project_id: int) -> list[FrozenNote]:
    """The gold of the project, in order of notes."""
    gold = [s for s in standings(tx, project_id) if s.origin is not None]
    spans = _spans(tx, gold)
    revisions = tx.golds.revisions([s.gold_id for s in gold if s.gold_id])
    found: list[FrozenNote] = []
    for one in gold:
        note = tx.notes.get(one.note_id)
        behind = one.annotations[0] if one.annotations else _source(tx, one.note_id)
        value = GoldNote(note.id, note.content_hash, note.text, spans[note.id], note.split)
        revision = revisions[one.gold_id] if one.gold_id else None
        found.append(FrozenNote(value, behind.annotation_id, behind.revision, one.gold_id, revision))
    return found


def _source(tx: Transaction, note_id: int) -> Submitted:
    """The first annotation that a decision rests on, though it is not submitted any more."""
    gold = tx.golds.of(note_id)
    if gold is None or not gold.sources:
        raise NotFound(f"Note {note_id} has gold without an annotation behind it.")
    first = min(gold.sources)
    return Submitted(first, note_id, tx.annotations.head(first).user_id, gold.sources[first])


def _spans(tx: Transaction, gold: Collection[Standing]) -> dict[int, tuple[Span, ...]]:
    """The gold spans by note. Where several annotators agree, any of them will do."""
    decided = tx.golds.spans([s.gold_id for s in gold if s.gold_id])
    plain = {s.note_id: s.annotations[0].annotation_id for s in gold if not s.gold_id}
    confirmed = tx.golds.confirmed(list(plain.values()))
    found = {note: tuple(sorted(confirmed[annotation_id])) for note, annotation_id in plain.items()}
    return found | {s.note_id: tuple(sorted(g.span for g in decided[s.gold_id])) for s in gold if s.gold_id}


def by_split(tx: Transaction, project_id: int) -> dict[Split, int]:
    counts = Counter(s.split for s in standings(tx, project_id) if s.origin is not None)
    return dict.fromkeys(Split, 0) | counts


def overview(store: Store, *, user: User, project_id: int) -> Overview:
    """How many notes are gold and why, and how many wait for what."""
    user.require(Permission.TRAIN)
    with store.read() as tx:
        found = standings(tx, project_id)
    origins = Counter(s.origin for s in found if s.origin)
    waiting = Counter(s.waiting for s in found if s.waiting)
    return Overview(
        {origin: origins[origin] for origin in GoldOrigin},
        {why: waiting[why] for why in Waiting},
        sum(s.changed for s in found),
    )


def listed(
    store: Store,
    *,
    user: User,
    project_id: int,
    waiting: Waiting | None = None,
    origin: GoldOrigin | None = None,
    limit: int = 200,
) -> list[ListedNote]:
    """The first notes that wait for that, or are gold for that reason; of all without either."""
    user.require(Permission.TRAIN)
    with store.read() as tx:
        found = [s for s in standings(tx, project_id) if waiting in (None, s.waiting) and origin in (None, s.origin)]
        names = {person.id: person.name for person in tx.users.all()}
        return [
            ListedNote(one, tx.notes.get(one.note_id).title, tuple(names[a.user_id] for a in one.annotations))
            for one in found[:limit]
        ]


def change(store: Store, *, user: User, project_id: int, policy: GoldPolicy, double_percent: int) -> None:
    """When notes with one annotator are gold from now on, and the share of notes that gets two.

    The share counts for notes that nobody has submitted yet and for those that will come.

    Raises:
        InvalidValue: for a percentage outside 0 to 100.
    """
    user.require(Permission.TRAIN)
    if not 0 <= double_percent <= 100:
        raise InvalidValue(f"The share of notes with two annotators is 0 to 100 percent, not {double_percent}.")
    with store.write() as tx:
        tx.projects.lock(project_id)
        before = tx.projects.get(project_id)
        tx.projects.change_gold(project_id, policy=policy, double_percent=double_percent)
        if double_percent != before.double_percent:
            tx.doubles.share(project_id, percent=double_percent)
        tx.audit.add(
            user=user,
            action="gold policy changed",
            target=f"project:{project_id}",
            policy=[before.gold_policy.value, policy.value],
            double_percent=[before.double_percent, double_percent],
        )


def ask_for_two(store: Store, *, user: User, project_id: int, note_ids: Collection[int]) -> list[int]:
    """Ask for a second annotator of these notes; those that are new among them. They are no gold until then."""
    user.require(Permission.TRAIN)
    with store.write() as tx:
        asked = tx.doubles.add(note_ids, project_id=project_id, user_id=user.id)
        tx.audit.add(user=user, action="second annotator asked for", target=f"project:{project_id}", notes=asked)
    return asked


def ask_for_one(store: Store, *, user: User, project_id: int, note_ids: Collection[int]) -> None:
    """Take that back; what was annotated stays."""
    user.require(Permission.TRAIN)
    with store.write() as tx:
        tx.doubles.remove(note_ids, project_id=project_id)
        tx.audit.add(
            user=user, action="second annotator not needed", target=f"project:{project_id}", notes=sorted(note_ids)
        )
