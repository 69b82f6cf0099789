"""A patient's text removed for good, and what remains said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.clock import now
from mednerapp.errors import InvalidValue
from mednerapp.store import Store


@dataclass(frozen=True, slots=True)
class Erased:
    """notes, waiting: how many were removed from the project and from those that wait.

    kept: notes that a frozen dataset needs, with its name: their text remains until the dataset is gone.
    adapters: names of the adapters that learned from these notes; what they learned remains in their weights.
    """

    notes: int
    waiting: int
    kept: tuple[tuple[int, str], ...]
    adapters: tuple[str, ...]


def erase_patient(store: Store, *, user: User, project_id: int, patient_key: str) -> Erased:
    """Remove text, annotations, events, predictions, the offset maps and the index entries of all notes of a patient.

    patient_key: as it was uploaded, also where the project replaces it. Notes in the bin go, too. The audit log keeps
    ids and counts; copies outside (backups, exports) are not reached.

    Raises:
        InvalidValue: without a patient key.
    """
    user.require(Permission.ADMINISTER)
    key = patient_key.strip()
    if not key:
        raise InvalidValue("Say whose notes are to be erased.")
    with store.write() as tx:
        tx.projects.get(project_id)
        ids = tx.privacy.of_patient(project_id, key)
        kept = tx.privacy.frozen(ids)
        adapters = tx.privacy.learned_from(ids)
        gone = [note_id for note_id in ids if note_id not in {note_id for note_id, _ in kept}]
        tx.notes.delete(gone, project_id=project_id, user_id=user.id)
        tx.notes.purge(gone, before=now() + timedelta(minutes=1))
        waiting = tx.privacy.forget_patient(project_id, key)
        tx.audit.add(
            user=user,
            action="patient erased",
            target=f"project:{project_id}",
            notes=len(gone),
            waiting=waiting,
            kept=len({note_id for note_id, _ in kept}),
        )
    store.shrink()
    return Erased(len(gone), waiting, tuple(kept), tuple(adapters))
