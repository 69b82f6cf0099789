"""`python -m mednerapp.bench.annotating.leaking BYTES ...`: mednerapp with a leak, to see that the trial notices it."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from typing import Any

from mednerapp.ner import prediction


def leak(size: int) -> None:
    """From now on every note that is predicted leaves so many bytes behind."""
    whole, kept = prediction.predict, list[bytes]()

    def predict(tagger: Any, texts: Sequence[str]) -> Any:
        kept.extend(bytes([len(kept) % 255 + 1]) * size for _ in texts)
        return whole(tagger, texts)

    prediction.predict = predict  # type: ignore[assignment]


if __name__ == "__main__":
    leak(int(sys.argv.pop(1)))
    runpy.run_module("mednerapp.cli", run_name="__main__")
