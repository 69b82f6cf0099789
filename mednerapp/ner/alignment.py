"""Between spans and token tags, by way of words.

Each word is handed to the tokenizer by itself, so no token ever crosses a word edge and which word a token came from is
known without comparing offsets: accents that an uncased normaliser strips, characters that it drops and bytes that a
byte-level vocabulary splits cannot shift anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.ner.decoding import DecodeMethod, best_tags
from mednerapp.ner.tags import OUTSIDE
from mednerapp.ner.words import BoolArray, IntArray, bullets, hard_breaks, split_words
from mednerapp.scoring.calibration import Calibration

FloatArray = NDArray[np.float32]
_TEXTS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class EncodedNote:
    """A note as the encoder sees it, without special tokens.

    ids: (tokens,) vocabulary ids.
    word_of_token: (tokens,) index of the word of each token, never decreasing.
    first_token: (words,) index of each word's first token.
    starts, ends: (words,) half-open code-point bounds of the words. Words of which the tokenizer leaves nothing
        (a lone accent under an uncased normaliser) are not among them.
    breaks: (words,) whether a paragraph, an item of a list or a section begins with the word; no span reaches across.
    bullets: (words,) whether the word is the bullet or number of a list item; no span holds it.
    """

    ids: IntArray
    word_of_token: IntArray
    first_token: IntArray
    starts: IntArray
    ends: IntArray
    breaks: BoolArray
    bullets: BoolArray


class WordEncoder:
    """A fast tokenizer of transformers that encodes word by word.

    Prefix space, padding and truncation that it was saved with make no difference. It is copied, not changed.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._source = tokenizer
        settings = json.loads(tokenizer.backend_tokenizer.to_str())
        self._byte_level = _switch_off_prefix_space(settings["pre_tokenizer"])
        settings["truncation"] = settings["padding"] = None
        self._tokenizer = Tokenizer.from_str(json.dumps(settings))
        self.cls_id = int(tokenizer.cls_token_id)
        self.sep_id = int(tokenizer.sep_token_id)
        self.pad_id = int(tokenizer.pad_token_id)
        self.vocabulary_size = int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    def encode(self, texts: Sequence[str]) -> list[EncodedNote]:
        bounds = [split_words(text) for text in texts]
        pieces = [self._pieces(text, words) for text, words in zip(texts, bounds, strict=True)]
        encodings = self._tokenizer.encode_batch(pieces, is_pretokenized=True, add_special_tokens=False)
        return [_encoded(*parts) for parts in zip(texts, encodings, bounds, strict=True)]

    def ids_of(self, texts: Iterable[str]) -> Iterator[IntArray]:
        """Only the vocabulary ids (tokens,) of each text, as `encode` gives them; for very many texts.

        Every distinct word is handed to the tokenizer once and kept.
        """
        known: dict[str, list[int]] = {}
        remaining = iter(texts)
        while some := list(islice(remaining, _TEXTS_AT_ONCE)):
            pieces = [self._pieces(text, split_words(text)) for text in some]
            new = list({piece for text in pieces for piece in text if piece not in known})
            encodings = self._tokenizer.encode_batch([[p] for p in new], is_pretokenized=True, add_special_tokens=False)
            known.update((piece, encoding.ids) for piece, encoding in zip(new, encodings, strict=True))
            for text in pieces:
                yield np.fromiter(chain.from_iterable(known[piece] for piece in text), dtype=np.int64)

    def save(self, folder: Path) -> None:
        """Writes the tokenizer as it was opened, for any user of Hugging Face folders."""
        self._source.save_pretrained(str(folder))

    def is_cased(self) -> bool:
        """Whether upper and lower case of one word get different tokens."""
        upper, lower = self.encode(["Fever", "fever"])
        return not np.array_equal(upper.ids, lower.ids)

    def _pieces(self, text: str, words: IntArray) -> list[str]:
        """Byte-level vocabularies write the space before a word into its first token; WordPiece has no such thing."""
        pairs = cast("list[list[int]]", words.tolist())
        if not self._byte_level:
            return [text[start:end] for start, end in pairs]
        return [
            f" {text[start:end]}" if start == 0 or text[start - 1].isspace() else text[start:end]
            for start, end in pairs
        ]


