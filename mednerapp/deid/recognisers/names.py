"""Names of people: by a title, by a header or a word that announces one, by word lists, by their shape."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mednerapp.deid import lexicon, shapes
from mednerapp.deid.recognisers.places import eponym_after
from mednerapp.domain.identifiers import Identifier, IdentifierType

_A = r"['\u2019]"
_C, _L, _UP = shapes.CAPITAL, shapes.SMALL, shapes.CAPITALS
_PART = rf"(?:{_C}{_A}?{_L}+(?:{_C}{_L}+)?(?:-{_C}{_L}+)?|Mc{_C}{_L}+|O{_A}{_C}{_L}+|Mac[ ]{_C}{_L}+|\u00d3[ ]{_C}{_L}+|[{_UP}]{{3,}}(?:-[{_UP}]+)?)"
_INITIAL = rf"{_C}\.?"
_PARTICLE = r"(?:de la|de los|del|de|da|van der|van den|van de|van|von|der|al|el|bin|ben|di|la|le|st\.)"
_SUFFIX = r"(?:,?[ \t](?:Jr|Sr|II|III|IV)\b\.?)?"
_FULL = rf"{_PART}(?:[ \t]{_INITIAL}(?=[ \t][A-Z]))?(?:[ \t](?:{_PARTICLE}[ \t])?{_PART}){{0,3}}(?:[ \t][A-Z]\.?(?![\w{_A[1:-1]}-]))?{_SUFFIX}"
_TITLE = r"(?:Drs?|Mr|Mrs|Ms|Miss|Mx|Prof(?:essor)?|Doctor|Sister|Nurse|Sir|Dame|Lady|Lord|Rev(?:erend)?|Fr|Capt|Sgt|Hon|Rabbi|Father)"
_TITLED = re.compile(
    rf"\b({_TITLE})\.?[ ]({_INITIAL}(?:[ \t]?{_INITIAL})?[ \t](?:{_PARTICLE}[ \t])?{_PART}(?:[ \t]{_PART})?|(?:{_PARTICLE}[ \t])?{_FULL}|[A-Z]\.?[A-Z]?\.?(?![\w{_A[1:-1]}-]))"
)
_TITLED_LOWER = re.compile(r"\b(dr|mr|mrs|ms|prof)\.?[ \t]([a-z]{3,}(?:-[a-z]+)?)(?:[ \t]([a-z]{3,}))?\b")
_CREDENTIAL = re.compile(
    rf"\b((?:{_PART}|(?:{_C}\.?){{1,2}})(?:[ \t](?:{_PARTICLE}[ \t])?(?:{_PART}|{_INITIAL})){{1,3}}),?[ \t](?:M\.?D\.?|D\.?O\.?|R\.?N\.?|N\.?P\.?|P\.?A\.?(?:-C)?|Ph\.?D\.?|DDS|DPM|MBBS|MBChB|FRCP|FRCS|FACP|FACS|LPN|CRNA|APRN|PharmD|DNP|LCSW|OTR|PT)\b(?!\w)"
)
# What people do, so that a name follows "by".
_DONE = (
    r"accompanied|administered|admitted|approved|assessed|assisted|attended|authenticated|authored|brought(?: in)?|called|cared for|checked|collected|completed|consulted|"
    r"contacted|covered|dictated|discharged|drawn|entered|evaluated|examined|filled in|followed(?: up)?|given|inserted|interpreted|interviewed|managed|notified|obtained|"
    r"operated on|ordered|paged|performed|placed|prepared|prescribed|read|recorded|referred|removed|reported|requested|reviewed|scribed|seen|sent|signed|staffed|supervised|"
    r"supported|taken|transcribed|translated|treated|typed|verified|visited|witnessed|written"
)
_HEADER = (
    r"(?:(?:patient(?:'s)?|pt)(?:[ \t]*(?:full[ \t]*)?name)?|name|full name|first name|last name|surname|forename|given name|family name|maiden name|"
    r"(?:attending|referring|primary(?: care)?|ordering|admitting|consulting|treating)(?: (?:physician|doctor|provider|surgeon|md))?|physician|provider|surgeon|assistant|an(?:a)?esthetist|anesthesiologist|"
    rf"author|(?:(?:electronically )?(?:{_DONE}) by)|signed|on[ -]call|covering|prescriber|clinician|practitioner|operator|case manager|social worker|chaplain|dietitian|"
    r"(?:primary|charge|staff|scrub|circulating) nurse|investigator|reporter|team lead|specialist|"
    r"cc|dear|pcp|gp|consultant|registrar|radiologist|pathologist|next of kin|nok|emergency contact|contact|spouse|guardian|mother|father|wife|husband|"
    r"partner|daughter|son|sister|brother|caregiver|carer|informant|interpreter|witness|re|regarding|nurse|pharmacist|therapist|midwife|resident|intern|fellow|scribe)"
)
_HEADED = re.compile(
    rf"(?:^|(?<=[\n;|\t(,.]))[ \t*]*(?i:{_HEADER})[ \t]?[:=][ \t]*(?:{_TITLE}\.?[ \t])?({_FULL}|[A-Z]\.[ \t]?{_PART})",
    re.MULTILINE,
)
_COMMA = re.compile(
    rf"(?:^|(?<=[\n;|\t:(]))[ \t]*(?i:(?:patient|name|pt|re|dear|patient name|nok)[ \t]?[:=]?[ \t]*)?({_PART}(?:-{_PART})?,[ \t]{_PART}(?:[ \t]{_INITIAL})?)(?![\w])",
    re.MULTILINE,
)
_ANNOUNCED = re.compile(
    rf"\b(?:(?i:named|called|name is|name was|known as|patient|pt|client|resident|mother|father|wife|husband|son|daughter|sister|brother|partner|spouse|"
    rf"friend|neighbou?r|aunt|uncle|cousin|niece|nephew|grandmother|grandfather|caregiver|guardian|girlfriend|boyfriend|fianc\u00e9e?|roommate|"
    rf"baby|infant|child|male|female|man|woman|gentleman|lady|boy|girl|teacher|social worker|nurse|surgeon|attending|oncologist|cardiologist|"
    rf"neurologist|psychiatrist|dietitian|pharmacist|therapist|physician|doctor|registrar|consultant|seen by|referred by|reviewed by|discussed with|"
    rf"spoke (?:with|to)|signed by|per|cared for by|treated by|followed by|managed by|evaluated by|assisted by|i am|my name is|this is|for|of|like|is))"
    rf",?[ \t]({_PART}(?:[ \t]{_INITIAL}(?![\w{_A[1:-1]}])|(?:[ \t](?:{_PARTICLE}[ \t])?{_PART}){{1,2}}))"
)
_STRONG_ANNOUNCED = re.compile(
    rf"\b(?i:named|called|name is|name was|known as|my name is|i am|daughter|wife|husband|mother|father|brother|sister|son|partner|spouse|neighbou?r|friend),?[ \t]({_PART})(?![\w-])"
)
_PAIR = re.compile(rf"\b({_PART})((?:[ \t]{_INITIAL})?(?:[ \t](?:{_PARTICLE}[ \t])?{_PART}){{1,2}}{_SUFFIX})(?![\w-])")
_WITH_INITIAL = re.compile(
    rf"\b({_PART})[ \t]([A-Z]\.|[A-Z](?=[,;:?)]|[ \t](?:is|was|has|had|who|with|on|at|seen|from|in)\b|$))(?!\w|\.[A-Z])"
)
_INITIALS_FIRST = re.compile(rf"(?<![\w.])((?:{_C}\.[ ]?){{1,2}}{_PART})(?![\w-])")
_LOWER_PAIR = re.compile(r"(?<![\w-])([a-z]{3,})[ \t]([a-z]{3,})(?![\w-])")
_WORD = re.compile(rf"(?<![\w'\u2019-])({_PART})(?![\w-])")

# Who is born, so old, or has a number is a person, whatever the name: "Xanthippe Dale, 31, MRN", "Ann Lee is a 40-year-old".
_FOLLOWED = re.compile(
    rf"\b((?:{_PART}|{_INITIAL})(?:[ ](?:{_PARTICLE}[ ])?{_PART}){{1,3}})(?=[ \t]*[,;(|-]?[ \t]*(?:DOB|D\.O\.B|MRN|NHS|born\b|b\.[ ]?\d|"
    rf"is an? (?:[a-z]+,? ){{0,3}}\d{{1,3}}[- ]?(?:year|yr|y\b|y/?o|month|week|day)|aged? \d|\d{{1,3}}[ -]?(?:y\b|yo\b|y/o|yrs?\b|years?\b|M\b|F\b)|\d{{1,3}},[ ]))"
)

_MIXED = rf"(?:{_C}{_A}?{_L}+(?:{_C}{_L}+)?(?:-{_C}{_L}+)?)"
_SHAPED = re.compile(rf"(?<![\w'\u2019.-])({_MIXED}(?:[ ](?:{_PARTICLE}[ ])?{_MIXED}){{1,3}})(?![\w-])")
_RUN_WORD = re.compile(r"[^\s]+")
_GREETING = r"good (?:morning|afternoon|evening)|hello|hi|dear|thank you|thanks"
_INTRODUCED = re.compile(
    rf"(?:\b(?i:(?:{_DONE}) by|(?:discussed|spoke|spoken|talked|met|conferred|consulted|examined|seen|staffed|reviewed|lives|living|stays) (?:with|w/)|"
    rf"(?:spoke|spoken|reported|handed over|signed out|explained|cop(?:y|ies)|message|letter|forward(?:ed)?|sent) to|(?:message(?: left)?|covering|scribe|caring|on behalf) (?:for|of)|"
    rf"paged|notified|on call|{_GREETING}|interpreter|named|called|husband|wife|son|daughter|mother|father|brother|sister|partner|"
    rf"spouse|niece|nephew|aunt|uncle|friend|carer|caregiver|neighbou?r|nurse|patient|pt|baby(?: girl| boy)?|consultant|attending|registrar|resident|intern|therapist|midwife|"
    rf"scribe|witness|chaplain)|\bw/)"
    rf"[,:]?[ ](?:(?:Dr|Mr|Mrs|Ms|Miss)\.?[ ])?({_MIXED}(?:[ ](?:{_PARTICLE}[ ])?{_MIXED}){{0,2}})(?![\w-])"
)
# One who reports, agrees or has a family is a person.
_ACTS = re.compile(
    rf"(?<![\w'\u2019.-])({_MIXED}(?:[ ]{_MIXED})?)(?=[ ](?:reports|reported|denies|denied|states|stated|says|said|complains|complained|endorses|endorsed|lives|works|worked|drinks|smokes|smoked|"
    rf"agrees|agreed|understands|understood|verbali[sz]e[sd]|attended|called|phoned|will (?:return|call|follow|come back)|returned|walks|ambulates|feels|felt|family\b)|"
    rf"{_A}s[ ](?:mother|father|wife|husband|son|daughter|sister|brother|family|parents|medications?|pain|care|chart|results?|condition|symptoms|surgery|mood|blood|birthday|room)\b)"
)
_WITH_MIDDLE = re.compile(rf"(?<![\w'\u2019.-])({_MIXED})[ ]{_C}\.?[ ]({_MIXED})(?![\w-])")
_GREETED = re.compile(rf"\b(?i:{_GREETING}|hey|bye)[ ,]+([a-z]{{3,}})(?![\w-])")
_IN_CAPITALS = re.compile(
    rf"(?i:\b(?:name|patient|label(?:l?ed)?(?: as| for)?|(?:{_DONE}) by|for|re)[ \t]*[:=]?[ \t]+)([{_UP}][{_UP}'\u2019-]{{2,}},[ ][{_UP}]{{2,}})(?![\w-])"
)
_PAIR_IN_CAPITALS = re.compile(
    rf"(?i:\b(?:name|patient|label(?:l?ed)?(?: as| for)?)[ \t]*[:=]?[ \t]+)([{_UP}]{{2,}}(?:-[{_UP}]+)?[ ][{_UP}]{{2,}})(?![\w-])"
)
_NAMED_LAST_FIRST = re.compile(
    rf"(?i:\b(?:name|patient|pt|re|(?:{_DONE}) by)[ \t]*[:=]?[ \t]+)({_MIXED},[ ]{_MIXED}(?:[ ]{_C}\b\.?)?)(?![\w-])"
)
_LISTED = re.compile(rf"(?<![\w,])([{_UP}][{_UP}'\u2019-]{{2,}},[ ]{_MIXED})(?![\w-])")

_ORDINARY = lexicon.words("not_names.txt")


def _lower(word: str) -> str:
    return word.lower().replace("\u2019", "'").rstrip(".,")


def is_first(word: str) -> bool:
    return _lower(word) in lexicon.words("first_names.txt")


def is_last(word: str) -> bool:
    return any(part in lexicon.words("surnames.txt") for part in (_lower(word), *_lower(word).split("-")))


def is_ordinary(word: str) -> bool:
    return _lower(word) in _ORDINARY


def is_medical(word: str) -> bool:
    return _lower(word) in lexicon.words("medical_names.txt")


def find(text: str) -> Iterator[Identifier]:
    for start, end, score in _spans(text):
        value = text[start:end]
        trimmed = _trim(value)
        if trimmed:
            yield Identifier(start + trimmed[0], start + trimmed[1], IdentifierType.NAME, score, "names")


def _spans(text: str) -> Iterator[tuple[int, int, float]]:
    for match in _TITLED.finditer(text):
        if not is_ordinary(match.group(2).split()[0]):
            yield *match.span(2), 0.95
    for match in _TITLED_LOWER.finditer(text):
        if not is_ordinary(match.group(2)) and (is_last(match.group(2)) or is_first(match.group(2))):
            end = match.end(3) if match.group(3) and is_last(match.group(3)) else match.end(2)
            yield match.start(2), end, 0.8
    for match in _FOLLOWED.finditer(text):
        if not any(is_ordinary(word) or is_medical(word) for word in match.group(1).split()[:1]):
            yield *match.span(1), 0.8
    yield from _in_a_form(text)
    yield from _announced(text)
    yield from _by_shape(text)
    yield from _by_acts(text)
    yield from _by_lists(text)
    yield from _with_initials(text)
    yield from _alone(text)


def _in_a_form(text: str) -> Iterator[tuple[int, int, float]]:
    """Beside a credential, behind a heading, before a comma."""
    for match in _CREDENTIAL.finditer(text):
        yield *match.span(1), 0.9
    for match in _HEADED.finditer(text):
        if not is_ordinary(match.group(1).split()[0]):
            yield *match.span(1), 0.85
    for match in _COMMA.finditer(text):
        last, first = match.group(1).split(",", 1)
        if (is_last(last) and is_first(first.split()[0])) or (is_first(first.split()[0]) and not is_ordinary(last)):
            yield *match.span(1), 0.85


def _is_common(word: str) -> bool:
    """Whether clinical prose has the word, so that a capital alone makes no name of it."""
    return is_ordinary(word) or is_medical(word) or _lower(word) in lexicon.words("ordinary.txt")


def _is_no_name(word: str) -> bool:
    """Whether clinical prose has the word, and no list of names does."""
    return _is_common(word) and not is_first(word) and not is_last(word)


def _by_shape(text: str) -> Iterator[tuple[int, int, float]]:
    """Names that no list has: capitals where clinical prose has no such words."""
    for match in _SHAPED.finditer(text):
        run: list[re.Match[str]] = []
        for word in [*_RUN_WORD.finditer(text, *match.span(1)), None]:
            if word is not None and not any(_is_common(part) for part in word.group().split("-")):
                run.append(word)
                continue
            if sum(w.group()[0].isupper() for w in run) > 1 and not _is_eponym(
                text, [w.group() for w in run], run[-1].end()
            ):
                yield run[0].start(), run[-1].end(), 0.55
            run = []
    for match in _INTRODUCED.finditer(text):
        parts = match.group(1).split()
        if not any(_is_no_name(part) for part in parts):
            yield *match.span(1), 0.65
    for match in _LISTED.finditer(text):
        last, first = match.group(1).split(",")
        at_start = text[: match.start()].rstrip(" ")[-1:] in ("", "\n", ".", ":", ";")
        if (at_start or is_last(last)) and not _is_common(last.strip()) and not _is_common(first.split()[0]):
            yield *match.span(1), 0.7


def _by_acts(text: str) -> Iterator[tuple[int, int, float]]:
    """By what somebody does, by a middle initial, and in capitals after a form's word."""
    for match in _ACTS.finditer(text):
        if not any(_is_common(part) for part in match.group(1).split()):
            yield *match.span(1), 0.6
    for match in _WITH_MIDDLE.finditer(text):
        if not any(_is_common(word) for word in match.groups()):
            yield *match.span(), 0.65
    for pattern in (_IN_CAPITALS, _PAIR_IN_CAPITALS, _NAMED_LAST_FIRST):
        for match in pattern.finditer(text):
            parts = match.group(1).replace(",", "").split()
            if not any(_is_no_name(part) for part in parts):
                yield *match.span(1), 0.7


