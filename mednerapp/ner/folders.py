"""Folders that are there whole or not at all, also after a kill or a power cut. No torch here."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mednerapp.errors import ModelProblem


@contextmanager
def drafts(parent: Path) -> Generator[Path]:
    """A new folder in `parent`, so on the same disk; gone afterwards, with what killed processes left of theirs."""
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent)
    place = new_draft(parent)
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def new_draft(parent: Path) -> Path:
    """A free name for something that is on its way in or out; `drafts` removes it once this process is no more."""
    return parent / f".{socket.gethostname()}-{secrets.token_hex(4)}-{os.getpid()}.partial"


def move(folder: Path, target: Path) -> None:
    """Puts a folder in place in one step, for good. Raises ModelProblem when it cannot be, as where another is."""
    try:
        folder.rename(target)
        sync(target.parent)
    except OSError as error:
        raise ModelProblem(
            f"The folder {target.name!r} could not be put in place ({error.strerror or type(error).__name__}). See "
            f"that nothing else is there and that {str(target.parent)!r} can be written to, and try again."
        ) from error


def sync_all(folder: Path) -> None:
    """Waits until the folder and the files in it are on the disk."""
    for path in [*folder.iterdir(), folder]:
        sync(path)


def sync(path: Path) -> None:
    """Waits until a file, or the list of a folder's entries, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(parent: Path) -> None:
    """Removes drafts of processes of this machine that are no more."""
    for place in parent.glob(f".{socket.gethostname()}-*.partial"):
        number = place.name.removesuffix(".partial").rsplit("-", 1)[1]
        if number.isdecimal() and not _alive(int(number)):
            shutil.rmtree(place, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
