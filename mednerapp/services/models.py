"""Making the shipped starter known to the product."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mednerapp.domain.models import Adapter, AdapterKind
from mednerapp.errors import ModelProblem
from mednerapp.ner.manifest import read_manifest, weights_hash
from mednerapp.store import Store

SHIPPED = "shipped with MedNER"  # the source of the starter's encoder


def register_starter(store: Store, *, shipped: Path, model_dir: Path) -> Adapter:
    """Copy the shipped starter beside the other models and enter it as an encoder and as an adapter.

    A copy for each version: adapters that were trained over an older starter go on working after an update, and a
    person decides when a project moves to the newer one.

    Raises:
        ModelProblem: if the shipped folder is damaged.
    """
    manifest = read_manifest(shipped)
    digest: str = manifest["weights_hash"]
    folder = f"starters/{digest[:16]}"
    _copy(shipped, model_dir / folder, digest)
    with store.write() as tx:
        known = [a for a in tx.models.adapters(-1) if a.kind is AdapterKind.STARTER]  # those that belong to no project
        same = next((a for a in known if a.weights_hash == digest), None)
        if same:
            return same
        name = f"{manifest['name']} {digest[:8]}" if known else str(manifest["name"])
        encoder = tx.models.add_encoder(
            name=name, source=SHIPPED, revision=digest[:12], folder=folder, weights_hash=digest
        )
        return tx.models.add_adapter(
            name=name,
            kind=AdapterKind.STARTER,
            encoder_id=encoder.id,
            folder=folder,
            weights_hash=digest,
            labels=tuple(manifest["labels"]),
        )


def _copy(shipped: Path, target: Path, digest: str) -> None:
    """Whole or not at all; what is there and complete stays as it is."""
    if (target / "manifest.json").is_file():
        return
    if weights_hash(shipped) != digest:
        raise ModelProblem("The weights of the shipped starter are not those its manifest names. Install MedNER again.")
    draft = target.with_name(f".{target.name}.{os.getpid()}.partial")
    shutil.copytree(shipped, draft)
    shutil.rmtree(target, ignore_errors=True)
    try:
        draft.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(draft)
