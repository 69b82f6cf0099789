"""What each setting of a run does, on a tiny encoder."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.models import ClassWeights, HyperParameters, Method, Schedule
from mednerapp.errors import InvalidValue, ModelProblem
from mednerapp.ner.loading import open_classifier, open_words, window_of
from mednerapp.ner.packed import embed, pack, run_layers
from mednerapp.training import encoding
from mednerapp.training.determinism import deterministic
from mednerapp.training.dropout import ByteDropout, affordable_dropout
from mednerapp.training.encoding import Example, batches_of_epoch, examples_of, passes
from mednerapp.training.frozen import FrozenLayers
from mednerapp.training.loop import DevScore, Hooks, fit
from mednerapp.training.lora import add_lora, first_trained_layer
from mednerapp.training.optimizing import Rate, balanced_weights
from tests.tiny_models import make_tiny_encoder, toy_notes

LABELS = MEDICAL_SCHEMA.names
LORA = HyperParameters(epochs=2, learning_rate=1e-2, dropout=0.0)
FULL = replace(LORA, method=Method.FULL, learning_rate=1e-3)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_encoder(tmp_path_factory.mktemp("loop") / "base", "bert-uncased")


@pytest.fixture(scope="module")
def examples(base: Path) -> list[Example]:
    words = open_words(base)
    model = open_classifier(base, LABELS, words=words, keep_head=False)
    return examples_of(toy_notes()[:20], words, LABELS, window_of(model.config))


def classifier(base: Path, seed: int = 1):
    torch.manual_seed(seed)
    return open_classifier(base, LABELS, words=open_words(base), keep_head=False)


def train(
    model,
    examples: Sequence[Example],
    hyper: HyperParameters,
    scores: Callable[[], DevScore | None] = lambda: None,
    **more,
):
    hooks = Hooks(lambda _: None, more.pop("on_step", None), lambda: False)
    return fit(model, examples, hyper=hyper, device="cpu", score_dev=scores, hooks=hooks, **more)


def scripted(f1: Sequence[float]) -> Callable[[], DevScore]:
    left = iter(f1)
    return lambda: DevScore(1.0, next(left))


def rates(model, examples: Sequence[Example], hyper: HyperParameters, f1: Sequence[float]) -> list[float]:
    """The learning rate of each epoch's last step."""
    seen: list[float] = []

    class Spy(torch.optim.AdamW):
        def step(self, closure=None):
            seen.append(self.param_groups[0]["lr"])
            return super().step(closure)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "AdamW", Spy)
        train(model, examples, hyper, scripted(f1))
    steps = math.ceil(len(examples) / hyper.batch_size)
    return seen[steps - 1 :: steps]


def test_a_run_stops_when_the_dev_score_has_not_risen_for_long_enough(base: Path, examples: list[Example]) -> None:
    hyper = replace(FULL, epochs=20, patience=2)
    reports, kept = train(classifier(base), examples, hyper, scripted([0.1, 0.3, 0.3, 0.2, 0.9]))
    assert ([report.epoch for report in reports], kept) == ([1, 2, 3, 4], 2)


def test_without_early_stopping_and_without_dev_notes_every_epoch_runs(base: Path, examples: list[Example]) -> None:
    reports, kept = train(classifier(base), examples, replace(FULL, epochs=4), scripted([0.5, 0.1, 0.1, 0.1]))
    assert (len(reports), kept) == (4, 1)
    reports, kept = train(classifier(base), examples, replace(FULL, epochs=3, patience=1))
    assert (len(reports), kept) == (3, 3)


def test_the_learning_rate_is_halved_when_the_dev_score_stalls(base: Path, examples: list[Example]) -> None:
    hyper = replace(FULL, epochs=7, schedule=Schedule.PLATEAU, learning_rate=0.004, decay_patience=1)
    f1 = [0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3]
    assert rates(classifier(base), examples, hyper, f1) == [0.004, 0.004, 0.004, 0.004, 0.002, 0.002, 0.002]


