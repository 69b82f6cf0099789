"""The optimizer, the learning rate over time, and how much each tag weighs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mednerapp.domain.models import HyperParameters, Schedule
from mednerapp.training.encoding import Example

WARM_UP = 0.1  # share of the steps of the linear schedule
MOST_WEIGHT = 10.0  # of a tag under balanced weights, as a multiple or a fraction of the mean


def adam(trainable: Mapping[str, torch.nn.Parameter], hyper: HyperParameters) -> torch.optim.Optimizer:
    """Adam; with decoupled weight decay (AdamW) where that is not 0.

    Biases and layer norms (the one-dimensional parameters) do not decay, as BERT was trained.
    """
    groups = [
        {"params": [p for p in trainable.values() if p.ndim > 1], "weight_decay": hyper.weight_decay},
        {"params": [p for p in trainable.values() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    used: list[dict[str, Any]] = [group for group in groups if group["params"]]
    return torch.optim.AdamW(used, lr=hyper.learning_rate, fused=True)


@dataclass(slots=True)
class Rate:
    """The learning rate as a share of its highest value; `scale` and `stalled` are what the plateau schedule remembers.

    `total`: steps that the run has if it is not stopped early.
    """

    hyper: HyperParameters
    total: int
    scale: float = 1.0
    stalled: int = 0

    def at(self, step: int) -> float:
        """`step`: of the optimizer, from 0 over all epochs."""
        if self.hyper.schedule is Schedule.PLATEAU:
            return self.scale
        warm_up = max(1, round(WARM_UP * self.total))
        return (step + 1) / warm_up if step < warm_up else (self.total - step) / max(1, self.total - warm_up)

    def after_epoch(self, *, better: bool) -> None:
        """`better`: whether the dev F1 is the best so far."""
        self.stalled = 0 if better else self.stalled + 1
        if self.stalled > self.hyper.decay_patience:
            self.scale *= self.hyper.decay_factor
            self.stalled = 0


def balanced_weights(examples: Sequence[Example], tags: int) -> torch.Tensor:
    """Weights (tags,) in inverse proportion to how often each tag stands in the gold, their mean over the tokens 1.

    Then none is left above 10 or below 0.1, so that one mention of a rare label cannot outshout all others.
    A tag that is never there weighs 1; it does not matter.
    """
    every = np.concatenate([example.tags for example in examples])
    counts = np.bincount(every[every >= 0], minlength=tags).astype(np.float64)
    weights = np.ones(tags)
    there = counts > 0
    weights[there] = counts.sum() / (there.sum() * counts[there])  # their mean over the tokens is 1
    return torch.from_numpy(np.clip(weights, 1 / MOST_WEIGHT, MOST_WEIGHT)).float()
