"""Looking over an installation: what is in order, what is not, and what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mednerapp.domain.annotations import replay
from mednerapp.errors import MedNerError
from mednerapp.ner.manifest import read_manifest, weights_hash
from mednerapp.services import workers
from mednerapp.settings import Settings
from mednerapp.store import Store

MIN_FREE_BYTES = 2 * 2**30  # a training run needs room for its adapter and its checkpoints


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `detail` says what was found, and what to do when it is not ok."""

    name: str
    ok: bool
    detail: str


def examine(store: Store, *, settings: Settings, has_bf16: Callable[[], bool | None]) -> list[Check]:
    """Every check; one that fails does not keep the others from running.

    `has_bf16`: whether this machine's CPU computes in bf16, which only the libraries of the models know; None where a
    GPU predicts.
    """
    checks: list[tuple[str, Callable[[], str]]] = [
        ("room on the disk", lambda: _room(settings)),
        ("shipped starter is intact", lambda: _intact(settings.starter_dir)),
        ("precision suits this machine", lambda: _precision(settings, has_bf16=has_bf16())),
        ("a worker is running", lambda: _worker(store)),
    ]
    return examine_data(store, settings=settings) + [_run(name, check) for name, check in checks]


def examine_data(store: Store, *, settings: Settings) -> list[Check]:
    """Those that say whether a data folder is whole, wherever it lies."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("database answers", lambda: _database(store)),
        ("data folder is private", lambda: _private(settings)),
        ("encoders are intact", lambda: _encoders(store, settings)),
        ("adapters are intact", lambda: _adapters(store, settings)),
        ("event logs are intact", lambda: _event_logs(store)),
    ]
    return [_run(name, check) for name, check in checks]


def _run(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, detail=check())
    except MedNerError as error:
        return Check(name, ok=False, detail=str(error))
    except OSError as error:
        return Check(name, ok=False, detail=error.strerror or type(error).__name__)


def _database(store: Store) -> str:
    store.ping()
    with store.read() as tx:
        return f"{tx.users.count()} users, {len(tx.projects.all())} projects"


def _private(settings: Settings) -> str:
    mode = settings.data_dir.stat().st_mode & 0o777
    if os.name == "posix" and mode & 0o077:
        raise MedNerError(f"Others on this machine can read it (mode {mode:o}). Run: chmod 700 {settings.data_dir}")
    return f"mode {mode:o}"


def _room(settings: Settings) -> str:
    free = shutil.disk_usage(settings.data_dir).free
    text = f"{free / 2**30:.1f} GiB free"
    if free < MIN_FREE_BYTES:
        raise MedNerError(f"Only {text}; training needs about {MIN_FREE_BYTES / 2**30:.0f} GiB.")
    return text


def _intact(path: Path, expected: str = "") -> str:
    """`expected`: the hash that the database has, where it has one."""
    manifest = read_manifest(path)
    if weights_hash(path) != manifest["weights_hash"] or expected not in ("", manifest["weights_hash"]):
        raise MedNerError(f"The weights in {path.name!r} are not those that its manifest names. Install it again.")
    return f"{manifest['name']}, {manifest['weights_hash'][:12]}"


def _adapters(store: Store, settings: Settings) -> str:
    with store.read() as tx:
        folders = {adapter.folder: adapter.weights_hash for adapter in tx.models.all_adapters()}
    for folder, digest in sorted(folders.items()):
        _intact(settings.model_folder(folder), digest)
    return f"{len(folders)} checked"


def _encoders(store: Store, settings: Settings) -> str:
    with store.read() as tx:
        encoders = tx.models.encoders()
    for encoder in encoders:
        if weights_hash(settings.model_folder(encoder.folder)) != encoder.weights_hash:
            raise MedNerError(f"The weights of {encoder.name!r} are not those that were installed. Install it again.")
    return f"{len(encoders)} checked"


def _event_logs(store: Store) -> str:
    """The chain of hashes holds and the current spans are what the events lead to."""
    with store.read() as tx:
        ids = tx.annotations.ids()
    events = 0
    for annotation_id in ids:
        with store.read() as tx:
            log = tx.annotations.events(annotation_id)
            annotation = tx.annotations.get(annotation_id)
        current = {span.id: span for span in annotation.spans}
        if len(log) != annotation.revision or replay(log) != current:
            raise MedNerError(f"Annotation {annotation_id}: the current spans are not what its events lead to.")
        events += len(log)
    return f"{events} events of {len(ids)} annotations replayed"


def _precision(settings: Settings, *, has_bf16: bool | None) -> str:
    if has_bf16 is None:
        return "a GPU predicts, in bf16"
    if settings.precision == "bf16" and not has_bf16:
        raise MedNerError("It has no units for bf16. Set MEDNER_PRECISION to fp32, or to int8.")
    faster = has_bf16 and settings.precision != "bf16"
    return settings.precision + (", and MEDNER_PRECISION=bf16 predicts faster here" if faster else "")


def _worker(store: Store) -> str:
    alive = workers.alive(store)
    if not alive:
        raise MedNerError("None: highlights and training wait. Start `mednerapp serve` or `mednerapp worker`.")
    return ", ".join(f"{worker} on {device}" for worker, device in alive)
