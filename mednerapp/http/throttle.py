"""Slows down whoever guesses passwords."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

WINDOW = 300.0  # seconds in which failures count
FIRST_LOCK = 15.0  # seconds; doubles with each further failure
LONGEST_LOCK = 300.0  # seconds
_MOST_KEYS = 10_000


@dataclass(slots=True)
class _Failures:
    times: list[float] = field(default_factory=list[float])
    locked_until: float = 0.0


class Throttle:
    """Counts failures per key (an e-mail, an address); after `allowed` within WINDOW it has to wait, longer each time.

    Kept in memory: a restart forgets it, which costs a guesser more than it gains.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._known: dict[str, _Failures] = {}

    def wait(self, *keys: str) -> float:
        """Seconds until all the keys may try again, 0 when they may now."""
        with self._lock:
            until = max((f.locked_until for key in keys if (f := self._known.get(key))), default=0.0)
        return max(0.0, until - self._clock())

    def failed(self, key: str, *, allowed: int) -> None:
        at = self._clock()
        with self._lock:
            if len(self._known) >= _MOST_KEYS:
                self._forget(at)
            failures = self._known.setdefault(key, _Failures())
            failures.times = [t for t in failures.times if t > at - WINDOW] + [at]
            excess = len(failures.times) - allowed
            if excess >= 0:
                failures.locked_until = at + min(LONGEST_LOCK, FIRST_LOCK * 2 ** min(excess, 16))

    def succeeded(self, key: str) -> None:
        with self._lock:
            self._known.pop(key, None)

    def _forget(self, at: float) -> None:
        alive = {k: f for k, f in self._known.items() if f.locked_until > at or f.times[-1] > at - WINDOW}
        newest = sorted(alive, key=lambda k: alive[k].times[-1])[-_MOST_KEYS // 2 :]
        self._known = {key: alive[key] for key in newest}