def _switch_off_prefix_space(pre_tokenizer: Any) -> bool:
    """Makes a byte-level pre-tokenizer take its pieces as they are; says whether there is one."""
    if isinstance(pre_tokenizer, list):
        return sum(map(_switch_off_prefix_space, cast("list[Any]", pre_tokenizer))) > 0  # every one of them
    if not isinstance(pre_tokenizer, dict):
        return False
    part = cast("dict[str, Any]", pre_tokenizer)
    if part.get("type") == "ByteLevel":
        part["add_prefix_space"] = False
        return True
    return _switch_off_prefix_space(part.get("pretokenizers"))


def _encoded(text: str, encoding: Any, words: IntArray) -> EncodedNote:
    ids = np.asarray(encoding.ids, dtype=np.int64)
    word_ids = np.asarray(encoding.word_ids, dtype=np.int64)
    used, first_token, word_of_token = np.unique(word_ids, return_index=True, return_inverse=True)
    starts = words[used, 0]
    return EncodedNote(
        ids, word_of_token, first_token, starts, words[used, 1], hard_breaks(text, starts), bullets(text, starts)
    )


def word_tags(note: EncodedNote, spans: Sequence[Span], labels: Sequence[str]) -> IntArray:
    """Tags of the words, shape (words,). `spans` do not overlap; one that cuts a word takes the whole word, unless an
    earlier span has it.

    Raises:
        ValueError: if a span's label is not in `labels`.
    """
    index = {label: k for k, label in enumerate(labels)}
    tags = np.full(note.starts.shape, OUTSIDE, dtype=np.int64)
    free_from = 0
    for span in sorted(spans):
        if span.label not in index:
            raise ValueError(f"The label {span.label!r} is not among {', '.join(labels)}.")
        first = max(int(np.searchsorted(note.ends, span.start, side="right")), free_from)
        stop = int(np.searchsorted(note.starts, span.end, side="left"))
        if first < stop:
            tags[first:stop] = 2 + 2 * index[span.label]
            tags[first] -= 1
            free_from = stop
    return tags


def token_tags(note: EncodedNote, tags: IntArray) -> IntArray:
    """Tags of the tokens from those of the words: the first token of a word has its tag, the others continue it."""
    spread = tags[note.word_of_token]
    begins = spread % 2 == 1
    begins[note.first_token] = False
    return spread + begins


def spans_from_tags(
    note: EncodedNote,
    tags: IntArray,
    probabilities: FloatArray,
    labels: Sequence[str],
    *,
    calibration: Mapping[str, Calibration] | None = None,
) -> tuple[ScoredSpan, ...]:
    """Spans of word tags, with the mean probability of their tags as score, calibrated where its label says how.

    An I- that does not continue its own label, or stands where a paragraph, an item of a list or a section begins,
    begins a span, so every sequence of tags has a meaning.

    `tags`: (words,); `probabilities`: (words,), of those tags.
    """
    label = (tags + 1) // 2 - 1  # -1 for O
    before = np.concatenate(([-1], label[:-1]))
    begins = (label >= 0) & ((tags % 2 == 1) | (label != before) | note.breaks)
    breaks = np.append(np.flatnonzero(begins | (label < 0)), len(tags))
    first = np.flatnonzero(begins)
    stop = breaks[np.searchsorted(breaks, first, side="right")]
    sums = np.concatenate(([0.0], np.cumsum(probabilities, dtype=np.float64)))
    scores = np.clip((sums[stop] - sums[first]) / np.maximum(stop - first, 1), 0.0, 1.0)
    of_span = label[first]
    for k, name in enumerate(labels):
        if calibration and name in calibration:
            scores = np.where(of_span == k, calibration[name].apply(scores), scores)
    rows = zip(note.starts[first], note.ends[stop - 1], of_span, scores, strict=True)
    return tuple(ScoredSpan(Span(int(s), int(e), labels[int(k)]), float(score)) for s, e, k, score in rows)


def decode(
    note: EncodedNote,
    log_probabilities: FloatArray,
    labels: Sequence[str],
    *,
    method: DecodeMethod = "viterbi",
    calibration: Mapping[str, Calibration] | None = None,
) -> tuple[ScoredSpan, ...]:
    """Spans from what the model says of each token; a word's tag is chosen by what it says of its first token.

    `log_probabilities`: (tokens, tags); `method`: see `best_tags`.
    """
    of_words = log_probabilities[note.first_token]
    of_words[note.bullets, 1:] = -np.inf
    tags = best_tags(of_words, note.breaks, method)
    probabilities = np.exp(np.take_along_axis(of_words, tags[:, None], axis=1)[:, 0])
    return spans_from_tags(note, tags, probabilities, labels, calibration=calibration)
