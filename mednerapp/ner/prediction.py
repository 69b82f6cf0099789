"""Spans of many notes: windows of all of them, sorted by length and packed without padding, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch

from mednerapp.domain.spans import ScoredSpan
from mednerapp.ner.alignment import EncodedNote, FloatArray, decode
from mednerapp.ner.decoding import DecodeMethod
from mednerapp.ner.loading import Tagger
from mednerapp.ner.packed import pack, scores_of
from mednerapp.ner.windows import SPECIAL_TOKENS, batches, cut
from mednerapp.ner.words import IntArray

Progress = Callable[[int], None]

# On a CPU, small enough for the token vectors to stay in its caches, large enough to read the weights seldom; on a GPU,
# enough for all of its units.
CPU_TOKENS = 512
_GPU_TOKENS = 32_768


def predict(
    tagger: Tagger,
    texts: Sequence[str],
    *,
    batch_tokens: int | None = None,
    on_progress: Progress | None = None,
    method: DecodeMethod = "viterbi",
) -> list[tuple[ScoredSpan, ...]]:
    """Spans of each text, in text order and without overlaps, each on word edges, with calibrated scores.

    What a text gets does not depend on the others.

    `batch_tokens`: most tokens that go through the encoder at once; bounds the memory. None: what suits the device.
    `on_progress` is called with the number of texts that are done so far, after every batch.
    `method`: how tags are chosen, see `decoding.best_tags`.
    """
    notes = tagger.words.encode(texts)
    scores = token_log_probabilities(tagger, notes, batch_tokens=batch_tokens, on_progress=on_progress)
    return [
        decode(note, score, tagger.labels, method=method, calibration=tagger.calibration)
        for note, score in zip(notes, scores, strict=True)
    ]


def token_log_probabilities(
    tagger: Tagger,
    notes: Sequence[EncodedNote],
    *,
    batch_tokens: int | None = None,
    on_progress: Progress | None = None,
) -> list[FloatArray]:
    """Log-probabilities (tokens, tags) of every note's tokens, each from the window with the widest context."""
    result = [np.zeros((len(note.ids), tagger.tag_count), dtype=np.float32) for note in notes]
    windows = [(n, window) for n, note in enumerate(notes) for window in cut(len(note.ids), tagger.window)]
    waiting = np.bincount([n for n, _ in windows], minlength=len(notes))
    done = int((waiting == 0).sum())
    lengths = [window.stop - window.start + SPECIAL_TOKENS for _, window in windows]
    for group in batches(lengths, batch_tokens or (_GPU_TOKENS if tagger.device != "cpu" else CPU_TOKENS)):
        chosen = [windows[i] for i in group]
        ids = [_with_special(tagger, notes[n].ids[window.start : window.stop]) for n, window in chosen]
        scores = _forward(tagger, ids)
        first = 1  # behind the first window's [CLS]
        for i, (n, window) in zip(group, chosen, strict=True):
            kept = slice(first + window.keep_start - window.start, first + window.keep_stop - window.start)
            result[n][window.keep_start : window.keep_stop] = scores[kept]
            first += lengths[i]
            waiting[n] -= 1
            done += waiting[n] == 0
        if on_progress:
            on_progress(int(done))
    return result


def autocast(device: str) -> AbstractContextManager[object]:
    """bf16 on a GPU. CPUs without bf16 units are slower with it, so fp32 there."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.startswith("cuda") else nullcontext()


def _with_special(tagger: Tagger, ids: IntArray) -> IntArray:
    return np.concatenate(([tagger.words.cls_id], ids, [tagger.words.sep_id]))


def _forward(tagger: Tagger, windows: Sequence[IntArray]) -> FloatArray:
    """Log-probabilities (tokens, tags) of the windows back to back."""
    with torch.inference_mode(), autocast(tagger.device) if tagger.compiled is None else nullcontext():
        packed = pack(windows, config=tagger.model.config, device=tagger.device)
        scores = tagger.compiled(packed) if tagger.compiled else scores_of(tagger.model, packed)
        return scores.float().log_softmax(dim=-1).cpu().numpy()
