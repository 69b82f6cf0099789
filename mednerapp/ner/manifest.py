"""manifest.json: what a model folder holds, what it was made from and which notes it has seen. No torch here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from mednerapp.domain.models import AdapterKind
from mednerapp.errors import ModelProblem
from mednerapp.ner.tags import bio_tags

Manifest = dict[str, Any]

FORMAT_VERSION = 1
FILE_NAME = "manifest.json"

# Field → what it must be. Every field is required; more may be there.
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "format_version": int,
    "name": str,
    "kind": str,
    "labels": list,
    "tags": list,
    "encoder": dict,
    "weights_hash": str,
    "trained_on": list,
    "selected_on": list,
    "dataset_hash": str,
    "hyper": dict,
    "window": dict,
    "seed": int,
    "code_version": str,
    "head": str,
    "metrics": dict,
    "created_at": str,
    "license": str,
}
_ENCODER_FIELDS = ("name", "source", "revision", "weights_hash")


def read_manifest(folder: Path) -> Manifest:
    """Raises ModelProblem when the folder holds no complete model of a format that this version reads."""
    path = folder / FILE_NAME
    if not path.is_file():
        raise ModelProblem(
            f"The model folder {folder.name!r} has no {FILE_NAME}: it was not written by MedNER or its run did not "
            "finish. Remove it and train or install the model again."
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _damaged(folder, "it is not JSON") from error
    check_manifest(manifest, folder)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Raises ModelProblem for a manifest that could not be read back."""
    check_manifest(manifest, folder)
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (folder / FILE_NAME).write_text(text, encoding="utf-8")


def check_manifest(manifest: object, folder: Path) -> None:
    if not isinstance(manifest, dict):
        raise _damaged(folder, "it is not an object")
    fields = cast("dict[str, Any]", manifest)
    version = fields.get("format_version")
    if version != FORMAT_VERSION:
        raise ModelProblem(
            f"The model {folder.name!r} has manifest format {version!r}; this version of MedNER reads "
            f"{FORMAT_VERSION}. Update MedNER, or train the model again."
        )
    wrong = [name for name, kind in _FIELDS.items() if not isinstance(fields.get(name), kind)]
    wrong += [f"encoder.{name}" for name in _ENCODER_FIELDS if not isinstance(_dict(fields, "encoder").get(name), str)]
    if wrong:
        raise _damaged(folder, f"missing or of the wrong type: {', '.join(wrong)}")
    kinds = [kind.value for kind in AdapterKind]
    if fields["kind"] not in kinds:
        raise _damaged(folder, f"its kind is {fields['kind']!r}, not one of {', '.join(kinds)}")
    if not fields["labels"] or tuple(fields["tags"]) != bio_tags(fields["labels"]):
        raise _damaged(folder, "its tags do not follow from its labels")


def seen_notes(manifest: Manifest) -> frozenset[str]:
    """Content hashes of the notes that taught the model or chose its epoch; a fair test leaves them out."""
    return frozenset(manifest["trained_on"]) | frozenset(manifest["selected_on"])


def weights_hash(folder: Path) -> str:
    """Hex SHA-256 of the safetensors file of the folder; of names and hashes, in order of name, when there are several.

    Raises:
        ModelProblem: if there is none.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelProblem(
            f"The model folder {folder.name!r} holds no .safetensors file. Other weight files can run code when they "
            "are opened and are not read; convert the weights to safetensors first."
        )
    digests = [(path.name, file_hash(path)) for path in files]
    if len(digests) == 1:
        return digests[0][1]
    return hashlib.sha256("".join(f"{name}\t{digest}\n" for name, digest in digests).encode()).hexdigest()


def require_labels(manifest: Manifest, labels: Sequence[str], folder: Path) -> None:
    """Raises ModelProblem unless the model knows these labels in this order."""
    if list(labels) != manifest["labels"]:
        raise ModelProblem(
            f"The model {folder.name!r} was trained for the labels {', '.join(manifest['labels'])}, not for "
            f"{', '.join(labels)}. Choose a model of this label schema, or train one."
        )


def file_hash(path: Path) -> str:
    """Hex SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _dict(fields: dict[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _damaged(folder: Path, what: str) -> ModelProblem:
    return ModelProblem(
        f"The manifest of the model {folder.name!r} is damaged ({what}). Remove the folder and train or install the "
        "model again."
    )