def test_the_linear_schedule_warms_up_and_ends_near_zero() -> None:
    rate = Rate(LORA, total=100)
    shares = [rate.at(step) for step in range(100)]
    assert max(shares) == 1.0
    assert shares.index(1.0) == 9
    assert shares[0] == pytest.approx(0.1)
    assert 0 < shares[-1] < 0.02


def test_memory_is_bounded_by_passes_and_they_change_nothing(
    base: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(most: int) -> torch.Tensor:
        monkeypatch.setitem(encoding.PASS_TOKENS, "cpu", most)
        model = classifier(base)
        model.config.hidden_dropout_prob = 0.0
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        train(model, examples, replace(FULL, epochs=1, learning_rate=1e-4))
        return model.classifier.weight.detach()

    torch.testing.assert_close(trained(70), trained(100_000), rtol=1e-4, atol=1e-6)


def test_every_window_goes_through_once_in_passes_within_the_budget() -> None:
    lengths = [5, 90, 3, 40, 40, 7, 60, 200]
    groups = batches_of_epoch(len(lengths), 3, seed=1, epoch=1)
    assert sorted(i for group in groups for i in group) == list(range(8))
    assert groups != batches_of_epoch(len(lengths), 3, seed=1, epoch=2)
    found = passes(range(8), lengths, most_tokens=100)
    assert sorted(i for group in found for i in group) == list(range(8))
    assert all(sum(lengths[i] for i in group) <= 100 or len(group) == 1 for group in found)


def _tagged(counts: Sequence[int]) -> list[Example]:
    tags = np.repeat(np.arange(len(counts)), counts)
    return [Example(ids=np.zeros_like(tags), tags=tags)]


def test_balanced_weights_raise_rare_tags_and_keep_the_mean_loss_in_place() -> None:
    counts = np.array([60, 20, 20])
    weights = balanced_weights(_tagged(counts.tolist()), 3).numpy()
    assert weights.tolist() == pytest.approx([100 / 180, 100 / 60, 100 / 60])
    assert (weights * counts).sum() / counts.sum() == pytest.approx(1.0)


def test_no_tag_weighs_more_than_ten_or_less_than_a_tenth() -> None:
    weights = balanced_weights(_tagged([100_000, 1, 0, 500]), 4)
    assert weights.tolist() == pytest.approx([100_501 / (3 * 100_000), 10, 1, 10])
    many = balanced_weights(_tagged([100_000, *[1] * 40]), 41)
    assert float(many[0]) == pytest.approx(0.1)


def test_class_weights_change_what_is_learnt(base: Path, examples: list[Example]) -> None:
    plain, balanced = classifier(base), classifier(base)
    train(plain, examples, FULL)
    train(balanced, examples, replace(FULL, class_weights=ClassWeights.BALANCED))
    assert not torch.equal(plain.classifier.bias, balanced.classifier.bias)


def test_gradients_are_clipped(base: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []
    clip = torch.nn.utils.clip_grad_norm_

    def spy(parameters, most):
        norm = clip(parameters, most)
        norms.append(float(torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])))
        return norm

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", spy)
    train(classifier(base), examples, replace(FULL, max_grad_norm=0.01))
    assert 0 < max(norms) <= 0.0101


def test_only_the_asked_layers_and_the_head_learn(base: Path, examples: list[Example]) -> None:
    hyper = replace(LORA, lora_layers=1, targets=("query", "value"))
    model = add_lora(classifier(base), hyper, base_name="base")
    learning = [name for name, p in model.named_parameters() if p.requires_grad]
    assert all("layer.1." in name or "classifier" in name for name in learning)
    assert any("query.lora_A" in name for name in learning)
    assert not any("key" in name for name in learning)
    for wrong in (0, 3):
        with pytest.raises(InvalidValue, match="has 2 layers"):
            first_trained_layer(classifier(base), replace(hyper, lora_layers=wrong))
    with pytest.raises(InvalidValue, match="Valid targets: query, key, value, dense"):
        add_lora(classifier(base), replace(hyper, targets=("pooler",)), base_name="base")


