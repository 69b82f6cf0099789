"""Words of a note: the units that a span begins and ends on, the same for every tokenizer."""

from __future__ import annotations

import numpy as np
import regex
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

# A run of letters, combining marks and digits, or one other visible character. Soft hyphens and joiners hold a word
# together; a zero-width space, like any other space or control character, separates words and belongs to none.
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:[\u00ad\u200c\u200d\u2060]+[\p{L}\p{M}\p{N}]+)*|[^\s\p{Z}\p{Cc}\p{Cf}]")


def split_words(text: str) -> IntArray:
    """Half-open [start, end) of every word in code points, in text order; shape (words, 2)."""
    bounds = [match.span() for match in _WORD.finditer(text)]
    return np.asarray(bounds, dtype=np.int64).reshape(-1, 2)
