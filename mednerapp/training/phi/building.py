"""From corpora to the folder that ships."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from mednerapp.domain.datasets import dataset_hash
from mednerapp.domain.models import EpochReport, HyperParameters
from mednerapp.ner.manifest import Manifest, write_manifest
from mednerapp.training.finetune import TrainingTask, lora_fine_tune
from mednerapp.training.loop import Hooks
from mednerapp.training.phi.examples import LABELS, Corpora, examples

HYPER = HyperParameters(epochs=3, learning_rate=2e-3, batch_size=16, rank=8, alpha=16, dropout=0.0, seed=1)
PLANTED = 1800  # short texts
# How probable an identifier has to be, chosen on the half for tuning.
THRESHOLD = 0.5


def build(
    corpora: Corpora,
    *,
    starter: Path,
    out: Path,
    say: Callable[[str], None],
    hyper: HyperParameters = HYPER,
    planted: int = PLANTED,
) -> Manifest:
    """Trains the adapter on one CPU core and puts its files into `out`, in place of those of before."""
    torch.set_num_threads(1)  # the same sums in the same order wherever it is built
    train, dev = examples(corpora, planted=planted, seed=hyper.seed)
    say(f"{len(train)} texts to learn from, {len(dev)} to choose the epoch by")

    def report(epoch: EpochReport) -> None:
        dev = "" if epoch.dev_loss is None else f", dev loss {epoch.dev_loss:.4f}, dev F1 {epoch.dev_f1:.3f}"
        say(f"epoch {epoch.epoch}: train loss {epoch.train_loss:.4f}{dev}, {epoch.seconds:.0f} s")

    with tempfile.TemporaryDirectory() as work:
        made = Path(work) / "phi"
        task = TrainingTask(
            base_folder=starter,
            encoder_name="MedNER starter",
            train=train,
            dev=dev,
            labels=[label.value for label in LABELS],
            hyper=hyper,
            device="cpu",
            out_dir=made,
            name="PHI adapter",
            dataset_hash=dataset_hash([*train, *dev]),
        )
        manifest = lora_fine_tune(task, Hooks(report, None, lambda: False))
        # What the starter has seen stands in its own manifest, and here it would be most of the file.
        own = {
            "trained_on": sorted({note.note_hash for note in train}),
            "selected_on": sorted({note.note_hash for note in dev}),
        }
        manifest = {**manifest, **own, "threshold": THRESHOLD, "license": "Apache-2.0"}
        write_manifest(made, manifest)
        out.mkdir(parents=True, exist_ok=True)
        for file in made.iterdir():
            shutil.move(file, out / file.name)
    return manifest
