"""The dev notes of a run: scored after each epoch, and at the end what the model's scores are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from mednerapp.domain.datasets import GoldNote
from mednerapp.domain.spans import ScoredSpan
from mednerapp.ner.alignment import FloatArray, WordEncoder, decode
from mednerapp.ner.packed import embed, layer_count, logits, pack, run_layers
from mednerapp.ner.prediction import autocast
from mednerapp.ner.windows import WindowPlan, cut
from mednerapp.scoring.strict import Counts, count_strict, micro, precision_recall_f1
from mednerapp.training.encoding import IGNORED, gold_tags, passes, window_ids
from mednerapp.training.frozen import FrozenLayers
from mednerapp.training.loop import DevScore
from mednerapp.training.room import Room


class DevNotes:
    """Notes with everything about them that does not change from epoch to epoch.

    `windows`: ids of every window, special tokens included, in the order in which `FrozenLayers` is to have them.
    """

    def __init__(
        self,
        notes: Sequence[GoldNote],
        words: WordEncoder,
        labels: Sequence[str],
        plan: WindowPlan,
        *,
        room: Room | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """`check` is called at every pass; what it raises ends the scoring."""
        self._room, self._check = room, check
        self.notes = notes
        self._labels = tuple(labels)
        self._encoded = words.encode([note.text for note in notes])
        self._gold = [gold_tags(note, one, labels) for note, one in zip(notes, self._encoded, strict=True)]
        self._places = [(n, window) for n, one in enumerate(self._encoded) for window in cut(len(one.ids), plan)]
        self.windows = [window_ids(self._encoded[n], window, words) for n, window in self._places]

    def score(self, model: Any, device: str, frozen: FrozenLayers | None = None) -> DevScore:
        """Strict counts over all gold spans, and the mean token loss in nats."""
        scores = self._log_probabilities(model, device, frozen)
        per_note: list[Counts] = []
        loss, tokens = 0.0, 0
        for note, one, gold, score in zip(self.notes, self._encoded, self._gold, scores, strict=True):
            found = [scored.span for scored in decode(one, score, self._labels)]
            per_note.append(micro(count_strict(note.spans, found)))
            counted = np.flatnonzero(gold != IGNORED)
            loss -= float(score[counted, gold[counted]].sum())
            tokens += len(counted)
        return DevScore(loss / max(tokens, 1), precision_recall_f1(sum(per_note, Counts())).f1, per_note)

    def found(self, model: Any, device: str, frozen: FrozenLayers | None = None) -> list[tuple[ScoredSpan, ...]]:
        """The spans of every note with their raw scores."""
        scores = self._log_probabilities(model, device, frozen)
        return [decode(one, score, self._labels) for one, score in zip(self._encoded, scores, strict=True)]

    def _log_probabilities(self, model: Any, device: str, frozen: FrozenLayers | None) -> list[FloatArray]:
        room = self._room or Room(device)
        return room.call(lambda: self._log_probabilities_in(room, model, device, frozen))

    @torch.no_grad()
    def _log_probabilities_in(
        self, room: Room, model: Any, device: str, frozen: FrozenLayers | None
    ) -> list[FloatArray]:
        """(tokens, tags) of every note, each token's from the window with the widest context."""
        tags = 1 + 2 * len(self._labels)
        result = [np.zeros((len(one.ids), tags), dtype=np.float32) for one in self._encoded]
        lengths = [len(window) for window in self.windows]
        for group in passes(range(len(lengths)), lengths, most_tokens=2 * room.tokens):
            self._check()
            with autocast(device):
                if frozen:
                    first, hidden = frozen.first, frozen.vectors(group)
                else:
                    packed = pack([self.windows[i] for i in group], config=model.config, device=device)
                    first, hidden = 0, embed(model, packed)
                hidden = run_layers(model, hidden, [lengths[i] for i in group], first=first, stop=layer_count(model))
                scores = logits(model, hidden).float().log_softmax(dim=-1).cpu().numpy()
            at = 0
            for i in group:
                n, window = self._places[i]
                first_kept = at + 1 + window.keep_start - window.start
                kept = slice(first_kept, first_kept + window.keep_stop - window.keep_start)
                result[n][window.keep_start : window.keep_stop] = scores[kept]
                at += lengths[i]
        return result
