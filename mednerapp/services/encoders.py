"""The encoders that people install, check and remove.

No torch here. What opens weights is handed in by the worker and the command line.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mednerapp.domain.accounts import Permission, User
from mednerapp.domain.jobs import FINISHED, Job, JobKind, JobState
from mednerapp.domain.models import AdapterKind, Encoder, PublishedResult
from mednerapp.errors import InvalidValue, NotFound
from mednerapp.ner.encoders import ENCODERS, FOLDER, INCOMING, EncoderRecord, EncoderSpec, folder_size, slug, spec_of
from mednerapp.ner.folders import drafts, move, new_draft
from mednerapp.store import Fence, Store, Transaction

MAX_NAME = 80
NEWEST_JOBS = 200  # among which the last attempt at each encoder is looked for
JOB_KINDS = (JobKind.PULL, JobKind.ADD_ENCODER, JobKind.VERIFY)

Installer = Callable[[Path], EncoderRecord]
"""Installs an encoder as the given folder, which does not exist yet; nothing is there when it fails."""


@dataclass(frozen=True, slots=True)
class EncoderView:
    """A row of the page. `spec`: None for an encoder that is not in the table. `encoder`: None when not installed.

    adapters: names of those that need it. job: the newest attempt to install or check it, None where it is older than
    what is installed.
    """

    name: str
    spec: EncoderSpec | None
    encoder: Encoder | None
    published: PublishedResult
    adapters: tuple[str, ...]
    job: Job | None

    @property
    def licence(self) -> str:
        return self.spec.licence if self.spec else self.encoder.licence if self.encoder else ""


def catalogue(store: Store, *, user: User) -> list[EncoderView]:
    """The encoders of the table in its order, then the others; not the shipped starter.

    Another is listed when it is installed, is being installed, or could not be and nobody has forgotten it (`cancel`).
    """
    user.require(Permission.TRAIN)
    with store.read() as tx:
        installed = {e.name: e for e in tx.models.encoders() if _is_ours(e)}
        jobs = [job for job in tx.jobs.recent(NEWEST_JOBS) if job.kind in JOB_KINDS]
        needing = {e.name: _needing(tx, e.id) for e in installed.values()}
    newest: dict[str, Job] = {}
    for job in jobs:
        if job.kind is not JobKind.VERIFY:
            newest.setdefault(_name_of(job), job)
    attempted = [name for name, job in newest.items() if _is_of_interest(job)]
    names = list(dict.fromkeys([*ENCODERS, *installed, *attempted]))
    return [_view(name, installed.get(name), needing.get(name, ()), jobs) for name in names]


def _is_of_interest(job: Job) -> bool:
    """Whether it goes on, or failed and nobody has said that it is no longer wanted."""
    return job.state not in FINISHED or (job.state is not JobState.SUCCEEDED and not job.cancel_requested)


def _view(name: str, encoder: Encoder | None, needing: tuple[str, ...], jobs: list[Job]) -> EncoderView:
    spec = ENCODERS.get(name)
    ours = (job for job in jobs if _is_about(job, name, encoder))
    job = next(ours, None)  # the newest
    done = job is not None and job.state is JobState.SUCCEEDED
    published = spec.published if spec else PublishedResult(name, None, None)
    return EncoderView(name, spec, encoder, published, needing, None if done else job)


def _is_ours(encoder: Encoder) -> bool:
    """Whether it was installed here; the starter's encoder is part of the starter."""
    return encoder.folder.startswith(f"{FOLDER}/")


def _name_of(job: Job) -> str:
    """The name under which the encoder of a job is or will be installed."""
    return str(job.args["name"]) if job.kind is JobKind.ADD_ENCODER else default_name(str(job.args.get("hub_id", "")))


def _is_about(job: Job, name: str, encoder: Encoder | None) -> bool:
    if job.kind is JobKind.VERIFY:
        return encoder is not None and job.args["encoder_id"] == encoder.id
    before = encoder is None or encoder.installed_at is None or job.created_at >= encoder.installed_at
    return _name_of(job) == name and before


def default_name(hub_id: str) -> str:
    """The table's name of a hub id, else its last part; with its owner where the last part is a name of the table."""
    spec = spec_of(hub_id)
    last = hub_id.rsplit("/", 1)[-1]
    return spec.name if spec else (hub_id if spec_of(last) else last)[:MAX_NAME]


def incoming(*, model_dir: Path) -> list[str]:
    """Folders that somebody put where encoders are added from, by name; what is in them is not looked at."""
    folder = model_dir / INCOMING
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != ".") if folder.is_dir() else []


