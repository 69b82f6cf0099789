"""What a worker imports, loaded once; each worker of a trial is forked from there and so starts in a moment."""

from mednerapp.jobs import engine, handlers, worker
from mednerapp.ner import loading, manifest, prediction, residency
from mednerapp.training import checkpoints, finetune, loop

__all__ = [
    "checkpoints",
    "engine",
    "finetune",
    "handlers",
    "loading",
    "loop",
    "manifest",
    "prediction",
    "residency",
    "worker",
]
