"""Encoders from the hub: out of a cache that is here already, else over the network, file by file."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import tqdm

from mednerapp.errors import ModelProblem
from mednerapp.ner.manifest import file_hash

Progress = Callable[[int, int, str, str], None]
"""(done, total, unit, what is being done); may raise to end the work."""

# Everything that an encoder is made of, and nothing that could run.
CONFIG = "config.json"
TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)
SAFE, OLD = "model.safetensors", "pytorch_model.bin"
SAFE_PART = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
OLD_PART = re.compile(r"pytorch_model-\d{5}-of-\d{5}\.bin")
COMMIT = re.compile(r"[0-9a-f]{40}")
NO_TOKEN = False  # one that somebody stored on this machine for the hub says who asks, and stays here
TIMEOUT = 15.0  # seconds until the hub must answer
KEPT_DAYS = 7  # of a download that broke off
COPIES = 3  # the download, the converted weights, and what the conversion may need for a while
MB = 2**20


@dataclass(frozen=True, slots=True)
class Fetched:
    """A folder with the files of an encoder. `revision`: its commit. `how`: "hub" or "cache"."""

    folder: Path
    revision: str
    how: str


@dataclass(frozen=True, slots=True)
class _Stated:
    """What the hub lists of a file. `size`: bytes. `sha256`: hex; '' for small files, which it does not hash so."""

    size: int
    sha256: str


def weight_files(names: list[str]) -> list[str]:
    """The files among `names` that hold the weights; safetensors before anything else; none when there are none."""
    for whole, part in ((SAFE, SAFE_PART), (OLD, OLD_PART)):
        if whole in names:
            return [whole]
        parts = sorted(name for name in names if part.fullmatch(name))
        if parts:
            return parts
    return []


def all_parts(weights: list[str]) -> bool:
    """Whether `weight_files` found every part; the name of a part says how many there are."""
    number = re.search(r"-of-(\d{5})\.", weights[0]) if weights else None
    return len(weights) == int(number[1]) if number else bool(weights)


def fetch(hub_id: str, revision: str, *, downloads: Path, on_progress: Progress) -> Fetched:
    """The files of an encoder, from this machine's cache of the hub where it is complete, else from the hub.

    `downloads`: folder for what is on its way; what was broken off there is continued, for KEPT_DAYS. A branch is
    looked up on the hub first, since it may have moved.

    Raises:
        ModelProblem: if the hub cannot be reached, has no such encoder, or the disk is too small.
    """
    _sweep(downloads)
    cached = from_cache(hub_id, revision)
    if cached and COMMIT.fullmatch(revision):
        return cached
    try:
        return _from_hub(hub_id, revision, downloads=downloads, on_progress=on_progress)
    except HubUnreachable:
        if cached:
            return cached
        raise


def _sweep(downloads: Path) -> None:
    """Removes what broke off and was not tried again for days."""
    oldest = time.time() - KEPT_DAYS * 86_400
    for folder in downloads.iterdir() if downloads.is_dir() else ():
        if max(path.stat().st_mtime for path in (folder, *folder.rglob("*"))) < oldest:
            shutil.rmtree(folder, ignore_errors=True)


class HubUnreachable(ModelProblem):
    """Nobody answered, as opposed to: somebody said no."""

    def __init__(self, hub_id: str, why: str) -> None:
        super().__init__(
            f"The hub could not be reached to fetch {hub_id!r} ({why}). On a machine with a connection, download the "
            "files config.json, the tokenizer's, and model.safetensors or pytorch_model.bin; bring the folder here and "
            'add it ("From a folder" on the page Models, or: mednerapp models add FOLDER).'
        )


def from_cache(hub_id: str, revision: str) -> Fetched | None:
    """The snapshot in the hub's cache (HF_HOME), if it has everything that is needed."""
    try:
        found = try_to_load_from_cache(hub_id, CONFIG, revision=revision)
    except HFValidationError as error:
        raise ModelProblem(f"{hub_id!r} is no name of the hub; it is written OWNER/NAME.") from error
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    names = [path.name for path in folder.iterdir() if path.exists()]
    complete = all_parts(weight_files(names)) and {"tokenizer.json", "vocab.txt", "vocab.json"} & set(names)
    return Fetched(folder, folder.name, "cache") if complete else None


