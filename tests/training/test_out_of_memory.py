"""When the memory does not suffice: smaller passes once, said in words; the same training; then a clear failure."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import HyperParameters
from mednerapp.errors import ModelProblem
from mednerapp.ner.loading import open_classifier, open_words, window_of
from mednerapp.training import TrainingStopped, encoding, loop
from mednerapp.training.checkpoints import Checkpoints
from mednerapp.training.encoding import Example, examples_of
from mednerapp.training.loop import Hooks, fit
from mednerapp.training.lora import add_lora
from tests.tiny_models import make_tiny_encoder, toy_notes

LABELS = MEDICAL_SCHEMA.names
HYPER = HyperParameters(epochs=2, learning_rate=1e-2, dropout=0.0)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.base = make_tiny_encoder(folder / "base", "bert-uncased")
        self.examples: list[Example] = examples_of(toy_notes()[:16], open_words(self.base), LABELS, self.plan())
        self.said: list[str] = []
        self.steps = 0

    def model(self):
        torch.manual_seed(1)
        return open_classifier(self.base, LABELS, words=open_words(self.base), keep_head=False)

    def plan(self):
        return window_of(self.model().config)

    def train(self, checkpoints: Checkpoints | None = None, stop_after: int = 0) -> dict[str, torch.Tensor]:
        def on_step(*_: int) -> None:
            self.steps += 1

        model = add_lora(self.model(), HYPER, base_name="tiny")
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0  # what is drawn depends on the passes
        hooks = Hooks(
            lambda _: None,
            on_step,
            lambda: False,
            log=self.said.append,
            should_pause=lambda: bool(stop_after) and self.steps >= stop_after,
        )
        fit(
            model, self.examples, hyper=HYPER, device="cpu", score_dev=lambda: None, hooks=hooks,
            checkpoints=checkpoints, depends_on={},
        )  # fmt: skip
        return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setitem(encoding.PASS_TOKENS, "cpu", 800)  # the toy notes are short
    return Bench(tmp_path)


def room_for(tokens: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A device on which so many tokens have room; the passes that were tried."""
    tried: list[int] = []
    original = loop._Run._loss_sum

    def loss_sum(self, part, tags):
        tried.append(len(tags))
        if len(tags) > tokens:
            original(self, part, tags).backward()  # some of the gradients are there already
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return original(self, part, tags)

    monkeypatch.setattr(loop._Run, "_loss_sum", loss_sum)
    return tried


def test_smaller_passes_give_the_same_training_and_are_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = bench.train()
    assert bench.said == []
    tried = room_for(220, monkeypatch)
    found = bench.train()
    assert sum(tokens > 220 for tokens in tried) == 1
    assert all(torch.allclose(found[name], expected[name], atol=1e-5) for name in expected)
    [said] = bench.said
    assert said.startswith("Out of memory on cpu: from now on 200 tokens at a time instead of 800, with the gradients")


def test_when_smaller_passes_do_not_suffice_either_the_run_fails_and_says_what_to_do(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    room_for(10, monkeypatch)
    with pytest.raises(ModelProblem, match="not enough memory on cpu, also with 200 tokens at a time"):
        bench.train()
    assert len(bench.said) == 1


def test_a_run_that_is_paused_goes_on_with_the_passes_that_had_room(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room_for(220, monkeypatch)
    undisturbed = bench.train()
    bench.steps = 0
    with pytest.raises(TrainingStopped, match="paused"):
        bench.train(Checkpoints(tmp_path / "saved", attempt="one"), stop_after=1)
    tried = room_for(220, monkeypatch)
    resumed = bench.train(Checkpoints(tmp_path / "saved", attempt="two"))
    assert max(tried) <= 220
    assert all(torch.equal(resumed[name], undisturbed[name]) for name in undisturbed)
