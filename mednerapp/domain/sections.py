"""The section headers of a clinical note: for an outline, and for what a section says about all that is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


def _titles(table: str) -> frozenset[str]:
    return frozenset(title.strip() for title in table.replace("\n", "|").split("|") if title.strip())


def _words(table: str) -> frozenset[str]:
    return frozenset(table.split())


# Headers that are recognised however they are written, also with their text on the same line ("PMH: asthma").
_KNOWN = _titles(
    """
    chief complaint | presenting complaint | pc | cc | reason for referral | reason for admission | reason for visit
    presentation | history of present illness | history of presenting illness | history of presenting complaint
    history of the present illness | hpi | hpc | interval history | history | clinical details | clinical history
    indication | subjective | objective | past medical history | past history | past surgical history
    past psychiatric history | past ocular history | previous medical history | past obstetric history
    obstetric history | medical history | surgical history | pmh | pmhx | psh | pshx | background
    background history | other history | hx reminder | family history | family medical history | family hx | fh
    fhx | f/h | social history | sh | shx | social | occupational history | drug history | dh | dhx | medications
    medication | current medications | discharge medications | medication on discharge | meds | allergies | allergy
    drug allergies | adverse reactions | allergies and adverse reactions | known allergies | immunisations
    review of systems | ros | systems review | systemic enquiry | physical examination | physical exam | examination
    on examination | exam | o/e | oe | pe | vital signs | vitals | observations | mental state
    mental state examination | mse | investigations | results | laboratory results | labs | bloods | imaging
    radiology | microbiology | findings | technique | comparison | impression | conclusion | opinion | comment
    assessment | a/p | a&p | assessment and plan | differential | differential diagnosis | diagnosis | diagnoses
    principal diagnosis | other diagnoses | discharge diagnosis | discharge diagnoses | working diagnosis
    problem list | problems | plan | plan for gp | recommendations | course | hospital course | clinical course
    progress | procedure | procedures | operation | operation note | operative findings | treatment
    treatment so far | management | follow up | follow-up | followup | discharge plan | discharge instructions
    instructions | safety net | safety netting | safety-netting | return precautions | red flags | summary
    formulation | risk assessment | consent | complications | specimen | macroscopic description | microscopy
    """
)

# Upper-case words with a colon that name a value or a person, not a section.
_VALUES = _words(
    """
    bp hr rr temp spo2 sats gcs bmi wt ht weight height pulse news ewe ecg ekg cxr crp wcc hb na k alt ast inr ct
    mri egfr  hba1c ph patient pt name dob mrn nhs no date time consultant gp ward re cc to from tel fax copy copies
    author signed  referrer surgeon assistant anaesthetist location sex age address dear
    """
)
_ANSWERS = _words(
    """
    no yes nil none neg negative positive present absent denies denied not y n nad n/a normal
    """
)
_MARKDOWN = re.compile(r"#{1,6}[ \t]+([^\n]*?)[ \t]*#*[ \t]*$")
_BULLET = re.compile(r"(?:[-*+•·\u2013>▪◦‣](?!\*)|\(?[a-z]?\d{0,2}[.)])\s", re.IGNORECASE)
_NUMBERED = re.compile(r"\d{1,2}\.[ \t]+(?=[A-Z][A-Z ,&/'-]{3,60}$)")
_FIRST_WORD = re.compile(r"[\w/&+-]+")
_MOST_CHARACTERS = 70
_MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Section:
    """`title` without marks and colon; `start`: its first character, in code points; `end`: where the next one starts.

    `body`: the first character behind the header and its colon.
    """

    title: str
    start: int
    end: int
    body: int


def find_sections(text: str) -> tuple[Section, ...]:
    """The sections in text order. Text before the first header belongs to none.

    A header is a line in Markdown (# or bold), a known title alone on its line or with a colon or a dash, a line in
    capitals after an empty one, or a short line that ends with a colon. Bullets, vital signs ("BP: 120/80"), laboratory
    values and the lines with names at the head of a letter are none. Takes time linear in the length of the text.
    """
    found = list(_headers(text))
    ends = [start for _, start, _ in found[1:]] + [len(text)] * bool(found)
    return tuple(Section(title, start, end, body) for (title, start, body), end in zip(found, ends, strict=True))


def _headers(text: str) -> Iterator[tuple[str, int, int]]:
    position = 0
    after_blank = True
    for line in text.split("\n"):
        stripped = line.strip()
        start = position + len(line) - len(line.lstrip())
        if stripped:
            header = _header(stripped, indented=start > position, after_blank=after_blank)
            if header:
                title, offset, length = header
                yield title, start + offset, start + offset + length
        after_blank = not stripped
        position += len(line) + 1


def _header(line: str, *, indented: bool, after_blank: bool) -> tuple[str, int, int] | None:
    """Title, its offset in the line, and how many characters from there belong to the header."""
    markdown = _MARKDOWN.match(line)
    if markdown:
        title = markdown.group(1).rstrip(": ")
        return (title, markdown.start(1), len(line) - markdown.start(1)) if title else None
    bold = line.startswith("**") and line.find("**", 2)
    if bold and 2 < bold <= _MOST_CHARACTERS:
        title = line[2:bold].rstrip(": ")
        colon = line[bold + 2 : bold + 3] == ":" or line[bold - 1] == ":"
        if title.strip() and (colon or bold + 2 == len(line)):
            return title, 2, bold + (line[bold + 2 : bold + 3] == ":")
        return None
    numbered = _NUMBERED.match(line)
    if numbered and not indented:
        return line[numbered.end() :], numbered.end(), len(line) - numbered.end()
    if _BULLET.match(line):
        return None
    return _plain(line, indented=indented, after_blank=after_blank)


def _plain(line: str, *, indented: bool, after_blank: bool) -> tuple[str, int, int] | None:
    colon = line.find(":", 0, _MOST_CHARACTERS)
    head = line[:colon].rstrip() if colon > 0 else line
    if not head or len(head) > _MOST_CHARACTERS or not head[0].isalpha() or len(head.split()) > _MOST_WORDS:
        return None
    known = " ".join(head.casefold().split()) in _KNOWN and (len(head) > 3 or head[:2].isupper())
    if colon > 0:
        rest = line[colon + 1 :].strip()
        if known or (_own_line(head) if not rest else _inline(head, rest)):
            return head, 0, colon + 1
        return None
    dash = re.match(r"([\w/&]+) +[-\u2013] ", line)
    if dash and dash.group(1).casefold() in _KNOWN and dash.group(1)[:2].isupper():
        return dash.group(1), 0, dash.end()
    capitals = after_blank and not indented and _capitals(head)
    return (head, 0, len(head)) if (known and head[0].isupper()) or capitals else None


def _own_line(head: str) -> bool:
    """A short line with a colon at its end, starting in upper case, that is no sentence or value."""
    first = _FIRST_WORD.match(head)
    value = first is not None and first.group().casefold() in _VALUES and len(head.split()) <= 2
    return head[0].isupper() and not value and not any(mark in head for mark in ".,;?!=\t") and len(head.split()) <= 6


def _inline(head: str, rest: str) -> bool:
    """Capitals with a colon and text behind: a section, unless it is the answer to a question or a value."""
    first = rest.split(maxsplit=1)[0].casefold().strip(".,;")
    answered = first in _ANSWERS or first[:1].isdigit()
    return _capitals(head) and head.split(maxsplit=1)[0].casefold() not in _VALUES and not answered


def _capitals(head: str) -> bool:
    letters = [c for c in head if c.isalpha()]
    return (
        len(letters) >= 4
        and all(c.isupper() for c in letters)
        and not any(c.isdigit() for c in head)
        and head.split(maxsplit=1)[0].casefold() not in _VALUES
        and head[-1] not in ".,;"
    )
