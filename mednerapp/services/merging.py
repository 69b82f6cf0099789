"""Documents of an exchange format or an upload in, merged with the notes that are there by the hash of their text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.annotations import (
    IMPORT_CLIENT,
    MOST_COMMENT,
    AnnotatedSpan,
    AnnotationState,
    EditAction,
    SpanState,
    check_id,
    check_new_id,
    imported_id,
)
from mednerapp.domain.exchange import Document, ExchangeSpan, Trait, Unreadable
from mednerapp.domain.identifiers import IdentifierPolicy
from mednerapp.domain.notes import NewNote
from mednerapp.domain.projects import Project
from mednerapp.errors import InvalidValue, RejectedNote
from mednerapp.formats.text import clean_title
from mednerapp.services import identifiers
from mednerapp.services.events import Change, record
from mednerapp.services.identifiers import Prepared, moved
from mednerapp.services.predicting import queue_predictions
from mednerapp.store import Store, Transaction

BATCH = 100  # notes of one transaction
MOST_REASONS = 1000  # that a report keeps; all are counted
_LONGEST = {"patient_key": 200, "note_type": 100, "source": 300, "id": 200}  # characters, what the columns hold


class Merged(StrEnum):
    """What became of a document."""

    IMPORTED = "imported"
    MERGED = "merged"  # its spans came to a note that was there
    RESTORED = "restored"  # the note was in the bin
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(slots=True)
class MergeReport:
    """What became of the documents, and what of them has no place here. `rejected`: the first MOST_REASONS."""

    outcomes: Counter[Merged] = field(default_factory=Counter[Merged])
    spans: int = 0
    dropped_labels: Counter[str] = field(default_factory=Counter[str])
    not_kept: Counter[str] = field(default_factory=Counter[str])
    discontinuous: int = 0
    rejected: list[Unreadable] = field(default_factory=list[Unreadable])
    note_ids: list[int] = field(default_factory=list[int])

    def reject(self, place: str, reason: str) -> None:
        self.outcomes[Merged.REJECTED] += 1
        if len(self.rejected) < MOST_REASONS:
            self.rejected.append(Unreadable(place, reason))


@dataclass(frozen=True, slots=True)
class _Ready:
    """A document that fits: everything that can be refused was looked at before anything is stored."""

    place: str
    prepared: Prepared
    spans: tuple[AnnotatedSpan, ...]
    submitted: bool

    @property
    def note(self) -> NewNote:
        """As it is stored."""
        return self.prepared.note


def import_documents(
    store: Store,
    *,
    user: User,
    project_id: int,
    documents: Iterable[Document | Unreadable],
    annotated: bool,
    label_map: Mapping[str, str] | None = None,
    source: str = "import",
    dry_run: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> MergeReport:
    """Store what can be stored, BATCH notes in a transaction, as they are read; a rerun finds what is there already.

    annotated: the spans were made or confirmed by people; they come in as `user`'s annotation, submitted where it was.
        A note of that text which is there gets them if `user` has none on it. Otherwise spans are left out and counted.
    label_map: their label → ours; None keeps names. Labels that the project has not are left out and counted.
    source: of documents that do not name theirs. dry_run: nothing is stored, the report says what would be.
    on_progress: called with the number of documents done.
    """
    user.require(Permission.IMPORT)
    with store.read() as tx:
        project = tx.projects.get(project_id)
        policy, key = tx.privacy.policy(project_id)
    report, done = MergeReport(), 0
    rest = iter(documents)
    seen: set[str] = set()  # of a dry run: what its own documents would have stored
    try:
        while given := list(islice(rest, BATCH)):
            ready: list[_Ready] = []
            for document in given:
                done += 1
                if isinstance(document, Unreadable):
                    report.reject(document.place, document.reason)
                    continue
                place = f"note {done}"
                try:
                    item = _ready(document, place, project, label_map, report, annotated=annotated, source=source)
                    ready.append(_without_identifiers(item, policy, key))
                except (RejectedNote, InvalidValue) as error:
                    report.reject(place, str(error))
            if dry_run:
                with store.read() as tx:
                    for item in ready:
                        report.outcomes[_foreseen(tx, project_id, item, seen)] += 1
            else:
                _store_batch(store, user, project_id, ready, report)
            if on_progress:
                on_progress(done)
    finally:
        if not dry_run:
            with store.write() as tx:
                counts = {outcome.value: report.outcomes[outcome] for outcome in Merged}
                tx.audit.add(
                    user=user,
                    action="documents imported",
                    target=f"project:{project_id}",
                    annotated=annotated,
                    spans=report.spans,
                    **counts,
                )
    return report


def _without_identifiers(item: _Ready, policy: IdentifierPolicy, key: bytes) -> _Ready:
    """What the project's policy makes of it: a note whose identifiers are replaced takes its spans along.

    Raises:
        RejectedNote: it holds identifiers, and the project refuses such notes or lets a person look at them first.
    """
    prepared = identifiers.prepare(item.note, policy=policy, key=key)
    if prepared.found and not prepared.replaced:
        raise RejectedNote(
            f"Identifiers were found ({prepared.said}), and the project's policy keeps such notes out. Upload "
            "it on the page to have it looked at, or choose to replace identifiers."
        )
    spans = tuple(replace(span, span=moved(span.span, prepared)) for span in item.spans)
    return _Ready(item.place, prepared, spans, submitted=item.submitted)


def _store_batch(store: Store, user: User, project_id: int, ready: Sequence[_Ready], report: MergeReport) -> None:
    with store.write() as tx:
        notes = tx.notes.find_or_add_all(project_id=project_id, notes=[item.note for item in ready], user_id=user.id)
        restored = set(tx.notes.restore({i for i, new in notes if not new}, project_id=project_id))
        for item, (note_id, new) in zip(ready, notes, strict=True):
            if new:
                identifiers.stored(tx, item.prepared, note_id=note_id, user=user)
        for note_id in sorted(restored):
            tx.audit.add(user=user, action="note restored", target=f"note:{note_id}", by_import=True)
        outcomes = [
            _merge(tx, user=user, item=item, note_id=note_id, new=new, restored=note_id in restored)
            for item, (note_id, new) in zip(ready, notes, strict=True)
        ]
        if any(outcome is Merged.IMPORTED or outcome is Merged.RESTORED for outcome, _, _ in outcomes):
            queue_predictions(tx, project_id=project_id, user_id=user.id)
    for outcome, note_id, spans in outcomes:  # counted when it is stored
        report.outcomes[outcome] += 1
        report.spans += spans
        if len(report.note_ids) < MOST_REASONS:
            report.note_ids.append(note_id)


def _merge(
    tx: Transaction, *, user: User, item: _Ready, note_id: int, new: bool, restored: bool
) -> tuple[Merged, int, int]:
    """(what became of it, the note, spans stored). new: the note was made for it. restored: it came out of the bin."""
    outcome = Merged.IMPORTED if new else Merged.DUPLICATE
    if restored:
        outcome = Merged.RESTORED
    if not item.spans and not item.submitted:
        return outcome, note_id, 0
    if not new and tx.annotations.of(note_id=note_id, user_id=user.id) is not None:
        return outcome, note_id, 0
    head = tx.annotations.add(note_id=note_id, user_id=user.id)
    changes = [Change(EditAction.CREATE, span.id, None, span) for span in item.spans]
    record(tx, head=head, client=IMPORT_CLIENT, user_id=user.id, changes=changes)
    if item.submitted:
        tx.annotations.set_state(head.id, AnnotationState.SUBMITTED)
    return Merged.MERGED if outcome is Merged.DUPLICATE else outcome, note_id, len(item.spans)


def _foreseen(tx: Transaction, project_id: int, item: _Ready, seen: set[str]) -> Merged:
    key = item.note.content_hash
    there = key in seen or tx.notes.by_hash(project_id=project_id, content_hash=key) is not None
    seen.add(key)
    if not there:
        return Merged.IMPORTED
    return Merged.MERGED if item.spans or item.submitted else Merged.DUPLICATE


def _ready(
    document: Document,
    place: str,
    project: Project,
    label_map: Mapping[str, str] | None,
    report: MergeReport,
    *,
    annotated: bool,
    source: str,
) -> _Ready:
    for name, longest in _LONGEST.items():
        value = getattr(document, name)
        if len(value) > longest or not value.isprintable():  # never cut: it could be another's afterwards
            raise RejectedNote(f"{name} has to be a text of at most {longest} printable characters.")
    note = NewNote(
        text=document.text,
        title=clean_title(document.title or document.id),
        source=document.source or source,
        patient_key=document.patient_key or None,
        note_type=document.note_type,
        foreign_id=document.id,
        written_on=document.written_on,
    )
    unchanged = Prepared(note, note, IdentifierPolicy.OFF)
    if not annotated:
        if document.spans:
            report.dropped_labels.update(item.span.label for item in document.spans)
        return _Ready(place, unchanged, (), submitted=False)
    kept, dropped, lost = _spans(document.spans, project, label_map)
    # Counted last: of a document that was rejected nothing is reported but that.
    report.dropped_labels.update(dropped)
    report.not_kept.update(lost)
    report.not_kept.update({Trait.HISTORY.value: len(document.history)} if document.history else {})
    report.not_kept.update({Trait.ANNOTATOR.value: 1} if document.annotator else {})
    report.discontinuous += sum(bool(span.span.fragments) for span in kept)
    suggestions_only = bool(kept) and all(span.state is SpanState.SUGGESTED for span in kept)
    return _Ready(place, unchanged, kept, submitted=document.submitted and not suggestions_only)


def _spans(
    given: Sequence[ExchangeSpan], project: Project, label_map: Mapping[str, str] | None
) -> tuple[tuple[AnnotatedSpan, ...], Counter[str], Counter[str]]:
    """(what fits the project, labels that do not, what of spans has no place here)."""
    kept: list[AnnotatedSpan] = []
    dropped, lost = Counter[str](), Counter[str]()
    taken: set[str] = set()
    for number, item in enumerate(given):
        label = label_map.get(item.span.label, "") if label_map is not None else item.span.label
        if label not in project.schema.names:
            dropped[item.span.label] += 1
            continue
        lost.update({Trait.CONCEPTS.value: len(item.concepts)} if item.concepts else {})
        lost.update({Trait.MODEL.value: 1} if item.model else {})
        name = item.id
        if not _free(name, taken):
            lost.update({Trait.SPAN_ID.value: 1} if name else {})
            name = imported_id(number)
        taken.add(name)
        if len(item.comment) > MOST_COMMENT:
            raise InvalidValue(f"A comment has at most {MOST_COMMENT} characters, not {len(item.comment)}.")
        span = type(item.span)(item.span.start, item.span.end, label, item.span.fragments)
        kept.append(
            AnnotatedSpan(
                name, span, item.state, item.origin, item.score, None, item.assertion, item.assertion_by,
                item.comment, item.unsure,
            )
        )  # fmt: skip
    return tuple(kept), dropped, lost


def _free(name: str, taken: set[str]) -> bool:
    """Whether a foreign id can be that of a span here."""
    try:
        check_id(name, "span id")
        check_new_id(name)
    except InvalidValue:
        return False
    return name not in taken
