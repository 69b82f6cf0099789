"""The tags of a label list: O, then B- and I- of each label in order.

Position carries meaning and the vectorised code relies on it: tag 0 is O, 1 + 2k begins label k, 2 + 2k continues it.
"""

from __future__ import annotations

from collections.abc import Sequence

OUTSIDE = 0


def bio_tags(labels: Sequence[str]) -> tuple[str, ...]:
    return ("O", *(f"{prefix}-{label}" for label in labels for prefix in "BI"))
