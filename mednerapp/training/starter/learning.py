"""Training the encoder and its heads on annotated windows of several corpora."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from mednerapp.ner.alignment import WordEncoder
from mednerapp.ner.prediction import autocast
from mednerapp.ner.windows import WindowPlan, cut
from mednerapp.ner.words import IntArray
from mednerapp.training.encoding import IGNORED, pass_tokens, passes, window_ids
from mednerapp.training.starter.corpora import BoolArray, CorpusNote, CorpusSpec, allowed_tags, own_tags
from mednerapp.training.starter.network import PRODUCT, ManyHeads
from mednerapp.training.starter.recipe import LABELS, Learning

Say = Callable[[str], None]
SAY_EVERY = 25  # steps


@dataclass(frozen=True, slots=True)
class MarkedWindow:
    """ids (tokens,); own: tags of the corpus's labels (tokens,); allowed: (tokens, tags) of the product's labels."""

    corpus: str
    ids: IntArray
    own: IntArray
    allowed: BoolArray


@dataclass(frozen=True, slots=True)
class SoftWindow:
    """ids (tokens,); chances: what teachers give to each of the product's tags (tokens, tags), rows adding up to 1."""

    ids: IntArray
    chances: NDArray[np.float16]


def marked_windows(
    notes: Sequence[CorpusNote], words: WordEncoder, spec: CorpusSpec, plan: WindowPlan
) -> list[MarkedWindow]:
    """All windows of some documents. Special tokens are IGNORED and may have any tag."""
    result: list[MarkedWindow] = []
    for note, encoded in zip(notes, words.encode([note.text for note in notes]), strict=True):
        own, allowed = own_tags(note, encoded, spec), allowed_tags(note, encoded, spec, LABELS)
        anything = np.ones((1, allowed.shape[1]), dtype=np.bool_)
        for window in cut(len(encoded.ids), plan):
            inside = slice(window.start, window.stop)
            result.append(
                MarkedWindow(
                    spec.name,
                    window_ids(encoded, window, words),
                    np.concatenate(([IGNORED], own[inside], [IGNORED])),
                    np.concatenate((anything, allowed[inside], anything)),
                )
            )
    return result


def learn(
    net: ManyHeads, windows: Sequence[MarkedWindow | SoftWindow], settings: Learning, *, device: str, say: Say
) -> None:
    """Trains in place. Every step sees windows of one corpus, or such as teachers have tagged."""
    torch.manual_seed(settings.seed)
    rng = random.Random(settings.seed)  # noqa: S311  an order, not a secret
    groups = [group for _ in range(settings.epochs) for group in _epoch(windows, settings, rng)]
    optimizer = torch.optim.AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    lengths = [len(window.ids) for window in windows]
    began, tokens, total = time.monotonic(), 0, torch.zeros((), device=device)
    net.train()
    for step, group in enumerate(groups, 1):
        for options in optimizer.param_groups:
            options["lr"] = settings.learning_rate * _rate(step, len(groups), settings.warm_up)
        counted = sum(lengths[i] - 2 for i in group)
        for part in passes(group, lengths, most_tokens=pass_tokens(device)):
            loss = loss_of(net, [windows[i] for i in part], settings, device) / counted
            loss.backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(net.parameters(), settings.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        tokens += counted
        if step % SAY_EVERY == 0 or step == len(groups):
            seconds = time.monotonic() - began
            steps = step % SAY_EVERY or SAY_EVERY
            say(f"  step {step}/{len(groups)}  loss {float(total) / steps:.3f}  {tokens / seconds:.0f} tokens/s")
            total.zero_()


def loss_of(net: ManyHeads, windows: Sequence[MarkedWindow | SoftWindow], settings: Learning, device: str) -> Tensor:
    """Summed over the tokens of windows of one kind.

    Marked by one corpus: minus the log of what the product's head gives to the allowed tags together (a marginal
    likelihood: Tsuboi et al., COLING 2008), and cross-entropy of the corpus's own head. Tagged by teachers:
    cross-entropy against their chances (Hinton et al., 2015, at temperature 1).
    """

    def on_device(parts: Sequence[NDArray[Any]]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts)).to(device, non_blocking=True)

    with autocast(device):
        vectors = net([window.ids for window in windows])
        product = net.scores(PRODUCT, vectors)
    likely = product.float().log_softmax(dim=-1)
    marked = [window for window in windows if isinstance(window, MarkedWindow)]
    if not marked:
        chances = on_device([window.chances for window in windows if isinstance(window, SoftWindow)])
        return settings.product_weight * -(chances.float() * likely).sum()
    with autocast(device):
        theirs = net.scores(marked[0].corpus, vectors)
    allowed, own = on_device([window.allowed for window in marked]), on_device([window.own for window in marked])
    together = likely.masked_fill(~allowed, -torch.inf).logsumexp(dim=-1)
    own_loss = cross_entropy(theirs.float(), own, ignore_index=IGNORED, reduction="sum")
    return settings.product_weight * -together.sum() + settings.own_weight * own_loss


def _epoch(windows: Sequence[MarkedWindow | SoftWindow], settings: Learning, rng: random.Random) -> list[list[int]]:
    """The share of the windows, those of one kind and of like length together, the groups in random order."""
    size = settings.batch_size
    kinds: dict[str, list[int]] = {}
    for i, window in enumerate(windows):
        kinds.setdefault(window.corpus if isinstance(window, MarkedWindow) else "", []).append(i)
    groups: list[list[int]] = []
    for kind, own in sorted(kinds.items()):
        rng.shuffle(own)
        taken = own[: round((settings.share if kind else settings.soft_share) * len(own))]
        for at in range(0, len(taken), 8 * size):
            stretch = sorted(taken[at : at + 8 * size], key=lambda i: len(windows[i].ids))
            groups += [stretch[i : i + size] for i in range(0, len(stretch), size)]
    rng.shuffle(groups)
    return groups


def _rate(step: int, steps: int, warm_up: float) -> float:
    """Linear warm-up, then linear decay to zero; step counts from 1."""
    rising = warm_up * steps
    return step / rising if step < rising else (steps - step) / max(1.0, steps - rising)
