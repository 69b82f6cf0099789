"""The text of a patient or of a whole project removed for good, and what remains said."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.clock import now
from mednerapp.errors import InvalidValue
from mednerapp.services.fine_tuning import checkpoint_folder
from mednerapp.settings import Settings
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


@dataclass(frozen=True, slots=True)
class ErasedProject:
    """notes: those in the bin included. waiting: for a person. adapters: names of those removed."""

    notes: int
    waiting: int
    annotations: int
    datasets: int
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


def erase_project(store: Store, *, user: User, project_id: int, name: str, settings: Settings) -> ErasedProject:
    """Remove a project with all its notes, annotations, datasets, scores, runs and adapters, their files included.

    name: the project's, said once more. What remains are ids and counts in the audit log and in the records of jobs;
    copies outside (backups, exports) are not reached.

    Raises:
        InvalidValue: if the name is another one, or jobs of the project wait or run.
    """
    user.require(Permission.ADMINISTER)
    with store.write() as tx:
        project = tx.projects.get(project_id)
        if name.strip() != project.name:
            raise InvalidValue(f"Type the project's name, {project.name}, to erase it.")
        tx.projects.lock(project_id)
        jobs = tx.erasures.open_jobs(project_id)
        if jobs:
            raise InvalidValue(f"Jobs of this project wait or run; cancel them first: {', '.join(map(str, jobs))}.")
        counts = tx.erasures.counts(project_id)
        adapters = tx.erasures.learned(project_id)
        folders = [settings.model_folder(folder) for _, _, folder in adapters]
        folders += [checkpoint_folder(settings.model_dir, run_id) for run_id in tx.erasures.runs(project_id)]
        tx.erasures.project(project_id)
        tx.audit.add(
            user=user, action="project erased", target=f"project:{project_id}", adapters=len(adapters), **counts
        )
    for folder in folders:  # after the commit: an adapter that is still registered has its weights
        shutil.rmtree(folder, ignore_errors=True)
    store.shrink()
    return ErasedProject(**counts, adapters=tuple(adapter for _, adapter, _ in adapters))
