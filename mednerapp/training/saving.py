"""Writing a model folder so that it is either complete or not there."""

from __future__ import annotations

import glob
import math
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from mednerapp.errors import ModelProblem
from mednerapp.ner.folders import sync, sync_all
from mednerapp.ner.manifest import Manifest, weights_hash, write_manifest


def require_free(out_dir: Path) -> None:
    """Raises ModelProblem when the folder exists and is not empty."""
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise ModelProblem(f"The folder {out_dir.name!r} is not empty; choose another name, or remove it first.")


def save_model(out_dir: Path, write_weights: Callable[[Path], None], manifest: Manifest) -> Manifest:
    """Writes weights, then the manifest with their hash, and moves the folder into place in one step.

    Returns the manifest as written.
    """
    with _temporary_sibling(out_dir) as folder:
        write_weights(folder)
        complete = {**manifest, "weights_hash": weights_hash(folder)}
        write_manifest(folder, complete)
        sync_all(folder)
        # An empty folder may be in the way (rename replaces it); a full one is an error and stays as it is.
        folder.rename(out_dir)
        sync(out_dir.parent)
    return complete


@contextmanager
def _temporary_sibling(out_dir: Path) -> Generator[Path]:
    """A new folder on the same file system, gone afterwards unless it was renamed."""
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    for left_by_a_killed_process in out_dir.parent.glob(f".{glob.escape(out_dir.name)}.*.partial"):
        shutil.rmtree(left_by_a_killed_process)
    folder = out_dir.parent / f".{out_dir.name}.{os.getpid()}.partial"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def furthest_apart(one: Path, two: Path) -> float:
    """The largest difference between two model folders' weights; infinite where they do not hold the same tensors."""
    first, second = _tensors(one), _tensors(two)
    if {name: tensor.shape for name, tensor in first.items()} != {name: t.shape for name, t in second.items()}:
        return math.inf
    return max(
        (float((tensor.double() - second[name].double()).abs().max()) for name, tensor in first.items()), default=0.0
    )


def _tensors(folder: Path) -> dict[str, Tensor]:
    return {f"{path.name} {k}": t for path in sorted(folder.glob("*.safetensors")) for k, t in load_file(path).items()}