@pytest.mark.parametrize("in_memory", [2**30, 0], ids=["in memory", "on disk"])
def test_the_lower_layers_results_are_those_of_the_layers_and_leave_nothing_behind(
    base: Path, examples: list[Example], tmp_path: Path, in_memory: int
) -> None:
    model = classifier(base).eval()
    windows = [example.ids for example in examples]
    group = [4, 0, 7]
    with FrozenLayers(model, windows, first=1, device="cpu", in_memory=in_memory, folder=tmp_path) as frozen:
        assert frozen.on_disk is (in_memory == 0)
        packed = pack([windows[i] for i in group], config=model.config, device="cpu")
        with torch.no_grad():
            expected = run_layers(model, embed(model, packed), packed.lengths, first=0, stop=1)
        torch.testing.assert_close(frozen.vectors(group), expected, rtol=1e-3, atol=1e-3)
        assert list(tmp_path.iterdir()) == []  # the file has no name, so a kill leaves none either
    assert list(tmp_path.iterdir()) == []


def test_the_lower_layers_results_are_those_of_this_encoder_not_of_another(base: Path, examples: list[Example]) -> None:
    model = classifier(base).eval()
    windows = [example.ids for example in examples]
    with FrozenLayers(model, windows, first=1, device="cpu") as one:
        before = one.vectors([0])
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight *= torch.linspace(
            0.5, 1.5, 32
        )  # a shift is what a norm takes back
    with FrozenLayers(model, windows, first=1, device="cpu") as other:
        assert not torch.equal(before, other.vectors([0]))


def test_a_full_disk_is_said_before_the_training_begins(
    base: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(ModelProblem, match=r"GiB on disk, and there is no room"):
        FrozenLayers(classifier(base), [examples[0].ids], first=1, device="cpu", in_memory=0)


def test_top_layers_learn_the_same_from_stored_results_as_from_the_layers_themselves(
    base: Path, examples: list[Example]
) -> None:
    hyper = replace(LORA, lora_layers=1, learning_rate=1e-3)

    def trained(*, stored: bool) -> torch.Tensor:
        model = add_lora(classifier(base), hyper, base_name="base")
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        windows = [example.ids for example in examples]
        frozen = FrozenLayers(model, windows, first=1, device="cpu") if stored else None
        train(model, examples, hyper, frozen=frozen)
        return model.get_base_model().classifier.modules_to_save["default"].weight.detach()

    torch.testing.assert_close(trained(stored=True), trained(stored=False), rtol=0.01, atol=0.002)


def test_our_dropout_drops_as_often_as_it_says_keeps_the_mean_and_passes_gradients_where_values_passed() -> None:
    torch.manual_seed(3)
    values = torch.ones(401, 333, requires_grad=True)
    out = ByteDropout(0.1).train()(values)
    share = float((out == 0).float().mean())
    assert share == pytest.approx(26 / 256, abs=0.005)
    assert float(out.mean().detach()) == pytest.approx(1.0, abs=0.01)
    out.sum().backward()
    assert torch.equal(values.grad, out.detach())
    assert torch.equal(ByteDropout(0.1).eval()(values), values)


def test_our_dropout_is_gone_after_the_training(base: Path) -> None:
    model = classifier(base)
    before = {name: type(module) for name, module in model.named_modules()}
    with affordable_dropout(model, "cpu"):
        assert any(isinstance(module, ByteDropout) for module in model.modules())
    assert {name: type(module) for name, module in model.named_modules()} == before


def test_determinism_is_switched_on_for_the_run_only(
    base: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    seen: list[bool] = []
    train(
        classifier(base),
        examples,
        replace(FULL, epochs=1, deterministic=True),
        on_step=lambda *_: seen.append(torch.are_deterministic_algorithms_enabled()),
    )
    assert set(seen) == {True}
    assert not torch.are_deterministic_algorithms_enabled()
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    with deterministic(wanted=True):
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
