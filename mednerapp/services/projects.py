"""Projects and what is in them."""

from __future__ import annotations

from collections.abc import Sequence

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.labels import MEDICAL_SCHEMA, LabelSchema, written_schema
from mednerapp.domain.models import Adapter, AdapterKind, Encoder
from mednerapp.domain.notes import NoteFilter, NoteStatus, NoteSummary, Progress
from mednerapp.domain.projects import Project
from mednerapp.errors import InvalidValue
from mednerapp.store import Store

SEARCH_AT_ONCE = 500  # notes
LONGEST_GUIDELINE = 100_000  # characters


def create(
    store: Store, *, by: User | None, name: str, schema: LabelSchema = MEDICAL_SCHEMA, guideline: str = ""
) -> Project:
    """A project whose notes the shipped starter highlights, where it is installed and knows a label of the project.

    `by` is None on the command line.
    """
    if by:
        by.require(Permission.TRAIN)
    name = name.strip()
    if not 1 <= len(name) <= 200:
        raise InvalidValue("A project name has 1 to 200 characters.")
    _check(guideline)
    with store.write() as tx:
        if tx.projects.by_name(name):
            raise InvalidValue(f"There is a project {name!r} already.")
        project = tx.projects.add(name=name, schema=schema, guideline=guideline)
        starters = [a for a in tx.models.adapters(project.id) if a.kind is AdapterKind.STARTER]
        if starters and set(starters[-1].labels) & set(schema.names):
            tx.projects.promote(project_id=project.id, adapter_id=starters[-1].id, user_id=by.id if by else None)
        tx.audit.add(user=by, action="project created", target=f"project:{project.id}")
        return tx.projects.get(project.id)


def add_labels(store: Store, *, user: User, project_id: int, rows: Sequence[tuple[str, str, str]]) -> Project:
    """Labels behind those that the project has: (name, colour or '', description). What is annotated stays as it is,
    datasets keep the labels that they were frozen with.

    Raises:
        InvalidValue: a label is not one, or is there already.
    """
    user.require(Permission.TRAIN)
    with store.write() as tx:
        tx.projects.lock(project_id)
        schema = written_schema(rows, after=tx.projects.get(project_id).schema)
        tx.projects.add_schema(project_id, schema)
        tx.audit.add(
            user=user, action="labels added", target=f"project:{project_id}", labels=schema.names[-len(rows) :]
        )
        return tx.projects.get(project_id)


def change_guideline(store: Store, *, user: User, project_id: int, text: str, was: str) -> None:
    """What annotators read while they work, in Markdown; a part under a heading that names a label stands beside its
    spans. `was`: the text that the person began with.

    Raises:
        InvalidValue: it is too long, or it is not `was` any more: somebody else has changed it since.
    """
    user.require(Permission.TRAIN)
    _check(text)
    with store.write() as tx:
        tx.projects.lock(project_id)
        if tx.projects.get(project_id).guideline != was:
            raise InvalidValue("Somebody else has changed the guideline since you opened it. Nothing was saved.")
        tx.projects.change_guideline(project_id, text)
        tx.audit.add(user=user, action="guideline changed", target=f"project:{project_id}", characters=len(text))


def _check(guideline: str) -> None:
    if len(guideline) > LONGEST_GUIDELINE:
        raise InvalidValue(f"A guideline has at most {LONGEST_GUIDELINE:,} characters, not {len(guideline):,}.")


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
    wanted: NoteFilter | None = None,
    after: int = 0,
    limit: int = 200,
) -> list[NoteSummary]:
    """The first `limit` notes above `after` in order of import, as `user` sees them: a page, and `after` is the last
    note of the one before. `status` and `search` are short for those of `wanted`.
    """
    user.require(Permission.ANNOTATE)
    wanted = wanted or NoteFilter(status=status, search=search)
    found: list[NoteSummary] = []
    with store.read() as tx:
        if not wanted.search:
            return tx.notes.summaries(project_id=project_id, user_id=user.id, wanted=wanted, after=after, limit=limit)
        while len(found) < limit:
            ids = tx.search.matching(project_id, wanted.search, SEARCH_AT_ONCE, after, prefix=True)
            found += tx.notes.summaries(project_id=project_id, user_id=user.id, wanted=wanted, among=ids, limit=limit)
            if len(ids) < SEARCH_AT_ONCE:
                break
            after = ids[-1]
    return found[:limit]


def note_types(store: Store, *, user: User, project_id: int) -> list[str]:
    """The types that notes of the project have, in order; '' among them where one has none."""
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return sorted(tx.notes.types(project_id))


def progress(store: Store, *, user: User, project_id: int) -> Progress:
    user.require(Permission.ANNOTATE)
    with store.read() as tx:
        return tx.notes.progress(project_id)


def models(store: Store, *, user: User, project_id: int) -> tuple[list[Encoder], list[Adapter]]:
    """The encoders that are installed and the adapters that the project can use."""
    user.require(Permission.SEE_RESULTS)
    with store.read() as tx:
        return tx.models.encoders(), tx.models.adapters(project_id)
