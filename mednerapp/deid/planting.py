"""Notes into which invented identifiers are planted, so that it is known what stands in them.

Names, e-mail and web addresses and part of the telephone numbers come from a corpus of other people's making, because
names from our own lists would be found too easily. Values, sentences and notes each fall on one of two halves by a hash
(`measuring.is_for_tuning`): what was looked at while the rules were written is never part of a figure.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mednerapp.deid import lexicon
from mednerapp.deid.measuring import Marked, is_for_tuning
from mednerapp.domain.identifiers import IdentifierType

_T = IdentifierType
_LATIN_NAME = re.compile(r"[A-Z\u00c0-\u017f][a-z\u00df-\u017f'\u2019-]+")
_SLOT = re.compile(r"\{(\w+)\}")
BREAKS = re.compile(r"\n|(?<=[.?!])\s(?=[A-Z])")
_STATES = [
    "AZ",
    "CA",
    "CO",
    "CT",
    "FL",
    "GA",
    "IL",
    "IN",
    "MA",
    "MD",
    "MI",
    "MN",
    "MO",
    "NC",
    "NJ",
    "NY",
    "OH",
    "OR",
    "PA",
    "TX",
    "VA",
    "WA",
    "WI",
]
_STREETS = ["Street", "St", "Avenue", "Ave", "Road", "Rd", "Lane", "Drive", "Blvd", "Court", "Way", "Place"]
_CARE = ["Memorial Hospital", "General Hospital", "Medical Center", "Clinic", "Hospital", "Health Center", "Regional Medical Center", "Community Hospital", "Nursing Home", "Family Practice", "Rehabilitation Center"]  # fmt: skip
_DATES = ["%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%b %d, %Y", "%d-%b-%Y", "%B %d", "%d.%m.%Y", "%d/%m/%Y", "%d %b %y", "%A, %B %d, %Y", "%B %Y", "%m-%d-%Y"]  # fmt: skip
_PHONES = [
    "({a}) {b}-{c}",
    "{a}-{b}-{c}",
    "{a}.{b}.{c}",
    "+1 {a} {b} {c}",
    "1-{a}-{b}-{c}",
    "{a} {b} {c}",
    "{b}-{c}",
    "({a}){b}-{c}",
]


Filled = tuple[str, list[tuple[int, int, str]]]  # a sentence, and (start, end, type) of what was planted in it


@dataclass(frozen=True, slots=True)
class Sources:
    """notes: texts to plant into. people: (given, family). The rest are whole values, all of one half."""

    notes: tuple[str, ...]
    people: tuple[tuple[str, str], ...]
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    urls: tuple[str, ...]
    towns: tuple[str, ...]
    tuning: bool


def sources(notes: Sequence[str], values: Sequence[Marked], *, tuning: bool) -> Sources:
    """What falls on the asked half of notes and of a corpus whose spans are labelled as Presidio's synthetic one is."""

    def of(label: str) -> tuple[str, ...]:
        found = {m.text[start:end].strip() for m in values for start, end, kind in m.gold if kind == label}
        return tuple(sorted(v for v in found if v and is_for_tuning(v) == tuning and "\n" not in v))

    people = [tuple(value.split()) for value in of("PERSON")]
    pairs = tuple(
        (p[0], p[-1]) for p in people if len(p) in (2, 3) and all(_LATIN_NAME.fullmatch(w) for w in (p[0], p[-1]))
    )
    towns = tuple(t for t in of("GPE") if _LATIN_NAME.fullmatch(t) and len(t) > 4)
    texts = tuple(n for n in notes if is_for_tuning(n) == tuning)
    return Sources(texts, pairs, of("PHONE_NUMBER"), of("EMAIL_ADDRESS"), of("DOMAIN_NAME"), towns, tuning)


def planted(given: Sources, *, each: int, seed: int = 7) -> Iterator[Marked]:
    """`each` notes, every one with one identifier of every type at random places between its sentences and lines.

    What stood in the notes before is not marked: precision means nothing here, recall does.
    """
    rng = random.Random(seed)  # noqa: S311 - invented values, no secret
    sentences_of = templates(tuning=given.tuning)
    for _ in range(each):
        note = rng.choice(given.notes)
        sentences = [filled(rng.choice(those), kind, given, rng) for kind, those in sentences_of.items()]
        rng.shuffle(sentences)
        yield inserted(note, sentences, rng)


