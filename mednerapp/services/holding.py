"""Notes that wait with their identifiers until a person has confirmed, added to or taken from what is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mednerapp.deid.replacing import Segment, restore, to_original
from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import Edit, SpanState
from mednerapp.domain.identifiers import HeldNote, Identifier, IdentifierPolicy, IdentifierType, Verdict
from mednerapp.domain.labels import LabelSchema, schema_from
from mednerapp.domain.notes import NewNote
from mednerapp.errors import InvalidEdit, NotFound, RevisionConflict
from mednerapp.services.annotating import MAX_EDITS, Saved
from mednerapp.services.identifiers import Prepared, prepared_from, stored
from mednerapp.services.predicting import queue_predictions
from mednerapp.store import Store, Transaction

_T = IdentifierType
_COLORS = {
    _T.NAME: "#D55E00", _T.DATE: "#0072B2", _T.AGE: "#56B4E9", _T.PHONE: "#009E73", _T.FAX: "#009E73",
    _T.EMAIL: "#009E73", _T.URL: "#009E73", _T.IP: "#009E73", _T.LOCATION: "#E69F00", _T.FACILITY: "#E69F00",
}  # fmt: skip
# In the order of how often they are needed: the first nine have a digit key.
_ORDER = (_T.NAME, _T.DATE, _T.MRN, _T.PHONE, _T.LOCATION, _T.FACILITY, _T.AGE, _T.OTHER, _T.EMAIL)
SCHEMA: LabelSchema = schema_from(
    [
        (kind.value, _COLORS.get(kind, "#CC79A7"), "")
        for kind in (*_ORDER, *(other for other in IdentifierType if other not in _ORDER))
    ]
)


@dataclass(frozen=True, slots=True)
class Released:
    """note_id: of the note that came into the project. counts: identifiers that were replaced, by type."""

    note_id: int
    counts: dict[str, int]
    revision: int


def hold(tx: Transaction, prepared: Prepared, *, project_id: int, user: User) -> tuple[int, bool]:
    """Put a note where only few may see it, with what the recognisers found.

    It counts as an identifier until a person takes it away, so nobody can leave one in by not looking.
    """
    spans = [
        {
            "id": f"found-{number}",
            "start": one.start,
            "end": one.end,
            "label": one.type.value,
            "state": SpanState.CONFIRMED.value,
            "origin": "model",
            "score": one.score,
        }
        for number, one in enumerate(prepared.found)
    ]
    return tx.privacy.hold(project_id=project_id, note=prepared.was, spans=spans, user_id=user.id)


def take_out(store: Store, *, user: User, note_id: int) -> int:
    """A note of the project becomes a waiting one, in its original form; the note goes into the bin. Its id there.

    What people annotated goes into the bin with it.
    """
    user.require(Permission.SEE_IDENTIFIERS)
    with store.read() as tx:
        note = tx.notes.get(note_id)
        try:
            title, source, patient_key, rows = tx.privacy.original(note_id)
        except NotFound:
            title, source, patient_key, rows = note.title, note.source, note.patient_key, []
    segments = [Segment(s[0], s[1], s[2], IdentifierType(s[3])) for s in rows]
    text = restore(note.text, segments)
    was = NewNote(text=text, title=title, source=source, patient_key=patient_key, note_type=note.note_type)
    placed = [
        Identifier(to_original(s.start, segments), to_original(s.end, segments, end=True), s.type, source="before")
        for s in segments
    ]
    from mednerapp.deid.detector import usual  # as in `identifiers.prepare`

    found = placed or list(usual().find(text))
    with store.write() as tx:
        held_id, _ = hold(
            tx, Prepared(was, was, IdentifierPolicy.KEEP, tuple(found)), project_id=note.project_id, user=user
        )
        tx.notes.delete([note_id], project_id=note.project_id, user_id=user.id)
        tx.audit.add(user=user, action="note taken out for identifiers", target=f"note:{note_id}", waiting=held_id)
    return held_id


def waiting(store: Store, *, user: User, project_id: int) -> list[tuple[int, str]]:
    """(id, title) of the notes of the project that wait, the oldest first."""
    user.require(Permission.SEE_IDENTIFIERS)
    with store.read() as tx:
        return tx.privacy.waiting(project_id)


def open_held(store: Store, *, user: User, held_id: int) -> HeldNote:
    user.require(Permission.SEE_IDENTIFIERS)
    with store.read() as tx:
        return tx.privacy.held(held_id)


def save_edits(
    store: Store, *, user: User, held_id: int, client: str, base_revision: int, edits: Sequence[Edit]
) -> Saved:
    """Store a client's edits of a waiting note's identifiers; a repeated delivery changes nothing.

    Raises:
        RevisionConflict: another person or tab changed them after `base_revision`.
        InvalidEdit: an edit that the note cannot take; nothing of the batch is stored.
    """
    user.require(Permission.SEE_IDENTIFIERS)
    if len(edits) > MAX_EDITS:
        raise InvalidEdit(f"At most {MAX_EDITS} edits at once.", client_seq=edits[0].client_seq)
    with store.write() as tx:
        held = tx.privacy.held(held_id, lock=True)
        seen = held.clients.get(client, 0)
        new = [edit for edit in edits if edit.client_seq > seen]
        others = base_revision < held.revision and held.last_client != client
        if not new:  # what others wrote since is not confirmed with it: the client has to be told of that
            return Saved(seen, base_revision if others else held.revision)
        # A client that is ahead of the database knew edits that a restored backup does not hold.
        if base_revision > held.revision or others:
            raise RevisionConflict(expected=base_revision, actual=held.revision)
        spans = {span["id"]: span for span in held.spans}
        for edit in new:
            _apply(spans, edit, length=len(held.text))
        last = new[-1].client_seq
        revision = held.revision + len(new)
        ordered = sorted(spans.values(), key=lambda span: (span["start"], span["end"], span["id"]))
        clients = held.clients | {client: last}
        tx.privacy.change_held(held_id, spans=ordered, revision=revision, clients=clients, last_client=client)
    return Saved(last, revision)


def _apply(spans: dict[str, dict[str, Any]], edit: Edit, *, length: int) -> None:
    if edit.span is None:
        spans.pop(edit.span_id, None)
        return
    span = edit.span
    if span.end > length or span.fragments:
        raise InvalidEdit("An identifier is one piece inside the note.", client_seq=edit.client_seq)
    if span.label not in SCHEMA.names:
        raise InvalidEdit(f"{span.label!r} is no type of identifier.", client_seq=edit.client_seq)
    before = spans.get(edit.span_id, {"origin": "person", "score": None})
    spans[edit.span_id] = {
        "id": edit.span_id,
        "start": span.start,
        "end": span.end,
        "label": span.label,
        "state": (edit.state or SpanState.CONFIRMED).value,
        "origin": before["origin"],
        "score": before["score"],
    }


def release(store: Store, *, user: User, held_id: int, revision: int) -> Released:
    """A person is done: what is not rejected is replaced, the note comes into the project, the waiting text goes.

    What nobody has looked at is replaced as well: the safe reading of silence.

    Raises:
        RevisionConflict: the identifiers have changed since the person saw them.
    """
    user.require(Permission.SEE_IDENTIFIERS)
    with store.write() as tx:
        held = tx.privacy.held(held_id, lock=True)
        if held.revision != revision:
            raise RevisionConflict(expected=revision, actual=held.revision)
        policy, key = tx.privacy.policy(held.project_id)
        was = NewNote(
            text=held.text,
            title=held.title,
            source=held.source,
            patient_key=held.patient_key,
            note_type=held.note_type,
        )
        found = [
            Identifier(span["start"], span["end"], IdentifierType(span["label"]))
            for span in held.spans
            if span["state"] != SpanState.REJECTED.value
        ]
        from mednerapp.deid.detector import merged

        prepared = prepared_from(was, merged(held.text, found), policy=policy, key=key)
        note_id, new = tx.notes.find_or_add(project_id=held.project_id, note=prepared.note, user_id=user.id)
        if not new:
            tx.notes.restore([note_id], project_id=held.project_id)
        stored(tx, prepared, note_id=note_id, user=user, verdict=Verdict.CLEARED)
        tx.privacy.let_go(held_id)
        tx.audit.add(
            user=user,
            action="identifiers confirmed",
            target=f"note:{note_id}",
            replaced=prepared.counts,
            rejected=len(held.spans) - len(found),
        )
        queue_predictions(tx, project_id=held.project_id, user_id=user.id)
    return Released(note_id, prepared.counts, held.revision)
