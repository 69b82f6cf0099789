"""The table of annotated sentences for the assertion rules, and how often the rules agree with it.

`python tests/support/assertion_cases.py` prints the figures of docs/assertions.md; `--misses` the lines that the rules
read otherwise, of the half that may be looked at.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mednerapp.domain.assertions import Assertion
from mednerapp.domain.context import assertion_at, find_scopes

TABLE = Path(__file__).parents[1] / "domain" / "assertion_cases.txt"
_MENTION = re.compile(r"\[([^\]]+)\]")


@dataclass(frozen=True)
class Case:
    """A text with the places of its mentions, and what it says of all of them."""

    text: str
    places: tuple[tuple[int, int], ...]
    assertion: Assertion

    @property
    def held_out(self) -> bool:
        return int(hashlib.sha256(self.text.encode()).hexdigest()[0], 16) % 2 == 0

    def read(self) -> list[Assertion]:
        """What the rules say of each mention."""
        scopes = find_scopes(self.text)
        return [assertion_at(scopes, start, end) or Assertion.PRESENT for start, end in self.places]


def load() -> list[Case]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [_case(line) for line in lines if line and not line.startswith("#")]


def _case(line: str) -> Case:
    assertion, _, marked = line.partition(" | ")
    marked = marked.replace("\\n", "\n")
    places = [(m.start() - 2 * i, m.end() - 2 * i - 2) for i, m in enumerate(_MENTION.finditer(marked))]
    return Case(_MENTION.sub(r"\1", marked), tuple(places), Assertion(assertion))


@dataclass(frozen=True)
class Agreement:
    right: int
    mentions: int

    @property
    def share(self) -> float:
        return self.right / self.mentions


def agreement(cases: Sequence[Case], assertion: Assertion | None = None) -> Agreement:
    """How many mentions the rules read as the table does; `assertion`: of those with this one in the table."""
    right = mentions = 0
    for case in cases:
        if assertion in (None, case.assertion):
            read = case.read()
            right += sum(found is case.assertion for found in read)
            mentions += len(read)
    return Agreement(right, mentions)


def main() -> None:
    cases = load()
    halves = {"looked at": [c for c in cases if not c.held_out], "held out": [c for c in cases if c.held_out]}
    for name, half in halves.items():
        print(f"{name}: {len(half)} sentences")
        for assertion in (*Assertion, None):
            found = agreement(half, assertion)
            print(f"  {assertion or 'all':12} {found.right:4} of {found.mentions:4}  {found.share:.1%}")
    if "--misses" in sys.argv:
        for case in halves["looked at"]:
            read = case.read()
            if set(read) != {case.assertion}:
                print(case.assertion, "|", repr(case.text), "->", ", ".join(read))
    print("mentions by assertion:", dict(Counter(c.assertion.value for c in cases for _ in c.places)))


if __name__ == "__main__":
    main()
