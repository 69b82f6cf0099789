"""A whole project removed, in the order that the references between its rows ask for."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.store.jobs import OPEN
from mednerapp.store.notes import forget_words


class Erasures:
    def __init__(self, session: Session) -> None:
        self._session = session

    def open_jobs(self, project_id: int) -> list[int]:
        """Ids of jobs that wait or run and are about the project."""
        of_runs = select(t.Run.job_id).where(t.Run.project_id == project_id)
        found = list(self._session.scalars(select(t.Job.id).where(t.Job.state.in_(OPEN), t.Job.id.in_(of_runs))))
        datasets = set(self._session.scalars(select(t.Dataset.id).where(t.Dataset.project_id == project_id)))
        rows = self._session.execute(select(t.Job.id, t.Job.args).where(t.Job.state.in_(OPEN)))
        about = [i for i, args in rows if args.get("project_id") == project_id or args.get("dataset_id") in datasets]
        return sorted({*found, *about})

    def counts(self, project_id: int) -> dict[str, int]:
        """How many notes (the bin's and the waiting ones included), annotations and datasets the project has."""
        notes = select(t.Note.id).where(t.Note.project_id == project_id)
        counted = {
            "notes": select(func.count()).select_from(t.Note).where(t.Note.project_id == project_id),
            "waiting": select(func.count()).select_from(t.HeldNote).where(t.HeldNote.project_id == project_id),
            "annotations": select(func.count()).select_from(t.Annotation).where(t.Annotation.note_id.in_(notes)),
            "datasets": select(func.count()).select_from(t.Dataset).where(t.Dataset.project_id == project_id),
        }
        return {name: self._session.scalar(query) or 0 for name, query in counted.items()}

    def learned(self, project_id: int) -> list[tuple[int, str, str]]:
        """(id, name, folder) of the adapters that were trained in the project."""
        rows = self._session.execute(
            select(t.Adapter.id, t.Adapter.name, t.Adapter.folder).where(_learned_in(project_id)).order_by(t.Adapter.id)
        )
        return [(row.id, row.name, row.folder) for row in rows]

    def runs(self, project_id: int) -> list[int]:
        """Ids of the project's runs."""
        return list(self._session.scalars(select(t.Run.id).where(t.Run.project_id == project_id)))

    def project(self, project_id: int) -> None:
        """Remove the project's row and all that hangs on it, its adapters' rows included; the audit log stays."""
        adapters = select(t.Adapter.id).where(_learned_in(project_id))
        datasets = select(t.Dataset.id).where(t.Dataset.project_id == project_id)
        for statement in (  # what refers to something goes before it
            delete(t.Evaluation).where(
                or_(t.Evaluation.dataset_id.in_(datasets), t.Evaluation.adapter_id.in_(adapters))
            ),
            delete(t.SuspicionRound).where(t.SuspicionRound.dataset_id.in_(datasets)),
            delete(t.Experiment).where(t.Experiment.project_id == project_id),
            delete(t.Promotion).where(t.Promotion.project_id == project_id),
            delete(t.DatasetSpan).where(t.DatasetSpan.dataset_id.in_(datasets)),
            delete(t.DatasetNote).where(t.DatasetNote.dataset_id.in_(datasets)),
            delete(t.Note).where(t.Note.project_id == project_id),
            delete(t.Prediction).where(t.Prediction.adapter_id.in_(adapters)),
            delete(t.Adapter).where(_learned_in(project_id)),
            delete(t.Run).where(t.Run.project_id == project_id),
            delete(t.Dataset).where(t.Dataset.project_id == project_id),
            delete(t.Project).where(t.Project.id == project_id),
        ):
            self._session.execute(statement)
        self._session.expire_all()
        forget_words(self._session)


def _learned_in(project_id: int) -> ColumnElement[bool]:
    """Adapters that belong to the project or were trained by one of its runs."""
    runs = select(t.Run.id).where(t.Run.project_id == project_id)
    return or_(t.Adapter.project_id == project_id, t.Adapter.run_id.in_(runs))
