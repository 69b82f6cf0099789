"""Making models known to the product."""

from __future__ import annotations

from pathlib import Path

from mednerapp.domain.models import Adapter, AdapterKind
from mednerapp.ner.manifest import read_manifest
from mednerapp.settings import STARTER_FOLDER
from mednerapp.store import Store


def register_starter(store: Store, *, folder: Path) -> Adapter:
    """Enter the shipped starter as an encoder and as an adapter; a newer one is entered beside the older.

    Raises:
        ModelProblem: if the shipped folder is damaged.
    """
    manifest = read_manifest(folder)
    digest = manifest["weights_hash"]
    name = manifest["name"]
    with store.write() as tx:
        known = [a for a in tx.models.adapters(-1) if a.kind is AdapterKind.STARTER]  # those that belong to no project
        same = next((a for a in known if a.weights_hash == digest), None)
        if same:
            return same
        if known:
            name = f"{name} {digest[:8]}"
        encoder = tx.models.add_encoder(
            name=name, source=STARTER_FOLDER, revision=digest[:12], folder=STARTER_FOLDER, weights_hash=digest
        )
        return tx.models.add_adapter(
            name=name,
            kind=AdapterKind.STARTER,
            encoder_id=encoder.id,
            folder=STARTER_FOLDER,
            weights_hash=digest,
            labels=tuple(manifest["labels"]),
        )