def _announced(text: str) -> Iterator[tuple[int, int, float]]:
    for match in _ANNOUNCED.finditer(text):
        parts = match.group(1).split()
        known = sum(is_first(p) or is_last(p) for p in parts if len(p) > 2)
        if known and not any(is_ordinary(p) for p in parts if len(p) > 2) and not _is_eponym(text, parts, match.end(1)):
            yield *match.span(1), 0.75
    for match in _STRONG_ANNOUNCED.finditer(text):
        word = match.group(1)
        if (is_first(word) or is_last(word)) and not is_ordinary(word) and not _is_eponym(text, [word], match.end(1)):
            yield *match.span(1), 0.7


def _by_lists(text: str) -> Iterator[tuple[int, int, float]]:
    for match in _PAIR.finditer(text):
        first, rest = match.group(1), match.group(2).split()
        last = rest[-1]
        if is_ordinary(first) or _is_eponym(text, [first, *rest], match.end()):
            continue
        if is_first(first) and (
            is_last(last) or is_last(rest[0]) or (not is_ordinary(rest[0]) and not is_medical(rest[0]))
        ):
            yield *match.span(), 0.8
        elif is_last(last) and not is_ordinary(last) and not is_medical(first) and is_last(first) and len(rest) == 1:
            yield *match.span(), 0.6


