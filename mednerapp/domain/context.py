"""Where a note says something other than that a thing is present: negated, possible, conditional, past, a relative's.

A rule-based detector after NegEx (Chapman et al., "A simple algorithm for identifying negated findings and diseases in
discharge summaries", J Biomed Inform 2001) and ConText (Harkema et al., J Biomed Inform 2009), with a lexicon of our
own. docs/assertions.md has the method, the order of precedence and the figures.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mednerapp.domain.assertions import Assertion
from mednerapp.domain.context_lexicon import (
    ANSWERS,
    COMMA_ENDS,
    KIN,
    KIN_HAS,
    KIN_SKIPS,
    KIN_TELLS,
    LEXICON,
    SUBJECTS,
    TESTS,
    Reach,
    Trigger,
    Way,
    tokens,
)
from mednerapp.domain.sections import Section, find_sections
from mednerapp.domain.sentences import sentences

# Of two scopes that cover a span the one whose assertion comes first wins; docs/assertions.md has the reasons.
PRECEDENCE = (
    Assertion.FAMILY,
    Assertion.ABSENT,
    Assertion.CONDITIONAL,
    Assertion.POSSIBLE,
    Assertion.HISTORICAL,
)
_RANK = {assertion: rank for rank, assertion in enumerate(PRECEDENCE)}
_CERTAINTY = (Assertion.ABSENT, Assertion.POSSIBLE, Assertion.CONDITIONAL)
_LONGEST = 120  # tokens that a scope covers at most: a text without sentence ends is not one statement

_SECTIONS = (
    (re.compile(r"family (medical )?(history|hx)|fhx?|f/h"), Assertion.FAMILY),
    (
        re.compile(
            r"(past|previous|prior) (.{0,30} )?(history|hx|diagnoses)|(medical|surgical|obstetric|other) history"
            r"|pmhx?|pshx?|background( history)?"
        ),
        Assertion.HISTORICAL,
    ),
    (
        re.compile(
            r"((known |drug )?allerg(y|ies)|adverse reactions|allergies and adverse reactions)( and intolerances)?"
            r"|safety.?net(ting)?|return precautions|red flags( explained)?|consent"
        ),
        Assertion.CONDITIONAL,
    ),
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Half-open `[start, end)` in code points, about which `trigger` (its own range) says `assertion`."""

    start: int
    end: int
    assertion: Assertion
    trigger: tuple[int, int]


def find_scopes(text: str) -> tuple[Scope, ...]:
    """What the rules read in `text`, the strongest assertion first; the same text gives the same scopes.

    Takes time that grows with the length of the text and no faster (but for the sorting of what was found).
    """
    sections = find_sections(text)
    found = [scope for section in sections for scope in _section_scope(text, section)]
    for start, end in _statements(text, sections):
        found.extend(_Statement(text, start, end).scopes())
    found.sort(key=lambda s: (_RANK[s.assertion], s.start, s.end, s.trigger))
    return tuple(found)


def assertion_at(scopes: Iterable[Scope], start: int, end: int) -> Assertion | None:
    """That of the first scope that covers all of `[start, end)`; None: nothing to say, so present."""
    return next((scope.assertion for scope in scopes if scope.start <= start and end <= scope.end), None)


def _section_scope(text: str, section: Section) -> Iterator[Scope]:
    title = " ".join(section.title.casefold().split())
    for pattern, assertion in _SECTIONS:
        if pattern.fullmatch(title):
            end = section.end
            if text[section.body : section.body + 1] != "\n":  # "PMH: asthma": as far as the paragraph goes
                blank = text.find("\n\n", section.body, section.end)
                end = blank if blank >= 0 else end
            inside = text[section.body : end].strip()
            if inside:
                start = text.index(inside[0], section.body)
                trigger = (section.start, section.start + len(section.title))
                yield Scope(start, start + len(inside), assertion, trigger)
            return


def _statements(text: str, sections: Sequence[Section]) -> Iterator[tuple[int, int]]:
    """Sentences, cut where a section header begins or ends."""
    cuts = sorted({cut for section in sections for cut in (section.start, section.body)})
    for start, end in sentences(text):
        inside = cuts[bisect_right(cuts, start) : bisect_left(cuts, end)]
        edges = [start, *inside, end]
        yield from pairwise(edges)


@dataclass(frozen=True, slots=True)
class _Hit:
    """A trigger from token `first` up to, not including, token `after`."""

    first: int
    after: int
    trigger: Trigger