def request_pull(store: Store, *, user: User, source: str, revision: str = "") -> Job:
    """Queue the download of an encoder by its name in the table or by hub id; at most one at a time for each.

    `revision`: commit, tag or branch; empty: the table's commit, or the main branch.
    """
    user.require(Permission.ADMINISTER)
    hub_id, revision = resolve(source, revision)
    return _queue(store, user, JobKind.PULL, {"hub_id": hub_id, "revision": revision}, default_name(hub_id))


def request_add(store: Store, *, user: User, model_dir: Path, folder: str, name: str = "") -> Job:
    """Queue the installation of one of the `incoming` folders. A name of the table says which encoder it is."""
    user.require(Permission.ADMINISTER)
    if folder not in incoming(model_dir=model_dir):
        raise NotFound(f"There is no folder {folder!r} among those to be added. Put it into {INCOMING!r} first.")
    name = check_name(name or folder)
    return _queue(store, user, JobKind.ADD_ENCODER, {"folder": folder, "name": name}, name)


def request_verify(store: Store, *, user: User, encoder_id: int) -> Job:
    """Queue a check of an installed encoder, from its hash to a forward pass."""
    user.require(Permission.TRAIN)
    with store.read() as tx:
        tx.models.installed(encoder_id)
    return _queue(store, user, JobKind.VERIFY, {"encoder_id": encoder_id}, "")


def cancel(store: Store, *, user: User, job_id: int) -> None:
    """End a job about an encoder: a waiting one at once, one that goes on within seconds. Nothing stays half done.

    One that failed is forgotten: an encoder that is neither installed nor in the table is no longer listed for it.
    """
    user.require(Permission.ADMINISTER)
    with store.write() as tx:
        job = tx.jobs.get(job_id)
        if job.kind not in JOB_KINDS:
            raise NotFound(f"There is no job {job_id} about an encoder.")
        tx.jobs.request_cancel(job_id)
        tx.audit.add(user=user, action=f"{job.kind.value} cancelled", target=f"job:{job_id}")


def request_again(store: Store, *, user: User, model_dir: Path, job_id: int) -> Job:
    """Queue what a job tried to install once more."""
    user.require(Permission.ADMINISTER)
    with store.read() as tx:
        job = tx.jobs.get(job_id)
    args = {name: str(value) for name, value in job.args.items()}
    if job.kind is JobKind.PULL:
        return request_pull(store, user=user, source=args["hub_id"], revision=args["revision"])
    if job.kind is JobKind.ADD_ENCODER:
        return request_add(store, user=user, model_dir=model_dir, folder=args["folder"], name=args["name"])
    raise NotFound(f"There is no job {job_id} that installs an encoder.")


def resolve(source: str, revision: str = "") -> tuple[str, str]:
    """Hub id and revision of a name in the table or of a hub id; raises InvalidValue for what is neither."""
    source, revision = source.strip(), revision.strip()
    spec = spec_of(source)
    if spec:
        return spec.hub_id, revision or spec.revision
    owner, slash, rest = source.partition("/")
    if not (owner and slash and rest) or "/" in rest or len(source) > 150 or len(revision) > 100:
        raise InvalidValue(
            f"{source!r} is neither a name of the table ({', '.join(ENCODERS)}) nor a hub id, which is written "
            "OWNER/NAME."
        )
    return source, revision or "main"


