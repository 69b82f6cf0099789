"""Dates more exact than a year, and ages of 90 and above."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from mednerapp.domain.identifiers import Identifier, IdentifierType

_LONG = "January|February|March|April|May|June|July|August|September|October|November|December"
_SHORT = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec"
_MONTH = rf"(?:{_LONG}|(?:{_SHORT}|May)\.?)"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?:(?:19|20)\d\d|['\u2019]\d\d)"
_GAP = r"(?:[ ]*[,./-][ ]*|[ ]+|(?=['\u2019]))"
_UNIT = r"(?!\s?(?:mg|mcg|g\b|kg|ml|mL|units?|tabs?|puffs?|days?|weeks?|months?|years?|hours?|hrs?|%|mm|cm))"

_ALONE = r"(?<![^\W_])"  # no letter and no digit before it
_NOT_ON = r"(?<!\d)(?<!\d[./-])"  # not the end of a longer number
# March 3rd, 2022; March 3; March 3-5, 2022
_MONTH_FIRST = rf"{_ALONE}{_MONTH}[ /-]+{_DAY}(?:\s*(?:-|\u2013|to|and|&)\s*{_DAY})?(?:{_GAP}{_YEAR}(?!\d)|(?![^\W_]|:\d)(?!\.\d){_UNIT})"
_WRITTEN = [
    # 3 March 2022, 3rd of March, 17-Feb-2023, 17Feb2023
    rf"{_ALONE}(?<!\d\.){_DAY}(?:[ ]+of)?[ /-]*{_MONTH}(?![A-Za-z])(?:{_GAP}?{_YEAR}(?!\d)|{_GAP}\d\d(?!\d|:\d){_UNIT})?",
    # March 2022, Mar-22 and Mar '22
    rf"{_ALONE}{_MONTH}(?:{_GAP}|\s+of\s+){_YEAR}(?!\d)",
    rf"{_ALONE}(?:{_SHORT})[-/]\d\d(?!\d)",
]
_HOLIDAYS = (
    r"\b(?:Christmas(?: Eve| Day)?|New Year['\u2019]s(?: Eve| Day)?|Thanksgiving|Easter(?: Sunday| Monday)?|Boxing Day|"
    r"Labor Day|Memorial Day|Independence Day|Halloween|Valentine['\u2019]s Day)(?:,?\s+(?:of\s+)?(?:19|20)\d\d\b)"
)
_NUMERIC = [
    # 1/2/2020-14/2/2020: from one to the other
    r"(?<![\d./-])\d{1,2}(?P<c>[/.])\d{1,2}(?P=c)(?:\d{4}|\d\d)[ ]?[-\u2013][ ]?\d{1,2}(?P=c)\d{1,2}(?P=c)(?:\d{4}|\d\d)(?![\d./-])",
    rf"{_NOT_ON}(?:0?[1-9]|1[0-2])[ ]?(?P<a>[/.-])[ ]?(?:0?[1-9]|[12]\d|3[01])[ ]?(?P=a)[ ]?(?:(?:19|20)\d\d(?!\d)|\d\d(?![\d%]|[./-]\d))",
    rf"{_NOT_ON}(?:0?[1-9]|[12]\d|3[01])[ ]?(?P<b>[/.-])[ ]?(?:0?[1-9]|1[0-2])[ ]?(?P=b)[ ]?(?:(?:19|20)\d\d(?!\d)|\d\d(?![\d%]|[./-]\d))",
    rf"{_NOT_ON}(?:19|20)\d\d[/.-](?:0?[1-9]|1[0-2])[/.-](?:0?[1-9]|[12]\d|3[01])(?:T\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?)?(?!\d)",
    rf"{_NOT_ON}(?:0?[1-9]|1[0-2])/(?:19|20)\d\d(?![\d/])",
]
_DOTTED = re.compile(r"^(?!\d\d\.\d\d\.\d\d$).*\d\.\d{1,2}\.\d")
_WEEKDAY = r"(?:\b(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?\.?,?[ ](?:the[ ])?)?"
_SHAPES = (
    re.compile(_WEEKDAY + _MONTH_FIRST, re.IGNORECASE),  # by itself: in "room 12 May 3, 2022" it begins inside another
    re.compile(_WEEKDAY + "(?:" + "|".join([*_WRITTEN, _HOLIDAYS, *_NUMERIC]) + ")", re.IGNORECASE),
)
# 19990312 and 990312 only where the text says that it is a date.
_CUED = re.compile(
    r"\b(?:dob|d\.o\.b\.?|date of birth|birth ?date|born(?: on)?|dated?|date of (?:admission|discharge|service|surgery)|"
    r"admitted|admission date|discharged?|deceased|died)\s*(?:on\s*)?[:#-]?\s*"
    r"((?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])(?![\d/]))(?!\d)",
    re.IGNORECASE,
)
# last July, in early March
_MONTH_ALONE = re.compile(
    rf"\b(?:last|this|next|since|until|in(?: early| late| mid)?|early|late|by)\s({_LONG})\b(?!\s*['\u2019]?\d)",
    re.IGNORECASE,
)
_DAY_AND_MONTH = r"(?:(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])|(?:0?[1-9]|[12]\d|3[01])/(?:0[1-9]|1[0-2]))"
# 8/22 is a date after such a word, and a grade, a pressure or a share anywhere else.
_SHORT_NUMERIC = re.compile(
    r"\b(?:on|since|until|till|from|through|by|as of|week of|between|dated?|dictated|signed|received|collected|seen|admitted|discharged|died|"
    r"last|next|visit|appt|appointment|due|expires?|effective|onset|injury|surgery|recheck|review|"
    r"scheduled(?: for)?|f/u|fu|labs?|ct|mri|cxr|x-?ray|echo|started|stopped|before|after|approx\.?|around|~)\s*[:(]?\s*"
    rf"({_DAY_AND_MONTH}(?:\s?(?:-|\u2013|to|and)\s?{_DAY_AND_MONTH})?)"
    r"(?![\d/%]|\.\d|\s?(?:mg|mcg|ml|mmhg|bpm|strength|motor|power|murmur|pain|on\b|in severity|systolic|diastolic|hpf|edema|"
    r"pulses?|reflexes|points?|criteria|score|correct|times|days|episodes|doses))",
    re.IGNORECASE,
)
_SMALL = re.compile(r"^(?:may|mar|march|sun|dec|jun)\b", re.IGNORECASE)

_OLD = r"(?:9\d|1[0-2]\d)"
_OLD_WORDS = (
    r"(?:ninet(?:y|ies)(?:[\s-]?(?:one|two|three|four|five|six|seven|eight|nine))?|(?:one|a) hundred(?: and \w+)?)"
)
_AGES = re.compile(
    rf"\b({_OLD}|{_OLD_WORDS})(?=\s*[- ]?\s*(?:years?|yrs?|yr\.|y\.?\s?/?o\.?\b|yo[mfw]?\b|year-old|y\.o\.))"
    rf"|\b(?:aged?|age is|age of|turned|turning)\s*:?\s*(?:of\s+)?({_OLD}|{_OLD_WORDS})(?![\d%]|[./]\d)"
    rf"|\b({_OLD})(?=\s?(?:M|F|male|female)\b)",
    re.IGNORECASE,
)


def find(text: str) -> Iterator[Identifier]:
    for match in chain.from_iterable(shape.finditer(text) for shape in _SHAPES):
        found = match.group()
        if _SMALL.match(found) and not found[0].isupper() and not re.search(r"(?:19|20)\d\d", found):
            continue  # "may 10", "march 3": the verb
        if _DOTTED.search(found) and not re.search(r"(?:19|20)\d\d", found):
            continue  # 1.2.10 is a version or a heading
        yield Identifier(match.start(), match.end(), IdentifierType.DATE, 0.95, "dates")
    for pattern, score in ((_CUED, 0.95), (_SHORT_NUMERIC, 0.6), (_MONTH_ALONE, 0.6)):
        for match in pattern.finditer(text):
            if pattern is _MONTH_ALONE and not match.group(1)[0].isupper():
                continue
            yield Identifier(match.start(1), match.end(1), IdentifierType.DATE, score, "dates")
    for match in _AGES.finditer(text):
        group = next(number for number in (1, 2, 3) if match.group(number))
        if _after_measure(text, match.start(group)):
            continue
        yield Identifier(match.start(group), match.end(group), IdentifierType.AGE, 0.9, "ages")


def _after_measure(text: str, start: int) -> bool:
    """Whether the number is the end of a longer one: 1.95, 120/95, 5-95."""
    before = text[max(0, start - 2) : start]
    return bool(re.search(r"\d[./,-]$", before))
