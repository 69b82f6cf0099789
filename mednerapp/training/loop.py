"""The training loop: fetch, forward, backward, step, report; the same for LoRA and for full fine-tuning."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from mednerapp.domain.models import EpochReport, HyperParameters
from mednerapp.errors import ModelProblem
from mednerapp.ner.prediction import autocast
from mednerapp.training import TrainingStopped
from mednerapp.training.encoding import IGNORED, Batch, Example, shuffled_batches

WARM_UP = 0.1  # share of the steps
WEIGHT_DECAY = 0.01


@dataclass(frozen=True, slots=True)
class Hooks:
    """How the loop talks to whoever started it. `should_stop` is asked at every step."""

    on_epoch: Callable[[EpochReport], None]
    on_step: Callable[[int, int], None] | None
    should_stop: Callable[[], bool]

    def check(self) -> None:
        if self.should_stop():
            raise TrainingStopped("The training was stopped; no model was written.")


@dataclass(frozen=True, slots=True)
class DevScore:
    """Mean token loss and strict micro F1 on the dev notes."""

    loss: float
    f1: float


def fit(
    model: Any,
    examples: Sequence[Example],
    *,
    hyper: HyperParameters,
    device: str,
    pad_id: int,
    score_dev: Callable[[], DevScore | None],
    hooks: Hooks,
) -> tuple[list[EpochReport], int]:
    """Trains what the model marks as trainable and leaves it at its best epoch: the highest dev F1, else the last.

    Returns the reports and the number of the epoch that was kept. Raises TrainingStopped.
    """
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    steps = math.ceil(len(examples) / hyper.batch_size)
    total = steps * hyper.epochs
    optimizer = torch.optim.AdamW(_groups(trainable), lr=hyper.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, partial(_rate, total=total))
    shuffle = random.Random(hyper.seed)  # noqa: S311  an order, not a secret
    reports: list[EpochReport] = []
    best_epoch, best_f1, best = 0, -1.0, {}
    for epoch in range(1, hyper.epochs + 1):
        began, loss_sum, tokens = time.monotonic(), 0.0, 0
        model.train()
        for step, batch in enumerate(shuffled_batches(examples, hyper.batch_size, pad_id=pad_id, shuffle=shuffle), 1):
            hooks.check()
            loss = _loss(model, batch, device)
            if not torch.isfinite(loss):
                raise ModelProblem(f"The loss of epoch {epoch} is not a number. Use a lower learning rate.")
            loss.backward()
            torch.nn.utils.clip_grad_norm_(list(trainable.values()), hyper.max_grad_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            counted = int((batch.tags != IGNORED).sum())
            loss_sum, tokens = loss_sum + loss.item() * counted, tokens + counted
            if hooks.on_step:
                hooks.on_step((epoch - 1) * steps + step, total)
        model.eval()
        dev = score_dev()
        if dev is None or dev.f1 > best_f1:
            best_epoch, best_f1 = epoch, dev.f1 if dev else -1.0
            best = {name: p.detach().to("cpu", copy=True) for name, p in trainable.items()}
        seconds = time.monotonic() - began
        report = EpochReport(epoch, loss_sum / tokens, dev.loss if dev else None, dev.f1 if dev else None, seconds)
        reports.append(report)
        hooks.on_epoch(report)
    with torch.no_grad():
        for name, p in trainable.items():
            p.copy_(best[name])
    return reports, best_epoch


def _loss(model: Any, batch: Batch, device: str) -> torch.Tensor:
    with autocast(device):
        logits = model(input_ids=batch.ids.to(device), attention_mask=batch.mask.to(device)).logits
    return cross_entropy(logits.float().flatten(0, 1), batch.tags.to(device).flatten(), ignore_index=IGNORED)


def _rate(step: int, total: int) -> float:
    """Linear warm-up, then linear decay to zero; as a share of the learning rate."""
    warm_up = max(1, round(WARM_UP * total))
    return (step + 1) / warm_up if step < warm_up else (total - step) / max(1, total - warm_up)


def _groups(trainable: dict[str, torch.nn.Parameter]) -> list[dict[str, Any]]:
    """No weight decay on biases and layer norms (the one-dimensional parameters), as BERT was trained."""
    return [
        {"params": [p for p in trainable.values() if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in trainable.values() if p.ndim <= 1], "weight_decay": 0.0},
    ]
