"""Spans of many notes: windows of all of them, sorted by length, through the encoder batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch

from mednerapp.domain.spans import ScoredSpan
from mednerapp.ner.alignment import EncodedNote, FloatArray, decode
from mednerapp.ner.loading import Tagger
from mednerapp.ner.windows import SPECIAL_TOKENS, Window, batches, cut

Progress = Callable[[int], None]


def predict(
    tagger: Tagger, texts: Sequence[str], *, batch_tokens: int = 8192, on_progress: Progress | None = None
) -> list[tuple[ScoredSpan, ...]]:
    """Spans of each text, in text order and without overlaps, each on word edges.

    `batch_tokens`: most tokens, padding counted, that go through the encoder at once; bounds the memory.
    `on_progress` is called with the number of texts that are done so far, after every batch.
    """
    notes = tagger.words.encode(texts)
    scores = token_log_probabilities(tagger, notes, batch_tokens=batch_tokens, on_progress=on_progress)
    return [decode(note, score, tagger.labels) for note, score in zip(notes, scores, strict=True)]


def token_log_probabilities(
    tagger: Tagger,
    notes: Sequence[EncodedNote],
    *,
    batch_tokens: int = 8192,
    on_progress: Progress | None = None,
) -> list[FloatArray]:
    """Log-probabilities (tokens, tags) of every note's tokens, each from the window with the widest context."""
    tags = 1 + 2 * len(tagger.labels)
    result = [np.zeros((len(note.ids), tags), dtype=np.float32) for note in notes]
    windows = [(n, window) for n, note in enumerate(notes) for window in cut(len(note.ids), tagger.window)]
    waiting = np.bincount([n for n, _ in windows], minlength=len(notes))
    lengths = [window.stop - window.start + SPECIAL_TOKENS for _, window in windows]
    for group in batches(lengths, batch_tokens):
        chosen = [windows[i] for i in group]
        scores = _forward(tagger, [(notes[n], window) for n, window in chosen])
        for row, (n, window) in enumerate(chosen):
            first = 1 + window.keep_start - window.start
            kept = slice(first, first + window.keep_stop - window.keep_start)
            result[n][window.keep_start : window.keep_stop] = scores[row, kept]
            waiting[n] -= 1
        if on_progress:
            on_progress(int((waiting == 0).sum()))
    return result


def autocast(device: str) -> AbstractContextManager[object]:
    """bf16 on a GPU. CPUs without bf16 units are slower with it, so fp32 there."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.startswith("cuda") else nullcontext()


def _forward(tagger: Tagger, rows: Sequence[tuple[EncodedNote, Window]]) -> FloatArray:
    longest = max(window.stop - window.start for _, window in rows) + SPECIAL_TOKENS
    ids = np.full((len(rows), longest), tagger.words.pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for row, (note, window) in enumerate(rows):
        stop = 1 + window.stop - window.start
        ids[row, 0] = tagger.words.cls_id
        ids[row, 1:stop] = note.ids[window.start : window.stop]
        ids[row, stop] = tagger.words.sep_id
        mask[row, : stop + 1] = 1
    with torch.inference_mode(), autocast(tagger.device):
        logits = tagger.model(
            input_ids=torch.from_numpy(ids).to(tagger.device),
            attention_mask=torch.from_numpy(mask).to(tagger.device),
        ).logits
        return logits.float().log_softmax(dim=-1).cpu().numpy()
