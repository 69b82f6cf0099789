"""Addresses, towns and the places where care is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from mednerapp.deid import lexicon, shapes
from mednerapp.domain.identifiers import Identifier, IdentifierType

_STATES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|Iowa|"
    "Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|"
    "New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|"
    "South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|Wisconsin|Wyoming"
)
_CODES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|"
    "TN|TX|UT|VT|VA|WA|WV|WI|WY"
)
_STATE = rf"(?:{_STATES}|(?:{_CODES})\b)"
_ZIP = r"\d{5}(?:-\d{4})?"
_A = r"[\u2019']"
_C, _L = shapes.CAPITAL, shapes.SMALL
_CAP = rf"{shapes.CAPITAL}[\w&{_A[1:-1]}.-]{{0,24}}\w"
_STREET = (
    r"(?:Street|St\b\.?|Avenue|Ave\b\.?|Road|Rd\b\.?|Boulevard|Blvd\b\.?|Drive|Dr\b\.?(?![ ]+[A-Z])|Lane|Ln\b\.?|Court|Ct\b\.?|Place|Pl\b\.?|"
    r"Terrace|Circle|Cir\b\.?|Way|Parkway|Pkwy\b\.?|Highway|Hwy\b\.?|Square|Sq\b\.?|Crescent|Close|Gardens|Grove|Mews|Trail|Row|Walk|Alley|Loop|Plaza)"
)
_UNIT = r"(?:,?\s*(?:Apt|Apartment|Unit|Suite|Ste|Flat|Room|Rm|Floor|Fl|#)\.?\s*#?\s*[A-Z0-9-]{1,6}\b)?"
_TOWN = rf"(?:{_C}{_L}[\w{_A[1:-1]}.-]{{0,24}}(?:[ ]{_C}{_L}[\w{_A[1:-1]}.-]{{0,24}}){{0,2}})"
_ADDRESS = re.compile(
    rf"(?<![\w/])\d{{1,6}}[A-Za-z]?[ ](?:[NSEW]\.?[ ]|North[ ]|South[ ]|East[ ]|West[ ])?(?:(?:{_CAP}|\d{{1,3}}(?:st|nd|rd|th))[ ]){{1,4}}?{_STREET}(?!\w)"
    rf"(?:\s(?:NW|NE|SW|SE|[NSEW])\b)?{_UNIT}(?:\s*,?\s*\n?\s*{_TOWN})?(?:,\s*{_STATE})?(?:,?\s*{_ZIP})?"
)
_STREET_ONLY = re.compile(
    r"\b(?:[A-Z][a-z]+|\d{1,3}(?:st|nd|rd|th))(?:\s[A-Z][a-z]+)?\s(?:Street|St\.|Avenue|Ave\.?|Road|Rd\.?|Boulevard|Blvd\.?|Lane|Drive|Parkway)(?!\w)"
)
_BOX = re.compile(r"\bP\.?\s?O\.?\s?Box\s+\d{1,6}\b", re.IGNORECASE)
_TOWN_STATE = re.compile(rf"\b{_TOWN},\s*{_STATE}(?:,?\s+{_ZIP})?(?![\w-])")
_STATE_ZIP = re.compile(rf"\b{_STATE},?\s+({_ZIP})\b")
_CUED_ZIP = re.compile(rf"\bzip(?:\s?code)?\s*:?\s*(?:is\s+)?({_ZIP})\b", re.IGNORECASE)
_POSTCODE = re.compile(r"\b(?:[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}|[A-Z]\d[A-Z]\s\d[A-Z]\d)\b")
_LIVES = re.compile(
    rf"(?:\b(?:lives? (?:in|at|near)|living in|liv(?:es|ing) at|resid(?:es|ing|ent) (?:in|at|of)|resident of|resides in|moved (?:from|to)|from|"
    rf"native of|based in|born in|relocated (?:from|to)|travel(?:l?ed|s)? (?:to|from)|visiting|hometown(?: is|:)?|city:|town:|address:|"
    rf"county of)\s+)({_TOWN}(?:\s(?:County|Township|Village|Heights|Springs|Falls|Beach|City))?)"
)
_COUNTY = re.compile(r"\b(?:[A-Z][a-z]+\s){1,2}(?:County|Township|Borough|Parish|Heights|Village|Neighborhood)\b")

_KIND = (
    r"(?:Hospitals?|Hosp\b\.?|Clinics?|Infirmary|Medical (?:Cent(?:er|re)|Group|Associates|Practice|Clinic|Campus|Plaza|Offices?|Institute)|Med\b\.? (?:Cent(?:er|re)|Ctr)\.?|"
    r"(?:Medical|Med\.?)(?= (?:on|in|for|at|last|with|since|and)\b|[,.;)?]|$)|Health(?:care)? (?:Cent(?:er|re)|System|Services|Network|Clinic|Partners)|Healthcare|Health|Hospice|Nursing (?:Home|Facility)|"
    r"Care (?:Home|Cent(?:er|re)|Facility)|Surgery Cent(?:er|re)|Surgical Cent(?:er|re)|Cancer (?:Cent(?:er|re)|Institute|Clinic)|Heart (?:Cent(?:er|re)|Institute|Hospital|Clinic)|"
    r"Rehab(?:ilitation)?(?: Cent(?:er|re)| Hospital| Facility)?|Urgent Care|Family (?:Practice|Medicine|Health|Care)(?: Cent(?:er|re)| Clinic)?|Primary Care|"
    r"Eye (?:Cent(?:er|re)|Institute|Clinic)|Imaging(?: Cent(?:er|re))?|Pharmacy|Laborator(?:y|ies)|Treatment Cent(?:er|re)|Trauma Cent(?:er|re)|"
    r"Specialty Clinic|Research (?:Cent(?:er|re)|Institute)|Institute|Assisted Living|Senior Living|Manor|University|School of Medicine|Children's|"
    r"Pediatrics|Dermatology|Cardiology|Orthop(?:a)?edics|Oncology|Neurology|Surgery|Radiology|Wellness(?: Cent(?:er|re))?|Cent(?:er|re))"
)
_LINK = r"(?:of|and|&|the|de|la|del|St\.|Mt\.|Ft\.)"
_FACILITY = re.compile(
    rf"\b(?:(?:{_CAP}|[A-Z]{{2,5}}|{_LINK})[ ]){{0,4}}?(?:{_CAP}|[A-Z]{{2,5}})[ -]{_KIND}(?:[ ](?:of|in)[ ](?:the[ ])?{_TOWN}(?:, {_STATE})?|[ ]{_TOWN}(?=[, ]|$))?(?!\w)"
)
_LOWER = re.compile(
    rf"\b({_CAP}(?:\s{_CAP}){{0,2}}|[A-Z]{{2,5}}) (?:hospital|clinic|medical cent(?:er|re)|health cent(?:er|re)|office|branch|campus|location|facility|nursing home|hosp|med center|area hospital)\b"
)
_KNOWN_KINDS = re.compile(
    rf"(?<![\w-])(?:(?:{_CAP}|[A-Z]{{2,5}})[ ])?(?:General|Memorial|Mercy|Methodist|Presbyterian|Baptist|Lutheran|Jewish|Children{_A}s|Women{_A}s|Veterans|VA|County|City|University|Community|Regional|Central)"
    rf"[ ](?:Hospital|Hosp\b\.?|Clinic|Medical Cent(?:er|re)|Med\b\.?(?: Cent(?:er|re))?)(?:[ ](?:of|in|at)[ ]{_TOWN}|[ ]{_TOWN})?(?!\w)"
)
_GENERAL = re.compile(
    rf"\b(?:at|to|from|in|near|via)[ ](?:the[ ])?((?:{_CAP}[ ]|[A-Z]{{2,5}}[ ]){{1,2}}(?:General|Memorial|Presbyterian|Methodist|Baptist|Mercy|Central|Regional|Main|Downtown))(?!\w)"
)
_ACRONYM = re.compile(
    r"\b(?:seen|treated|admitted|consult(?:ed)?|visit(?:ed)?|appointment|surgery|evaluated|\bDr\.? \w+)[ ]at[ ](?:the[ ])?([A-Z]{3,6})(?=[ ](?:on|in|for|last|this)\b|[,.;)?])"
)
_SAINT = re.compile(
    rf"\b(?:St|Saint)\.?[ ]{_C}{_L}+{_A}s(?:[ ](?:{_KIND}|hospital|clinic|hosp\b\.?|[A-Z][a-z]+))?(?!\w)|\b(?:Mt|Mount)\.?[ ](?:Sinai|Zion|Carmel|Auburn|Vernon|Hope|Pleasant)(?:[ ](?:{_KIND}|[A-Z][a-z]+))*(?!\w)"
)
_AT = re.compile(rf"\b(?:Dr\.? )?[A-Z][a-z]+{_A}s (?:Office|office|Clinic|clinic|Practice|practice)\b")
_WARD = re.compile(
    r"\b(?:Ward|Unit|Floor|Bay|Bed|Room|Rm|Theatre|Pod)\s?#?\s?(?:\d{1,4}[A-Z]?|[A-Z]\d{1,3}|[A-Z]\b)(?!\w)"
)

# Words that begin a sentence or a heading before such a noun and name no place.
_GENERIC = lexicon.words("not_places.txt")
_GENERIC_ALONE = lexicon.words("kinds.txt")
_BODIES = re.compile(
    r"\b(?:National Institutes? of|World Health|Public Health|Mental Health|Global Initiative|American|European|Framingham Heart|Patient Health|Women's Health|Department of)\b"
)
_NOT_TOWN = lexicon.words("not_towns.txt")
_PLACED = re.compile(r"(?:\b(?:in|from|near|at|to|of|via|around|outside)\s+(?:the\s+)?|,\s*|\()$", re.IGNORECASE)
_BEFORE_CODE = re.compile(rf",?\s*{_STATE}(?!\w)")


def find(text: str) -> Iterator[Identifier]:
    for pattern, score in (
        (_ADDRESS, 0.95),
        (_BOX, 0.9),
        (_TOWN_STATE, 0.9),
        (_POSTCODE, 0.7),
        (_COUNTY, 0.6),
        (_STREET_ONLY, 0.65),
    ):
        for match in pattern.finditer(text):
            start = match.start() + _leading_generic(match.group()) if pattern is not _ADDRESS else match.start()
            if start < match.end():
                yield Identifier(start, match.end(), IdentifierType.LOCATION, score, "places")
    for pattern in (_STATE_ZIP, _CUED_ZIP):
        for match in pattern.finditer(text):
            yield Identifier(match.start(1), match.end(1), IdentifierType.LOCATION, 0.85, "places")
    for match in _LIVES.finditer(text):
        if match.group(1).split()[0].lower().strip(".,") not in _NOT_TOWN | _GENERIC and not _is_big(match.group(1)):
            yield Identifier(
                match.start(1), _without_stop(match.group(1), match.end(1)), IdentifierType.LOCATION, 0.6, "places"
            )
    yield from _towns(text)
    yield from _facilities(text)


def _is_big(place: str) -> bool:
    """States, countries and what people come from are no identifiers."""
    return place.rstrip(".").lower() in _BIG or bool(re.fullmatch(_STATE, place.rstrip(".")))


_BIG = lexicon.words("countries.txt")


def _without_stop(value: str, end: int) -> int:
    return end - (len(value) - len(value.rstrip(".,-'")))


@cache
def _town_pattern() -> re.Pattern[str]:
    names = "|".join(re.escape(name).replace(r"\ ", "[ ]") for name, _ in lexicon.phrases("places.txt"))
    return re.compile(rf"(?<![\w-])(?=[A-Zn])((?i:{names}))(?![\w-])")


@cache
def _doubtful_towns() -> frozenset[str]:
    return frozenset(name for name, doubtful in lexicon.phrases("places.txt") if doubtful)


def _towns(text: str) -> Iterator[Identifier]:
    for match in _town_pattern().finditer(text):
        name = match.group(1)
        if not name[0].isupper() and name.lower() != "nyc":
            continue
        if name.lower() in _doubtful_towns():
            before = text[max(0, match.start(1) - 14) : match.start(1)]
            if not _PLACED.search(before) and not _BEFORE_CODE.match(text, match.end()):
                continue
            if re.match(rf"{_A}s\b|\s[A-Z][a-z]", text[match.end() : match.end() + 3]):
                continue
        if eponym_after(text, match.end()):
            continue
        yield Identifier(match.start(1), match.end(1), IdentifierType.LOCATION, 0.75, "places")


_EPONYM_AFTER = re.compile(
    rf"(?:{_A}s?)?\s+(?:disease|syndrome|sign|test|score|scale|criteria|classification|criterion|reflex|protocol|catheter|procedure|coma|"
    rf"index|trial|study|guidelines|cohort|virus|heart study|consensus|method|regimen|drain|operation|phenomenon|palsy|tumou?r|sarcoma|"
    rf"lymphoma|ulcer|duct|node|nodes|esophagus|oesophagus|contracture|thyroiditis|encephalopathy|apraxia|aphasia|bodies|cells|staging|"
    rf"grade|fracture|chorea|ataxia|anemia|pattern|bag|tube|forceps|clamp|stockings?|manoeuvre|maneuver|murmur|nodules?|spots?|rule)\b",
    re.IGNORECASE,
)


def eponym_after(text: str, end: int) -> bool:
    return bool(_EPONYM_AFTER.match(text, end))


@cache
def _institutions() -> re.Pattern[str]:
    names = "|".join(re.escape(name).replace("'", _A) for name, _ in lexicon.phrases("facilities.txt"))
    tail = rf"(?:[ -](?:{_KIND}|hospital|clinic|{_TOWN}(?=[,.;)?]|\s(?:on|in|for|with|at)\b|$)))*(?:(?:[ ](?:in|at|of)[ ]|,[ ])(?:{_TOWN}|(?:{_CODES})\b)(?:, {_STATE})?)?"
    return re.compile(rf"(?<![\w-])((?i:{names}))(?![\w-]){tail}")


def _facilities(text: str) -> Iterator[Identifier]:
    for match in _institutions().finditer(text):
        if match.group()[0].isupper() and not eponym_after(text, match.end(1)) and not eponym_after(text, match.end()):
            yield Identifier(
                match.start(), _without_stop(match.group(), match.end()), IdentifierType.FACILITY, 0.8, "places"
            )
    for pattern, score in ((_FACILITY, 0.8), (_SAINT, 0.9), (_AT, 0.8), (_LOWER, 0.7), (_KNOWN_KINDS, 0.8)):
        for match in pattern.finditer(text):
            skip = _skipped(pattern, match.group())
            if skip is not None and not eponym_after(text, match.end()):
                yield Identifier(match.start() + skip, match.end(), IdentifierType.FACILITY, score, "places")
    for pattern in (_GENERAL, _ACRONYM):
        for match in pattern.finditer(text):
            yield Identifier(match.start(1), match.end(1), IdentifierType.FACILITY, 0.7, "places")
    for match in _WARD.finditer(text):
        yield Identifier(match.start(), match.end(), IdentifierType.FACILITY, 0.5, "places")


def _skipped(pattern: re.Pattern[str], value: str) -> int | None:
    """Characters at the beginning that belong to no name; None when no name is left."""
    if pattern is _KNOWN_KINDS:
        return _the(value) if _the(value) < len(value) else None
    skip = _leading_generic(value)
    words = value[skip:].split()
    if not words or words[0].lower().rstrip(".,") in _GENERIC_ALONE or _BODIES.search(value):
        return None
    if pattern is _SAINT:
        return skip
    nameless = len(words) == 1 or not re.search(r"[^\W\d_a-z]", words[0])
    return None if nameless or re.fullmatch(rf"{_KIND}(?:\s(?:of|at|in|for)\s.*)?", value[skip:]) else skip


def _the(value: str) -> int:
    """Characters of a first word that opens a sentence or is an article."""
    first = value.split(" ", 1)[0]
    return len(first) + 1 if first.lower() in _OPENERS | {"the", "our", "a", "local"} else 0


def _leading_generic(value: str) -> int:
    """Characters of the words at the beginning that name nothing: "The", "Outpatient", "Seen"."""
    skipped = 0
    for word in re.finditer(r"\S+\s*", value):
        bare = word.group().strip().lower().rstrip(".,:")
        if bare in _GENERIC or (word.start() == 0 and bare in _OPENERS):
            skipped = word.end()
        else:
            break
    return skipped


_OPENERS = lexicon.words("openers.txt")
