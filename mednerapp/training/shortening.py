"""A model cut down to its first layers: useless as a model, and quick, for trials of everything around it."""

from __future__ import annotations

from pathlib import Path

from mednerapp.ner.loading import open_classifier, open_words, quiet
from mednerapp.ner.manifest import Manifest, read_manifest
from mednerapp.training.saving import save_model


def first_layers(folder: Path, out_dir: Path, *, layers: int = 1) -> Manifest:
    """Writes the full checkpoint in `folder` with only its first `layers`, and returns the manifest of that."""
    manifest = read_manifest(folder)
    words = open_words(folder)
    model = open_classifier(folder, manifest["labels"], words=words, keep_head=True)
    encoder = getattr(model, model.base_model_prefix).encoder
    encoder.layer = encoder.layer[:layers]
    model.config.num_hidden_layers = layers

    def write_weights(target: Path) -> None:
        with quiet():
            model.save_pretrained(str(target))
        words.save(target)

    return save_model(out_dir, write_weights, {**manifest, "name": f"{manifest['name']}, {layers} layer"})