def check_name(name: str) -> str:
    """Raises InvalidValue unless an encoder can be called so."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= MAX_NAME:
        raise InvalidValue(f"The name of an encoder has 1 to {MAX_NAME} characters.")
    spec = spec_of(name)
    return spec.name if spec else name


def install(
    store: Store, *, by: User | None, name: str, model_dir: Path, installer: Installer, fence: Fence | None = None
) -> Encoder:
    """Install an encoder and enter it. `by`: None on the command line and in the worker, where a job was asked for.

    Raises:
        InvalidValue: if the name is taken.
        ModelProblem: if it cannot be installed; then nothing is there.
    """
    if by:
        by.require(Permission.ADMINISTER)
    name = check_name(name)
    with store.read() as tx:
        _require_free(tx.models.encoders(), name)
    with drafts(model_dir / FOLDER) as place:
        draft = place / slug(name)
        return _enter(store, by, name, installer(draft), draft, model_dir / _folder(name), fence)


def _enter(
    store: Store, by: User | None, name: str, record: EncoderRecord, draft: Path, target: Path, fence: Fence | None
) -> Encoder:
    """Row and files in one transaction: while it lasts, nobody else can enter that name or take it away."""
    with store.write() as tx:
        if fence:
            fence(tx)
        _require_free(tx.models.encoders(), name)
        encoder = tx.models.add_encoder(
            name=name,
            source=record.source,
            revision=record.revision,
            folder=_folder(name),
            weights_hash=record.weights_hash,
            architecture=record.architecture,
            cased=record.cased,
            tokenizer=record.tokenizer,
            licence=record.licence,
            size_bytes=folder_size(draft),
        )
        tx.models.verified(encoder.id, problem="")
        tx.audit.add(
            user=by,
            action="encoder installed",
            target=f"encoder:{encoder.id}",
            source=record.source,
            revision=record.revision,
        )
        entered = tx.models.encoder(encoder.id)
        shutil.rmtree(target, ignore_errors=True)  # no row names it: somebody was killed between files and commit
        move(draft, target)
        return entered


def _folder(name: str) -> str:
    """Where the files of an encoder are, below the model folder."""
    return f"{FOLDER}/{slug(name)}"


def _require_free(installed: list[Encoder], name: str) -> None:
    for encoder in installed:
        if encoder.name == name or encoder.folder == _folder(name):
            raise InvalidValue(
                f"The encoder {encoder.name!r} is installed already ({encoder.source}, revision "
                f"{encoder.revision[:12] or 'unknown'}). Remove it first, or choose another name."
            )


def record_check(store: Store, *, encoder_id: int, problem: str, fence: Fence | None = None) -> None:
    """Note what a check found; an empty `problem`: nothing."""
    with store.write() as tx:
        if fence:
            fence(tx)
        tx.models.verified(encoder_id, problem=problem)


def remove(store: Store, *, by: User | None, encoder_id: int, model_dir: Path) -> None:
    """Take an encoder off the list and its files off the disk. Runs that were made over it keep their history.

    Raises:
        InvalidValue: if an adapter needs it, or a run over it waits or goes on.
    """
    if by:
        by.require(Permission.ADMINISTER)
    with store.read() as tx:
        files = model_dir / tx.models.encoder(encoder_id).folder
    gone = new_draft(model_dir / FOLDER)
    try:
        with store.write() as tx:
            encoder = tx.models.encoder(encoder_id)
            if encoder.removed_at:
                return
            _require_unneeded(tx, encoder)
            tx.models.remove_encoder(encoder_id)
            tx.audit.add(user=by, action="encoder removed", target=f"encoder:{encoder_id}", name=encoder.name)
            if files.is_dir():  # here, before the name is free: what is there later is somebody else's
                move(files, gone)
    except BaseException:
        if gone.is_dir():
            move(gone, files)
        raise
    shutil.rmtree(gone, ignore_errors=True)


def _require_unneeded(tx: Transaction, encoder: Encoder) -> None:
    needing = _needing(tx, encoder.id)
    if needing or not _is_ours(encoder):
        raise InvalidValue(
            f"The encoder {encoder.name!r} cannot be removed: {', '.join(needing) or 'the starter'} "
            "was trained over it and could not be used without it."
        )
    runs = tx.models.runs_over(encoder.id)
    if runs:
        raise InvalidValue(f"The run {runs[0]!r} needs the encoder {encoder.name!r}. Cancel it, or wait for its end.")


def find(store: Store, name: str) -> Encoder:
    """An installed encoder by name, in any case."""
    with store.read() as tx:
        installed = tx.models.encoders()
    for encoder in installed:
        if encoder.name.casefold() == name.casefold():
            return encoder
    raise NotFound(f"No encoder {name!r} is installed. There are: {', '.join(e.name for e in installed) or 'none'}.")


def _needing(tx: Transaction, encoder_id: int) -> tuple[str, ...]:
    """Adapters that are nothing without the encoder's weights; a full checkpoint has its own."""
    return tuple(a.name for a in tx.models.adapters_over(encoder_id) if a.kind is not AdapterKind.FULL)


def _queue(store: Store, user: User, kind: JobKind, args: dict[str, int | str], name: str) -> Job:
    """The open job that does just this, or a new one."""
    with store.write() as tx:
        if kind is not JobKind.VERIFY:
            _require_free(tx.models.encoders(), name)
        for job in tx.jobs.open([kind]):
            if job.args == args:
                return job
        job = tx.jobs.add(kind=kind, args=args, user_id=user.id)
        tx.audit.add(user=user, action=f"{kind.value} requested", target=f"job:{job.id}", **args)
        return job
