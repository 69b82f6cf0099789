"""Every error that MedNER raises on purpose. The message is written for the person who reads it on a page."""

# ruff: noqa: N818 - the names say what happened, as LookupError's neighbours KeyboardInterrupt and StopIteration do

from __future__ import annotations

from collections.abc import Iterable, Sequence


class MedNerError(Exception):
    """Base of all expected errors: its text is safe to show (it never holds note text) and says what to do."""


class InvalidValue(MedNerError, ValueError):
    """A value that no record may have; names the value and the valid ones."""


class UnknownLabel(InvalidValue):
    def __init__(self, label: str, valid: Iterable[str]) -> None:
        super().__init__(f"Unknown label {label!r}. Valid labels: {', '.join(valid)}.")


class NotFound(MedNerError, LookupError):
    """The record does not exist (or is not visible to the person who asks)."""


class PermissionDenied(MedNerError):
    """The person's role does not allow the action."""


class SignedOut(MedNerError):
    """There is no valid session: never signed in, idle too long, or signed out elsewhere."""


class RejectedNote(MedNerError):
    """A note that cannot be imported; the text is the reason shown beside the file name."""


class RevisionConflict(MedNerError):
    """Somebody else changed the annotation after the editor loaded it; nothing was written."""

    def __init__(self, *, expected: int, actual: int) -> None:
        super().__init__(f"The annotation is at revision {actual}, the editor was at {expected}.")
        self.expected = expected
        self.actual = actual


class ChangedSince(MedNerError):
    """What the person looked at before deciding is not so any more; nothing was written."""


class AnnotationSubmitted(MedNerError):
    """The annotation was submitted; it has to be reopened before it can be edited."""


class InvalidEdit(MedNerError):
    """One edit of a batch cannot be applied. `client_seq` names it; the edits before it were stored."""

    def __init__(self, message: str, *, client_seq: int) -> None:
        super().__init__(message)
        self.client_seq = client_seq


class NothingToTrainOn(MedNerError):
    """A dataset cannot be frozen or trained on because a split would be empty."""


class NotCleared(MedNerError):
    """Notes have not passed the project's policy on identifiers, so nothing is trained on or exported."""

    def __init__(self, note_ids: Sequence[int]) -> None:
        count = f"{len(note_ids)} {'note has' if len(note_ids) == 1 else 'notes have'}"
        super().__init__(
            f"{count} not passed this project's policy on identifiers. Look at the page Identifiers, then try again."
        )
        self.note_ids = tuple(note_ids)


class IdentifierModelFailed(MedNerError):
    """The model that was chosen to look for identifiers gave no answer, so nothing may go on as if it had."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"The model {model!r} that looks for identifiers could not be asked: {reason.rstrip('.')}. The note was "
            "not taken in. Mend the model, or set MEDNER_DEID_MODEL to off to go on with the rules alone."
        )


class NotHighlighted(MedNerError):
    """The model failed on some notes; all others have their highlights."""

    MOST = 20  # ids in the message

    def __init__(self, note_ids: Sequence[int]) -> None:
        count = f"{len(note_ids)} {'note' if len(note_ids) == 1 else 'notes'} could not be highlighted"
        ids = ", ".join(map(str, note_ids[: self.MOST])) + (", …" if len(note_ids) > self.MOST else "")
        super().__init__(f"{count} ({'id' if len(note_ids) == 1 else 'ids'} {ids}).")
        self.note_ids = tuple(note_ids)


class ModelProblem(MedNerError):
    """A model folder is missing, damaged or does not fit; the message says what to do."""
