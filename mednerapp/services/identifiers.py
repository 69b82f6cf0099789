"""What a project does about identifiers: its policy, what becomes of a note on import, the gate, and the way back."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mednerapp.deid.replacing import Replaced, Segment, replace_all, restore, to_replaced
from mednerapp.deid.surrogates import Surrogates, tag
from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.identifiers import Identifier, IdentifierPolicy, IdentifierType, Standing, Verdict
from mednerapp.domain.notes import NewNote
from mednerapp.domain.spans import Span
from mednerapp.errors import NotCleared
from mednerapp.store import Store, Transaction

if TYPE_CHECKING:
    from mednerapp.deid.detector import Detector

Known = Mapping[IdentifierType, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the policy makes of a note before it is stored. replaced: None where nothing was."""

    was: NewNote
    note: NewNote
    policy: IdentifierPolicy
    found: tuple[Identifier, ...] = ()
    replaced: Replaced | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Identifiers by type: all that may be said of them outside the note."""
        return dict(Counter(one.type.value for one in self.found))

    @property
    def said(self) -> str:
        """`2 name, 1 date`."""
        return ", ".join(f"{count} {kind}" for kind, count in sorted(self.counts.items()))


def policy(store: Store, *, user: User, project_id: int) -> IdentifierPolicy:
    user.require(Permission.IMPORT)
    with store.read() as tx:
        return tx.privacy.policy(project_id)[0]


def choose_policy(store: Store, *, user: User, project_id: int, policy: IdentifierPolicy) -> None:
    """What happens with notes from now on; those that are there stay as they are and pass the gate once looked at."""
    user.require(Permission.SEE_IDENTIFIERS)
    with store.write() as tx:
        tx.projects.get(project_id)
        before, _ = tx.privacy.policy(project_id)
        tx.privacy.set_policy(project_id, policy)
        tx.audit.add(
            user=user,
            action="identifier policy",
            target=f"project:{project_id}",
            before=before.value,
            after=policy.value,
        )


def standing(store: Store, *, user: User, project_id: int) -> Standing:
    user.require(Permission.SEE_IDENTIFIERS)
    with store.read() as tx:
        return tx.privacy.standing(project_id)


def to_look_at(store: Store, *, user: User, project_id: int) -> list[tuple[int, str, Verdict]]:
    """(id, title, verdict) of notes of the project that no person has cleared: first the stopped, then the replaced."""
    user.require(Permission.SEE_IDENTIFIERS)
    with store.read() as tx:
        return [
            (note_id, title, verdict)
            for verdict in (Verdict.HELD, Verdict.REPLACED)
            for note_id, title in tx.privacy.with_verdict(project_id, verdict)
        ]


def prepare(
    note: NewNote, *, policy: IdentifierPolicy, key: bytes, known: Known | None = None, detector: Detector | None = None
) -> Prepared:
    """Look for identifiers and do what the policy says, in memory. OFF: nothing is looked for."""
    if policy is IdentifierPolicy.OFF:
        return Prepared(note, note, policy)
    values: dict[IdentifierType, Sequence[str]] = dict(known or {})
    if note.patient_key:
        values[IdentifierType.MRN] = (*values.get(IdentifierType.MRN, ()), note.patient_key)
    from mednerapp.deid.detector import usual  # its word lists and patterns take time that only a policy is worth

    found = (detector or usual()).find(note.text, known_values=values)
    if policy in (IdentifierPolicy.REFUSE, IdentifierPolicy.KEEP):
        return Prepared(note, note, policy, found)
    return prepared_from(note, found, policy=policy, key=key)


def prepared_from(note: NewNote, found: Sequence[Identifier], *, policy: IdentifierPolicy, key: bytes) -> Prepared:
    """The note with these identifiers replaced. Title, file name and patient key are, whatever they hold."""
    patient = note.patient_key or note.content_hash
    substitute = tag if policy is IdentifierPolicy.TAG else Surrogates(key, patient)
    replaced = replace_all(note.text, found, substitute)
    new = NewNote(
        text=replaced.text,
        title=f"{note.note_type or 'Note'} {_pseudonym(key, 'note', note.content_hash)}",
        source="",
        patient_key=f"P-{_pseudonym(key, 'patient', note.patient_key)}" if note.patient_key else None,
        note_type=note.note_type,
    )
    return Prepared(note, new, policy, tuple(found), replaced)


def _pseudonym(key: bytes, kind: str, value: str) -> str:
    return hmac.new(key, f"{kind}\x1f{value}".encode(), hashlib.sha256).hexdigest()[:12]


def moved(span: Span, prepared: Prepared) -> Span:
    """The span where its words are after the replacement; one over part of an identifier grows to the whole of it."""
    if prepared.replaced is None:
        return span
    segments = prepared.replaced.segments
    pieces = tuple(
        (to_replaced(start, segments), to_replaced(end, segments, end=True)) for start, end in span.fragments
    )
    return Span(to_replaced(span.start, segments), to_replaced(span.end, segments, end=True), span.label, pieces)


def stored(
    tx: Transaction, prepared: Prepared, *, note_id: int, user: User | None, verdict: Verdict | None = None
) -> None:
    """Say how the note stands, and put the way back where few may look. Part of the transaction that adds the note."""
    if prepared.policy is IdentifierPolicy.OFF:
        return
    if verdict is None:
        verdict = Verdict.REPLACED if prepared.found else Verdict.FOUND_NONE
    by = user.id if user and verdict is Verdict.CLEARED else None
    tx.privacy.set_verdict(note_id, verdict, counts=prepared.counts, user_id=by)
    if prepared.replaced:
        segments = [[s.start, s.original, s.replacement, s.type.value] for s in prepared.replaced.segments]
        tx.privacy.keep_original(note_id, was=prepared.was, segments=segments)


def require_passed(tx: Transaction, *, project_id: int, note_ids: Collection[int]) -> None:
    """The gate in front of training and export.

    Raises:
        NotCleared: if the project has a policy and a note has not passed it.
    """
    policy, _ = tx.privacy.policy(project_id)
    if policy is IdentifierPolicy.OFF:
        return
    left = tx.privacy.not_passed(note_ids)
    if left:
        raise NotCleared(left)


def check(
    store: Store, *, user: User, project_id: int, on_progress: Callable[[int], None] | None = None
) -> dict[Verdict, int]:
    """Look for identifiers in the notes that nothing has looked at: those that came in before the policy.

    on_progress: called with the number of notes done.
    """
    user.require(Permission.SEE_IDENTIFIERS)
    from mednerapp.deid.detector import usual

    tally = {Verdict.FOUND_NONE: 0, Verdict.HELD: 0}
    detector, last, done = usual(), 0, 0
    while True:
        with store.read() as tx:
            ids = tx.privacy.unchecked(project_id, after=last)
            notes = [tx.notes.get(note_id) for note_id in ids]
        if not ids:
            break
        for note in notes:
            known = {IdentifierType.MRN: (note.patient_key,)} if note.patient_key else None
            counts = Counter(one.type.value for one in detector.find(note.text, known_values=known))
            verdict = Verdict.HELD if counts else Verdict.FOUND_NONE
            with store.write() as tx:
                tx.privacy.set_verdict(note.id, verdict, counts=counts)
            tally[verdict] += 1
            done += 1
            if on_progress:
                on_progress(done)
        last = ids[-1]
    with store.write() as tx:
        counted = {verdict.value: count for verdict, count in tally.items()}
        tx.audit.add(user=user, action="identifiers looked for", target=f"project:{project_id}", **counted)
    return tally


def restore_note(store: Store, *, user: User, note_id: int) -> str:
    """The text of a note as it was uploaded; who asked is in the audit log before they get it."""
    user.require(Permission.RESTORE_IDENTIFIERS)
    with store.write() as tx:
        note = tx.notes.get(note_id)
        *_, segments = tx.privacy.original(note_id)
        text = restore(note.text, [Segment(s[0], s[1], s[2], IdentifierType(s[3])) for s in segments])
        tx.audit.add(user=user, action="identifiers restored", target=f"note:{note_id}", identifiers=len(segments))
    return text