def require_room(folder: Path, needed: int) -> None:
    """Raises ModelProblem when the disk of the folder has fewer than `needed` bytes left."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ModelProblem(
            f"The disk has {free / MB:,.0f} MB left, and installing this encoder takes {needed / MB:,.0f} MB. Make "
            "room or move the data folder (MEDNER_DATA_DIR)."
        )


def _from_hub(hub_id: str, revision: str, *, downloads: Path, on_progress: Progress) -> Fetched:
    constants.HF_HUB_DISABLE_TELEMETRY = True
    constants.HF_HUB_DISABLE_XET = True  # plain HTTPS: one host fewer for a firewall, progress in our own thread
    on_progress(0, 0, "", f"Asking the hub for {hub_id}")
    files, commit = _listing(hub_id, revision)
    weights = weight_files(list(files))
    if not weights or CONFIG not in files:
        lacks = "config.json" if weights else "model.safetensors and no pytorch_model.bin"
        raise ModelProblem(f"{hub_id!r} has no {lacks} on the hub: it is no encoder that MedNER can use.")
    wanted = [CONFIG, *(name for name in TOKENIZER if name in files), *weights]
    total = sum(files[name].size for name in wanted)
    require_room(downloads, COPIES * total)
    folder = downloads / f"{hub_id.replace('/', '--')}-{commit[:12]}"
    before = 0
    for name in wanted:
        _download(hub_id, name, commit, folder, _Reporter(before, total, name, on_progress))
        _require_whole(folder / name, files[name], hub_id)
        before += files[name].size
    return Fetched(folder, commit, "hub")


def _require_whole(path: Path, stated: _Stated, hub_id: str) -> None:
    """Raises ModelProblem unless the file is the one that the hub lists; then it is gone, to be fetched again."""
    size = path.stat().st_size
    if size == stated.size and stated.sha256 in ("", file_hash(path)):
        return
    path.unlink()
    if size != stated.size:
        raise ModelProblem(f"The download of {path.name} of {hub_id!r} was cut off. Try again; what is here is kept.")
    raise ModelProblem(
        f"{path.name} of {hub_id!r} arrived with another SHA-256 than the hub lists for it: it was damaged or changed "
        "on its way. Try again; when it happens again, a mirror or proxy in between changes files."
    )


def _listing(hub_id: str, revision: str) -> tuple[dict[str, _Stated], str]:
    """The files at the top of the repository, and the commit that `revision` is."""
    try:
        info = HfApi().model_info(hub_id, revision=revision, files_metadata=True, timeout=TIMEOUT, token=NO_TOKEN)
    except Exception as error:
        raise _problem(error, hub_id, revision) from error
    commit = info.sha or ""
    if not COMMIT.fullmatch(commit):  # it becomes part of a folder's name, and of what is recorded
        raise ModelProblem(
            f"The hub answered {commit[:60]!r} for the commit of {hub_id!r}, which is none (40 hexadecimal digits). "
            "Check the address of the mirror (HF_ENDPOINT)."
        )
    top = (file for file in info.siblings or () if "/" not in file.rfilename)
    return {file.rfilename: _Stated(file.size or 0, file.lfs.sha256 if file.lfs else "") for file in top}, commit


def _download(hub_id: str, name: str, commit: str, folder: Path, reporter: _Reporter) -> None:
    try:
        hf_hub_download(
            hub_id,
            name,
            revision=commit,
            local_dir=folder,
            cache_dir=folder / ".cache",  # not the machine's: single files of it, perhaps damaged, would be copied
            etag_timeout=TIMEOUT,
            token=NO_TOKEN,
            tqdm_class=_bar_for(reporter),
        )
    except reporter.stopped:
        raise
    except Exception as error:
        raise _problem(error, hub_id, commit) from error


def _problem(error: Exception, hub_id: str, revision: str) -> ModelProblem:
    """What the library or the connection raised, as a sentence that says what to do."""
    if isinstance(error, GatedRepoError):
        return ModelProblem(
            f"{hub_id!r} is shared only with people who accepted its terms, and MedNER signs in nowhere. Sign in on "
            "the hub in a browser, accept them, download config.json, the tokenizer's files and model.safetensors or "
            'pytorch_model.bin under "Files and versions", and add the folder ("From a folder" on the page Models, or: '
            "mednerapp models add FOLDER)."
        )
    if isinstance(error, RevisionNotFoundError):
        return ModelProblem(
            f"{hub_id!r} has no revision {revision!r} on the hub. Leave the revision out, or correct it."
        )
    if isinstance(error, RepositoryNotFoundError):
        return ModelProblem(f"There is no {hub_id!r} on the hub (or it is private). Check how its name is written.")
    if isinstance(error, HFValidationError):
        return ModelProblem(f"{hub_id!r} is no name of the hub; it is written OWNER/NAME.")
    if isinstance(error, OSError) and error.errno == 28:  # ENOSPC
        return ModelProblem("The disk is full; nothing was installed. Make room and try again.")
    offline = isinstance(error, (OfflineModeIsEnabled, LocalEntryNotFoundError))
    return HubUnreachable(hub_id, "no connection" if offline else type(error).__name__)


class _Reporter:
    """Bytes of one file as they arrive, told as megabytes of all of them."""

    def __init__(self, before: int, total: int, name: str, on_progress: Progress) -> None:
        self._done, self._total, self._name, self._on_progress = before, total, name, on_progress
        self._raised: list[BaseException] = []

    @property
    def stopped(self) -> tuple[type[BaseException], ...]:
        """What `on_progress` raised, to be let through."""
        return tuple(type(error) for error in self._raised)

    def arrived(self, count: float) -> None:
        self._done += int(count)
        try:
            self._on_progress(self._done // MB, max(self._total // MB, 1), "MB", f"Downloading {self._name}")
        except BaseException as error:
            self._raised.append(error)
            raise


def _bar_for(reporter: _Reporter) -> type[Any]:
    """A progress bar of the library's kind that draws nothing and reports."""

    class Bar(tqdm):  # type: ignore[type-arg, misc]  # tqdm has no complete types
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = True
            kwargs.pop("name", None)
            super().__init__(*args, **kwargs)
            if kwargs.get("initial"):
                reporter.arrived(kwargs["initial"])

        def update(self, n: float | None = 1) -> bool | None:
            reporter.arrived(n or 0)
            return super().update(n)

    return Bar
