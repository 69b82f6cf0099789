"""The training loop: fetch, forward, backward, step, report; the same for LoRA and for full fine-tuning."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from mednerapp.domain.models import ClassWeights, EpochReport, HyperParameters
from mednerapp.errors import ModelProblem
from mednerapp.ner.packed import embed, layer_count, logits, pack, run_layers
from mednerapp.ner.prediction import autocast
from mednerapp.scoring.strict import Counts
from mednerapp.training import TrainingStopped
from mednerapp.training.checkpoints import Checkpoints, Saved
from mednerapp.training.determinism import deterministic
from mednerapp.training.dropout import affordable_dropout
from mednerapp.training.encoding import IGNORED, Example, batches_of_epoch, passes
from mednerapp.training.frozen import FrozenLayers
from mednerapp.training.optimizing import Rate, adam, balanced_weights
from mednerapp.training.room import Room
from mednerapp.training.team import ALONE, Team

MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what Adam remembers of every weight
LOOK_EVERY = 20  # steps between two looks at whether the loss is a number; on a GPU each look waits for it


@dataclass(frozen=True, slots=True)
class Hooks:
    """How the loop talks to whoever started it. `should_stop` is asked before every pass through the model.

    on_resume: called with the epoch and the steps done in it, when the run goes on from a checkpoint; the reports of
        the epochs before are then given to `on_epoch` once more.
    on_save: called after each checkpoint. log: told what a person should know, in words.
    should_pause: asked between two steps; a run with checkpoints is saved then, and stopped.
    """

    on_epoch: Callable[[EpochReport], None]
    on_step: Callable[[int, int], None] | None
    should_stop: Callable[[], bool]
    on_resume: Callable[[int, int], None] | None = None
    on_save: Callable[[], None] | None = None
    log: Callable[[str], None] | None = None
    should_pause: Callable[[], bool] = lambda: False

    def check(self) -> None:
        if self.should_stop():
            raise TrainingStopped("The training was stopped; no model was written.")


@dataclass(frozen=True, slots=True)
class DevScore:
    """Mean token loss and strict micro F1 on the dev notes; strict counts of each, all labels together."""

    loss: float
    f1: float
    per_note: Sequence[Counts] = ()


@dataclass(slots=True)
class Progress:
    """Where a run stands: plain numbers, all of which a checkpoint keeps. `step`: steps done in `epoch`."""

    epoch: int = 1
    step: int = 0
    loss_sum: float = 0.0
    weight: float = 0.0
    seconds: float = 0.0
    scale: float = 1.0
    stalled: int = 0
    best_epoch: int = 0
    best_f1: float = -1.0
    pass_tokens: int = 0  # 0: as many as suit the device
    reports: list[EpochReport] = field(default_factory=list[EpochReport])

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Progress:
        values = dict(state)
        values["reports"] = [EpochReport(**report) for report in state["reports"]]
        return cls(**values)


def fit(
    model: Any,
    examples: Sequence[Example],
    *,
    hyper: HyperParameters,
    device: str,
    score_dev: Callable[[], DevScore | None],
    hooks: Hooks,
    frozen: FrozenLayers | None = None,
    checkpoints: Checkpoints | None = None,
    depends_on: Mapping[str, Any] | None = None,
    room: Room | None = None,
    team: Team = ALONE,
) -> tuple[list[EpochReport], int]:
    """Trains what the model marks as trainable and leaves it at its best epoch: the highest dev F1, else the last.

    The model is on `device`. Random choices (dropout) come from torch's global generator; seed it before.

    frozen: what the layers below the trained ones make of `examples`, in the same order; without it all layers run.
    checkpoints: where the run is saved now and then, and from where it goes on if it was saved there before.
        Then `depends_on` names what the result depends on besides the settings (encoder, data): a checkpoint of
        anything else is not used. On a CPU the result is the same bit for bit as without the interruption.
    room: shared with the scoring of the dev notes, so that both use smaller passes once the memory was exhausted.

    team: the processes that learn this run together, each of which calls this with the same arguments; only what the
        first one is told by `score_dev` counts, and only it writes checkpoints.

    Returns the reports and the number of the epoch that was kept. Raises TrainingStopped.
    """
    with deterministic(hyper.deterministic), affordable_dropout(model, device):
        run = _Run(
            model,
            examples,
            hyper,
            device,
            hooks,
            frozen,
            checkpoints,
            {**(depends_on or {}), "settings": hyper.as_json()},
            room or Room(device, log=hooks.log),
            team,
        )
        run.resume()
        while not run.over:
            run.epoch()
            run.end_epoch(score_dev)
        run.restore_best()
    return run.at.reports, run.at.best_epoch


class _Run:
    def __init__(
        self,
        model: Any,
        examples: Sequence[Example],
        hyper: HyperParameters,
        device: str,
        hooks: Hooks,
        frozen: FrozenLayers | None,
        checkpoints: Checkpoints | None,
        depends_on: Mapping[str, Any],
        room: Room,
        team: Team,
    ) -> None:
        self._room, self._team = room, team
        self.at = Progress()
        self._model, self._examples, self._hyper, self._device = model, examples, hyper, device
        self._hooks, self._frozen, self._checkpoints, self._depends_on = hooks, frozen, checkpoints, depends_on
        self._lengths = [len(example.ids) for example in examples]
        self._trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._optimizer = adam(self._trainable, hyper)
        self._steps = math.ceil(len(examples) / hyper.batch_size)
        self._rate = Rate(hyper, self._steps * hyper.epochs)
        self._best: dict[str, torch.Tensor] = {}
        self._tag_weights = (
            balanced_weights(examples, int(model.config.num_labels)).to(device)
            if hyper.class_weights is ClassWeights.BALANCED
            else None
        )
        self._loss = torch.zeros((), dtype=torch.float64, device=device)  # of the epoch so far, summed over tokens

    @property
    def over(self) -> bool:
        patience, done = self._hyper.patience, len(self.at.reports)
        # Without dev notes every epoch counts as the best one, so nothing stops early.
        return done >= self._hyper.epochs or (patience is not None and done - self.at.best_epoch >= patience)

    def epoch(self) -> None:
        at = self.at
        self._model.train()
        groups = batches_of_epoch(len(self._examples), self._hyper.batch_size, seed=self._hyper.seed, epoch=at.epoch)
        began = time.monotonic() - at.seconds
        for group in groups[at.step :]:
            self._hooks.check()
            self._step(group)
            at.step += 1
            at.seconds = time.monotonic() - began
            if at.step % LOOK_EVERY == 0 or at.step == self._steps:
                self._require_number()
            if self._hooks.on_step:
                self._hooks.on_step((at.epoch - 1) * self._steps + at.step, self._rate.total)
            if at.step < self._steps:
                self._save_or_pause()

    def _step(self, group: Sequence[int]) -> None:
        rate = self._hyper.learning_rate * self._rate.at((self.at.epoch - 1) * self._steps + self.at.step)
        for settings in self._optimizer.param_groups:
            settings["lr"] = rate
        before = self._loss.clone()

        def undo() -> None:
            self._optimizer.zero_grad(set_to_none=True)
            self._loss.copy_(before)

        if not self._team.alone:
            self._team.seed(self._hyper.seed, (self.at.epoch - 1) * self._steps + self.at.step)
        weight = self._room.call(lambda: self._gradients(group), undo=undo)
        if not self._team.alone:
            self._loss -= before
            self._team.add_up(self._trainable.values(), self._loss)
            self._loss += before
        torch.nn.utils.clip_grad_norm_(list(self._trainable.values()), self._hyper.max_grad_norm)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.at.weight += weight

    def _gradients(self, group: Sequence[int]) -> float:
        """Adds up the gradients of this process's windows of a step, pass by pass; what the tokens of all weigh."""
        own = self._team.share(group, self._lengths) if not self._team.alone else group
        parts = passes(own, self._lengths, most_tokens=self._room.tokens)
        tags = [torch.from_numpy(np.concatenate([self._examples[i].tags for i in part])) for part in parts]
        weight = self._weight_of(torch.from_numpy(np.concatenate([self._examples[i].tags for i in group])))
        for number, (part, expected) in enumerate(zip(parts, tags, strict=True)):
            if number:
                self._hooks.check()
            loss = self._loss_sum(part, expected.to(self._device, non_blocking=True))
            (loss / max(weight, 1e-9)).backward()
            self._loss += loss.detach()
        return weight

    def _loss_sum(self, part: Sequence[int], tags: torch.Tensor) -> torch.Tensor:
        """Token cross-entropy summed over the tokens of some windows."""
        with autocast(self._device):
            if self._frozen:
                first, lengths = self._frozen.first, [self._lengths[i] for i in part]
                hidden = self._frozen.vectors(part)
            else:
                packed = pack([self._examples[i].ids for i in part], config=self._model.config, device=self._device)
                first, lengths, hidden = 0, packed.lengths, embed(self._model, packed)
            hidden = run_layers(self._model, hidden, lengths, first=first, stop=layer_count(self._model))
            scores = logits(self._model, hidden)
        return cross_entropy(scores.float(), tags, weight=self._tag_weights, ignore_index=IGNORED, reduction="sum")

    def _weight_of(self, tags: torch.Tensor) -> float:
        counted = tags[tags != IGNORED]
        return float(len(counted) if self._tag_weights is None else self._tag_weights.cpu()[counted].double().sum())

    def _require_number(self) -> None:
        self.at.loss_sum = float(self._loss)
        if not math.isfinite(self.at.loss_sum):
            raise ModelProblem(f"The loss of epoch {self.at.epoch} is not a number. Use a lower learning rate.")

    def end_epoch(self, score_dev: Callable[[], DevScore | None]) -> None:
        at, began = self.at, time.monotonic()
        self._model.eval()
        dev = self._agreed(score_dev())
        better = dev is None or dev.f1 > at.best_f1
        if better:
            at.best_epoch, at.best_f1 = at.epoch, dev.f1 if dev else -1.0
            self._best = {name: p.detach().to("cpu", copy=True) for name, p in self._trainable.items()}
        self._rate.after_epoch(better=better)
        seconds = at.seconds + time.monotonic() - began
        report = EpochReport(
            at.epoch, at.loss_sum / max(at.weight, 1e-9), dev.loss if dev else None, dev.f1 if dev else None, seconds
        )
        at.reports.append(report)
        at.epoch, at.step, at.loss_sum, at.weight, at.seconds = at.epoch + 1, 0, 0.0, 0.0, 0.0
        self._loss.zero_()
        self._hooks.on_epoch(report)
        if not self.over:
            self._save_or_pause()
        elif self._checkpoints and self._team.first and self._checkpoints.due():
            self._save(self._checkpoints)

    def _agreed(self, dev: DevScore | None) -> DevScore | None:
        """What the first process says of the dev notes: the others follow its learning rate and its end."""
        if self._team.alone:
            return dev
        there, loss, f1 = self._team.from_first(
            [dev is not None, dev.loss if dev else 0.0, dev.f1 if dev else 0.0], device=self._device
        )
        return (dev or DevScore(loss, f1)) if there else None

    def _save_or_pause(self) -> None:
        if not self._checkpoints or not self._team.first:
            return
        due, pause = self._checkpoints.due(), self._hooks.should_pause()
        if due or pause:
            self._save(self._checkpoints)
        if pause:
            raise TrainingStopped("The training is paused; it was saved.")

    def restore_best(self) -> None:
        with torch.no_grad():
            for name, p in self._trainable.items():
                p.copy_(self._best[name])

    def resume(self) -> None:
        """Goes on from the newest checkpoint, if there is a whole one."""
        saved = self._checkpoints.newest(self._depends_on) if self._checkpoints else None
        if saved is not None:
            self._load(saved)
        if not self._team.alone:
            place = [float(self.at.epoch), float(self.at.step)]
            if self._team.from_first(place, device=self._device) != place:
                raise ModelProblem("The processes of this training found different checkpoints; start it again.")
        if saved is None:
            return
        if self._hooks.on_resume:
            self._hooks.on_resume(self.at.epoch, self.at.step)
        for report in self.at.reports:
            self._hooks.on_epoch(report)

    def _save(self, checkpoints: Checkpoints) -> None:
        self._require_number()
        at = self.at
        at.scale, at.stalled = self._rate.scale, self._rate.stalled
        at.pass_tokens = self._room.tokens if self._room.smaller else 0
        tensors: dict[str, torch.Tensor] = {"random": torch.get_rng_state()}
        if self._device != "cpu":
            tensors["random_on_device"] = torch.cuda.get_rng_state(self._device)
        for name, p in self._trainable.items():
            tensors[f"weight {name}"] = p.detach()
            tensors |= {
                f"{kind} {name}": self._optimizer.state[p][kind] for kind in MOMENTS if self._optimizer.state[p]
            }
        tensors |= {f"best {name}": value for name, value in self._best.items()}
        number = (at.epoch - 1) * self._steps + at.step
        saved = checkpoints.save(number, depends_on=self._depends_on, state=asdict(at), tensors=tensors)
        if saved and self._hooks.on_save:
            self._hooks.on_save()

    def _load(self, saved: Saved) -> None:
        self.at = at = Progress.of(saved.state)
        self._rate.scale, self._rate.stalled = at.scale, at.stalled
        self._room.tokens = at.pass_tokens or self._room.tokens
        self._loss.fill_(at.loss_sum)
        kept = saved.tensors
        with torch.no_grad():
            for name, p in self._trainable.items():
                p.copy_(kept[f"weight {name}"])
                moments = {kind: kept[f"{kind} {name}"] for kind in MOMENTS if f"{kind} {name}" in kept}
                self._optimizer.state[p] = {kind: value.to(self._device) for kind, value in moments.items()}
        self._best = {name.partition(" ")[2]: value for name, value in kept.items() if name.startswith("best ")}
        torch.set_rng_state(kept["random"])
        if self._device != "cpu" and "random_on_device" in kept:
            torch.cuda.set_rng_state(kept["random_on_device"], self._device)
