"""Projects and what is in them."""

from __future__ import annotations

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.jobs import Job
from mednerapp.domain.labels import MEDICAL_SCHEMA, LabelSchema
from mednerapp.domain.models import Adapter, AdapterKind, Encoder
from mednerapp.domain.notes import NoteStatus, NoteSummary, Progress
from mednerapp.domain.projects import Project
from mednerapp.errors import InvalidValue
from mednerapp.store import Store


def create(
    store: Store, *, by: User | None, name: str, schema: LabelSchema = MEDICAL_SCHEMA, guideline: str = ""
) -> Project:
    """A project whose notes the shipped starter highlights, where it is installed. `by` is None on the command line."""
    if by:
        by.require(Permission.TRAIN)
    name = name.strip()
    if not 1 <= len(name) <= 200:
        raise InvalidValue("A project name has 1 to 200 characters.")
    with store.write() as tx:
        if tx.projects.by_name(name):
            raise InvalidValue(f"There is a project {name!r} already.")
        project = tx.projects.add(name=name, schema=schema, guideline=guideline)
        starters = [a for a in tx.models.adapters(project.id) if a.kind is AdapterKind.STARTER]
        if starters:
            tx.projects.promote(project_id=project.id, adapter_id=starters[-1].id, user_id=by.id if by else None)
        tx.audit.add(user=by, action="project created", target=f"project:{project.id}")
        return tx.projects.get(project.id)


def all_projects(store: Store) -> list[Project]:
    with store.read() as tx:
        return tx.projects.all()


def notes(
    store: Store,
    *,
    user: User,
    project_id: int,
    status: NoteStatus | None = None,
    search: str = "",
    limit: int = 200,
) -> list[NoteSummary]:
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return tx.notes.summaries(project_id=project_id, user_id=user.id, status=status, search=search, limit=limit)


def progress(store: Store, *, user: User, project_id: int) -> Progress:
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return tx.notes.progress(project_id)


def models(store: Store, *, user: User, project_id: int) -> tuple[list[Encoder], list[Adapter]]:
    """The encoders that are installed and the adapters that the project can use."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        return tx.models.encoders(), tx.models.adapters(project_id)


def recent_jobs(store: Store, *, user: User, limit: int = 30) -> list[Job]:
    user.require(Permission.TRAIN)
    with store.read() as tx:
        return tx.jobs.recent(limit)