def _with_initials(text: str) -> Iterator[tuple[int, int, float]]:
    for match in _WITH_INITIAL.finditer(text):
        word = match.group(1)
        if (is_first(word) or is_last(word)) and not is_ordinary(word):
            end = match.end()
            yield match.start(), end, 0.85
    for match in _INITIALS_FIRST.finditer(text):
        word = match.group(1).split(".")[-1].strip()
        if is_last(word) and not is_ordinary(word) and not _is_eponym(text, [word], match.end()):
            yield *match.span(), 0.8


def _alone(text: str) -> Iterator[tuple[int, int, float]]:
    """Names without a capital, and one name by itself."""
    for match in _LOWER_PAIR.finditer(text):
        first, last = match.groups()
        if (
            first in lexicon.words("first_names.txt")
            and last in lexicon.unmarked("surnames.txt")
            and not is_ordinary(first)
            and not is_medical(last)
            and first not in EVERYDAY
        ):
            yield *match.span(), 0.6
    for match in _GREETED.finditer(text):
        if match.group(1) in lexicon.words("first_names.txt") and match.group(1) not in EVERYDAY:
            yield *match.span(1), 0.6
    for match in _WORD.finditer(text):
        word = match.group(1)
        if word.isupper() or is_ordinary(word) or is_medical(word):
            continue
        alone = _lower(word) in lexicon.unmarked("surnames.txt") or (is_first(word) and _lower(word) not in EVERYDAY)
        if alone and not _is_eponym(text, [word], match.end()):
            yield *match.span(), 0.5


EVERYDAY = lexicon.words("everyday_names.txt")


def _is_eponym(text: str, parts: list[str], end: int) -> bool:
    if eponym_after(text, end):
        return True
    return len(parts) == 1 and (
        is_medical(parts[0]) or bool(re.match(rf"{_A}s?\b", text[end : end + 2]) and is_medical(parts[0]))
    )


_TRAILING = re.compile(r"(?:\s+|,\s*)(?P<word>[^\s,]+)$")


def _trim(value: str) -> tuple[int, int] | None:
    """What is left when ordinary words at its ends are taken away; None when that is nothing."""
    end = len(value)
    while match := _TRAILING.search(value[:end]):
        word, before = match.group("word"), value[: match.start()].rsplit(maxsplit=1)[-1]
        if not is_ordinary(word) or len(word.rstrip(".")) == 1:
            break
        if is_last(word) and is_first(before) and _lower(before) not in EVERYDAY:
            break  # Karen White
        end = match.start()
    rest = value[:end].rstrip(" ,")
    if not rest or is_ordinary(rest):
        return None
    return 0, len(rest)
