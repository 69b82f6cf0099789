"""Texts that are nearly the same: copied forward, signed again, with another date.

A text is the set of its runs of five words (shingles); two are near-duplicates when they share at least `threshold` of
all of theirs (Jaccard; Broder, "On the resemblance and containment of documents", 1997). Candidates come from MinHash
with 30 bands of 4 values (Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, 3rd ed., 3.4) and are then
counted exactly: nothing is reported that is not so. A pair at 0.7 is overlooked once in 4,000 (1 - 0.7^4)^30, one at
0.8 less than once in a million. Case, punctuation and white space do not count.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

WORDS = 5
THRESHOLD = 0.7
_BANDS, _ROWS = 30, 4
_WORD = re.compile(r"\w+")
_SEED = 1997

Shingles = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, order=True)
class NearDuplicate:
    """Positions of two texts in the list given, the first before the second, and their similarity in (0, 1]."""

    first: int
    second: int
    similarity: float


def shingles(text: str) -> Shingles:
    """Sorted 64-bit hashes of the runs of five words; of a shorter text the one run it has, of no word none."""
    words = _WORD.findall(text.casefold())
    runs = {" ".join(words[i : i + WORDS]) for i in range(max(1, len(words) - WORDS + 1))} if words else set[str]()
    hashes = (int.from_bytes(hashlib.blake2b(run.encode(), digest_size=8).digest(), "big") for run in runs)
    return np.array(sorted(hashes), dtype=np.uint64)


def similarity(first: Shingles, second: Shingles) -> float:
    """Shared shingles over all of both; 0 where there are none."""
    shared = len(np.intersect1d(first, second, assume_unique=True))
    either = len(first) + len(second) - shared
    return shared / either if either else 0.0


def near_duplicates(
    texts: Sequence[str], *, threshold: float = THRESHOLD, on_progress: Callable[[int], None] | None = None
) -> list[NearDuplicate]:
    """All pairs at or above the threshold, in order. on_progress: called with the number of texts read so far.

    Texts that share their shingles exactly are compared once and reported in all their pairs.

    Raises:
        ValueError: if the threshold is below 0.5, where MinHash would overlook too much, or above 1.
    """
    if not 0.5 <= threshold <= 1:
        raise ValueError(f"The threshold has to lie in [0.5, 1], not {threshold}.")
    same: dict[bytes, list[int]] = defaultdict(list)
    kept: dict[bytes, Shingles] = {}
    for position, text in enumerate(texts):
        found = shingles(text)
        if len(found):
            key = found.tobytes()
            same[key].append(position)
            kept[key] = found
        if on_progress:
            on_progress(position + 1)
    result = [NearDuplicate(a, b, 1.0) for members in same.values() for a, b in combinations(members, 2)]
    keys = list(kept)
    for i, j in _candidates([kept[key] for key in keys]):
        alike = similarity(kept[keys[i]], kept[keys[j]])
        if alike >= threshold:
            result += [NearDuplicate(min(a, b), max(a, b), alike) for a in same[keys[i]] for b in same[keys[j]]]
    return sorted(result)


def _candidates(sets: Sequence[Shingles]) -> Iterator[tuple[int, int]]:
    """Pairs that agree in all values of at least one band, each once."""
    draw = np.random.default_rng(_SEED)
    factor = draw.integers(0, 2**63, _BANDS * _ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offset = draw.integers(0, 2**63, _BANDS * _ROWS, dtype=np.uint64)
    signatures = [np.min(factor[:, None] * own + offset[:, None], axis=1).reshape(_BANDS, _ROWS) for own in sets]
    seen: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        buckets: dict[bytes, list[int]] = defaultdict(list)
        for i, signature in enumerate(signatures):
            buckets[signature[band].tobytes()].append(i)
        for members in buckets.values():
            for pair in combinations(members, 2):
                if pair not in seen:
                    seen.add(pair)
                    yield pair
