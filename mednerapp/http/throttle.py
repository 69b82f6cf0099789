"""Slows down whoever guesses passwords."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

WINDOW = 300.0  # seconds in which attempts count
FIRST_LOCK = 15.0  # seconds; doubles with each further attempt, up to 240, after which WINDOW has forgotten the first
_MOST_KEYS = 10_000


@dataclass(slots=True)
class _Attempts:
    allowed: int
    times: list[float] = field(default_factory=list[float])

    @property
    def locked_until(self) -> float:
        excess = len(self.times) - self.allowed
        return self.times[-1] + FIRST_LOCK * 2**excess if excess >= 0 and self.times else 0.0


class Throttle:
    """Counts attempts per key (an e-mail, an address); after `allowed` within WINDOW it has to wait, longer each time.

    An attempt counts from before its password is looked at until it turns out right, so that guesses sent side by side
    are counted like guesses sent one after the other. Kept in memory: a restart forgets it, which costs a guesser more
    than it gains.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._known: dict[str, _Attempts] = {}

    def attempt(self, allowed: Mapping[str, int]) -> float:
        """Count an attempt under each key: 0. When one of them has to wait nothing is counted: the seconds until then.

        allowed: how many attempts in WINDOW each key has before it must wait.
        """
        at = self._clock()
        with self._lock:
            wait = max((known.locked_until - at for key in allowed if (known := self._known.get(key))), default=0.0)
            if wait > 0:
                return wait
            for key, most in allowed.items():
                if len(self._known) >= _MOST_KEYS:
                    self._forget(at)
                attempts = self._known.setdefault(key, _Attempts(most))
                attempts.times = [t for t in attempts.times if t > at - WINDOW] + [at]
        return 0.0

    def take_back(self, key: str) -> None:
        """One attempt under the key was right and does not count."""
        with self._lock:
            attempts = self._known.get(key)
            if attempts and attempts.times:
                attempts.times.pop()

    def forget(self, key: str) -> None:
        """No attempt under the key counts any more."""
        with self._lock:
            self._known.pop(key, None)

    def _forget(self, at: float) -> None:
        alive = {k: a for k, a in self._known.items() if a.times and a.times[-1] > at - WINDOW}  # locks are shorter
        newest = sorted(alive, key=lambda k: alive[k].times[-1])[-_MOST_KEYS // 2 :]
        self._known = {key: alive[key] for key in newest}