class _Statement:
    """The triggers of one sentence and what they reach."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.offset = start
        self.tokens = tokens(text[start:end])
        self.words = [word for word, _, _ in self.tokens]
        self.commas = [i for i, word in enumerate(self.words) if word == ","]
        self.breaks = [i for i, word in enumerate(self.words) if word in (",", "(")]
        self.brackets = list(self._brackets())
        self.hits = list(self._hits())

    def scopes(self) -> Iterator[Scope]:
        if not self.hits:
            return
        forward_ends, backward_ends, certain, subjects = self._boundaries()
        for hit in self.hits:
            assertion = hit.trigger.assertion
            if assertion is None:
                continue
            family = assertion is Assertion.FAMILY
            if self._goes_forward(hit):
                stops = [subjects if family else forward_ends, *([certain] if assertion in _CERTAINTY else [])]
                # What ends scopes does not end one right behind its trigger: "never had", "if he develops".
                last = min([self._next(stop, hit.after + 1) for stop in stops] + [hit.after + _LONGEST])
                if hit.trigger.reach is not Reach.SENTENCE:
                    last = min(last, self._next(self.breaks, hit.after))
                last = min(last, self._bracket_end(hit))
                yield from self._scope(hit.after, last, assertion, hit)
            else:
                first = max(self._previous(backward_ends, hit.first), hit.first - _LONGEST)
                if hit.trigger.reach is Reach.WORD:
                    first = max(first, hit.first - 1 - (self._word(hit.first - 1) == "-"))
                elif not family:
                    first = max(first, self._list_start(hit.first, hit.trigger.reach))
                yield from self._scope(first, hit.first, assertion, hit)

    def _boundaries(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Token indexes in order: where forward scopes end; where backward ones begin; where the next statement about
        certainty begins; where one about another person begins.
        """
        forward, backward, certain, subjects = [], [0], [], []
        for hit in self.hits:
            ends, assertion = hit.trigger.ends, hit.trigger.assertion
            if ends:
                forward.append(hit.first)
            if ends and self.words[hit.first] in SUBJECTS:
                subjects.append(hit.first)
            if ends or assertion is not None:
                backward.append(hit.after)
            pseudo = assertion is None and not ends
            if pseudo or (assertion in _CERTAINTY and self._goes_forward(hit)):
                certain.append(hit.first)
        for i, word in enumerate(self.words):
            follows = self._word(i + 1)
            if word == ";" or (word == "," and (follows in COMMA_ENDS or self._measured(i))):
                forward.append(i)
            if word in (";", ":", "("):
                backward.append(i + 1)
            if word == ":":
                subjects.append(i)
        return sorted(forward), sorted(backward), certain, sorted(subjects)

    def _measured(self, comma: int) -> bool:
        """Whether a value stands in the item behind a comma: "no oedema, LVEF 50%"."""
        item = self.words[comma + 1 : comma + 5]
        until = item.index(",") if "," in item else len(item)
        return any(word.isdecimal() for word in item[:until])

    def _brackets(self) -> Iterator[tuple[int, int]]:
        """Token indexes of each closing bracket and the one that opened it, -1 where none did."""
        open_: list[int] = []
        for i, word in enumerate(self.words):
            if word == "(":
                open_.append(i)
            elif word == ")":
                yield i, open_.pop() if open_ else -1

    def _bracket_end(self, hit: _Hit) -> int:
        """Where the brackets close that the trigger stands in; looked for in the next few."""
        at = bisect_left(self.brackets, (hit.after, -1))
        ends = (close for close, opened in self.brackets[at : at + 5] if opened < hit.first)
        return next(ends, len(self.words))

    def _next(self, stops: Sequence[int], after: int) -> int:
        at = bisect_left(stops, after)
        return stops[at] if at < len(stops) else len(self.words)

    def _previous(self, stops: Sequence[int], before: int) -> int:
        at = bisect_right(stops, before)
        return stops[at - 1] if at else 0

    def _list_start(self, before: int, reach: Reach) -> int:
        """Where what ends at `before` begins: behind the last comma, unless a list with "and" or "or" ends here."""
        at = bisect_left(self.commas, before)
        if not at:
            return 0
        last = self.commas[at - 1] + 1
        joined = reach is Reach.SENTENCE and any(w in ("and", "or", "nor") for w in self.words[last:before][:12])
        return 0 if joined else last

    def _word(self, at: int) -> str:
        return self.words[at] if 0 <= at < len(self.words) else ""

    def _scope(self, first: int, last: int, assertion: Assertion, hit: _Hit) -> Iterator[Scope]:
        while first < last and self.words[first] in (":", ",", "-", "?"):
            first += 1
        if first < last:
            trigger = (self.offset + self.tokens[hit.first][1], self.offset + self.tokens[hit.after - 1][2])
            yield Scope(self.offset + self.tokens[first][1], self.offset + self.tokens[last - 1][2], assertion, trigger)

    def _goes_forward(self, hit: _Hit) -> bool:
        if hit.trigger.way is not Way.EITHER:
            return hit.trigger.way is Way.FORWARD
        before, follows = self._word(hit.first - 1), self._word(hit.after)
        said = before in ("is", "was", "are", "were", "been", "be", "being", "seems", "less", "more", "now")
        closed = follows in (
            "",
            ".",
            ",",
            ";",
            ")",
            "by",
            "on",
            "at",
            "with",
            "from",
            "in",
            "but",
            "given",
            "and",
            "clinically",
        )
        return not (said or (closed and hit.first > 0))

    def _hits(self) -> Iterator[_Hit]:
        at = 0
        while at < len(self.words):
            hit = self._phrase(at) or self._kin(at) or self._mark(at) or self._year(at)
            if hit:
                yield hit
                at = hit.after
            else:
                at += 1

    def _phrase(self, at: int) -> _Hit | None:
        """The longest phrase of the lexicon that starts here. Hyphens between words count as blanks."""
        follows = self._word(at + 1 if self._word(at + 1) != "-" else at + 2)
        longer = LEXICON.get((self.words[at], follows), ())
        for words, trigger in (*longer, *LEXICON.get((self.words[at],), ())):
            after = self._match(at, words)
            if after and self._fits(at, after, words, trigger):
                return _Hit(at, after, trigger)
        return None

    def _match(self, at: int, words: tuple[str, ...]) -> int:
        for word in words:
            if self._word(at) == "-" and word != "-" and self._word(at - 1) != "-":
                at += 1
            if self._word(at) != word:
                return 0
            at += 1
        return at

    def _fits(self, first: int, after: int, words: tuple[str, ...], trigger: Trigger) -> bool:
        if words == ("no",):  # not in "MRN no. 12"
            return self._word(after) != "." or not self._word(after + 1).isdecimal()
        if words[-1] in ("negative", "neg", "ve") and trigger.way is Way.BACKWARD:
            return not any(word in TESTS for word in self.words[max(0, first - 3) : first])
        if words[0].startswith("suggest"):  # "nothing to suggest" goes on
            return self._word(first - 1) != "to"
        if words == ("i",):  # not in "i.v."
            return self._word(after) not in (".", "-")
        return words != ("given",) or self._word(first - 1) not in ("not", "no", "never")

    def _kin(self, at: int) -> _Hit | None:
        """As in "mother had", "brother (MI at 58)"; not in "mother reports" or "came with his mother"."""
        if self.words[at] not in KIN:
            return None
        if self._word(at - 1) in ("in", "from") or self._word(at - 2) in ("in", "from"):
            return _Hit(at, at + 1, Trigger(Assertion.FAMILY, Way.BACKWARD))
        if self.words[at].endswith("'s") and self._word(at + 1) not in ("account", "side", "house", "report"):
            return _Hit(at, at + 1, Trigger(Assertion.FAMILY, reach=Reach.PHRASE))
        after = at + 1
        while after < at + 7 and (self._word(after) in KIN_SKIPS or self._word(after) in KIN):
            after += 1
        if self._word(after) not in KIN_HAS or self._word(after + 1) in KIN_TELLS:
            return None
        came_with = {"with", "by", "to"} & {self._word(at - 1), self._word(at - 2)}
        if came_with and self._word(after) in ("with", "-", "\u2013", ":"):
            return None
        return _Hit(at, after + 1, Trigger(Assertion.FAMILY))

    def _mark(self, at: int) -> _Hit | None:
        """As in "?PE", ": no" and "should bleeding recur, ..."."""
        word, follows = self.words[at], self._word(at + 1)
        if word == "should" and self._word(at - 1) in ("", ",", ":"):
            return _Hit(at, at + 1, Trigger(Assertion.CONDITIONAL))
        if word in ("?", "??") and follows and (follows[0].isalpha()):
            return _Hit(at, at + 1, Trigger(Assertion.POSSIBLE, reach=Reach.PHRASE))
        answer = (
            word in (":", "-", "\u2013", "=")
            and follows in ANSWERS
            and self._word(at + 2) in ("", ".", ",", ";", ")", "present")
        )
        if answer and at > 0:
            return _Hit(at, at + 2, Trigger(Assertion.ABSENT, Way.BACKWARD, Reach.PHRASE))
        return None

    def _year(self, at: int) -> _Hit | None:
        """As in "MI in 2019", "appendicectomy (2015)"; not "diagnosed in 2010" or "since 2019": that goes on."""
        word = self.words[at]
        if len(word) != 4 or not word.isdecimal() or not "1920" <= word <= "2099" or at == 0:
            return None
        opened = next((i for i in (at - 1, at - 2) if self._word(i) in ("in", "(")), -1)
        goes_on = {"diagnosed", "dx", "onset", "started", "commenced", "since"}
        if opened < 1 or goes_on.intersection(self.words[max(0, opened - 8) : opened]):
            return None
        return _Hit(opened, at + 1, Trigger(Assertion.HISTORICAL, Way.BACKWARD, Reach.PHRASE))