def templates(*, tuning: bool) -> dict[IdentifierType, list[str]]:
    """Of the half; a type that has none there takes those of the other."""
    lines = [(line, *line.split("\t", 1)) for line in lexicon.lines("planting.txt")]
    return {
        kind: [t for line, k, t in lines if k == kind.value and is_for_tuning(line) == tuning]
        or [t for _, k, t in lines if k == kind.value]
        for kind in IdentifierType
    }


def inserted(note: str, sentences: Sequence[Filled], rng: random.Random) -> Marked:
    """The note with these sentences at random places between its own sentences and lines."""
    places = sorted({0, len(note), *(m.start() for m in BREAKS.finditer(note))})
    chosen = sorted(rng.choice(places) for _ in sentences)
    text, gold, done = "", [], 0
    for place, (sentence, spans) in zip(chosen, sentences, strict=True):
        text += note[done:place] + ("" if not text and not place else rng.choice(("\n", " ")))
        gold += [(len(text) + start, len(text) + end, kind) for start, end, kind in spans]
        text += sentence + ("\n" if note[place : place + 1] not in ("\n", " ") else "")
        done = place
    return Marked(text + note[done:], tuple(gold))


def filled(template: str, kind: IdentifierType, given: Sources, rng: random.Random) -> Filled:
    """The sentence with values in its places, and where they stand; none for one without places."""
    first, last = rng.choice(given.people)
    values = {"given": first, "family": last, "FAMILY": last.upper(), "initial": first[0], "name": f"{first} {last}"}
    text, spans, done = "", [], 0
    start: int | None = None
    for slot in _SLOT.finditer(template):
        between = template[done : slot.start()]
        text += between
        new = values.get(slot.group(1)) or _value(kind, given, rng, template)
        if start is None or not re.fullmatch(r"[.,]? ?", between):
            if start is not None:
                spans.append((start, len(text) - len(between), kind.value))
            start = len(text)
        text += new
        done = slot.end()
    if start is not None:
        spans.append((start, len(text), kind.value))
    return text + template[done:], spans


def _value(kind: IdentifierType, given: Sources, rng: random.Random, template: str) -> str:  # noqa: C901, PLR0911 - a table of types
    first, last = rng.choice(given.people)
    number = "".join(rng.choices(string.digits, k=rng.randint(6, 10)))
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(1, 3)))
    match kind:
        case _T.DATE:
            day = date(1930, 1, 1) + timedelta(days=rng.randrange(35000))
            return day.strftime(rng.choice(_DATES))
        case _T.AGE:
            return str(rng.randint(90, 104))
        case _T.PHONE | _T.FAX:
            if given.phones and rng.random() < 0.3:
                return rng.choice(given.phones)
            return rng.choice(_PHONES).format(
                a=rng.randint(201, 989), b=rng.randint(200, 999), c=f"{rng.randrange(10000):04}"
            )
        case _T.EMAIL:
            return (
                rng.choice(given.emails)
                if given.emails and rng.random() < 0.5
                else f"{first[0]}.{last}@{rng.choice(('gmail.com', 'aol.com', 'nhs.net', 'mail.example.co.uk'))}".lower()
            )
        case _T.URL:
            return rng.choice(given.urls) if given.urls else f"https://www.{last}.com/{number}".lower()
        case _T.IP:
            return ".".join(str(rng.randint(1, 254)) for _ in range(4))
        case _T.SSN:
            return rng.choice(("{}-{}-{}", "{} {} {}")).format(
                rng.randint(100, 899), rng.randint(10, 99), rng.randint(1000, 9999)
            )
        case _T.VEHICLE:
            plate = f"{''.join(rng.choices('ABCDEFGHJKLMNPRSTUVWXYZ', k=3))}{rng.choice(('-', ' ', ''))}{rng.randint(1000, 9999)}"
            is_vin = "VIN" in template or "identification" in template
            return "".join(rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", k=16)) + "7" if is_vin else plate
        case _T.LOCATION:
            town = rng.choice(given.towns)
            street = f"{rng.randint(1, 9999)} {last} {rng.choice(_STREETS)}"
            state = rng.choice(_STATES)
            return rng.choice(
                (
                    street,
                    f"{street}, {town}",
                    f"{street}, {town}, {state} {rng.randint(10000, 99950)}",
                    f"{town}, {state}",
                )
            )
        case _T.FACILITY:
            begin = rng.choice((last, rng.choice(given.towns), f"St. {first}'s", f"{rng.choice(given.towns)} {last}"))
            return f"{begin} {rng.choice(_CARE)}"
        case _:
            return rng.choice(
                (
                    number,
                    f"{letters}{number}",
                    f"{letters}-{number}",
                    f"{number[:3]}-{number[3:]}",
                    f"{number}{letters[:1]}",
                )
            )
