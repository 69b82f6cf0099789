"""Telephone and fax numbers, e-mail, web and network addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mednerapp.domain.identifiers import Identifier, IdentifierType

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+%'-]{1,64}\s?@\s?[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}", re.IGNORECASE)
_SPOKEN_EMAIL = re.compile(
    r"\b[\w.+-]{1,40}\s+(?:at|\(at\)|\[at\])\s+[\w-]{1,40}\s*(?:\.|\sdot\s|\(dot\))\s*(?:com|org|net|edu|gov)\b",
    re.IGNORECASE,
)
_TLD = "com|org|net|edu|gov|mil|info|health|io|co|uk|us|ca|au|de|fr|ie|in|nz|nhs|clinic|care|app|me|biz|int"
_URL = re.compile(
    rf"\b(?:(?:https?|ftp)://[^\s<>\"')\]]{{2,300}}|www\.[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,5}}(?:/[^\s<>\"')\]]{{0,200}})?|"
    rf"(?<![@\w.-])(?:[a-z0-9-]{{2,63}}\.){{1,4}}(?:{_TLD})\b(?![\w@-])(?:/[^\s<>\"')\]]{{0,200}})?)",
    re.IGNORECASE,
)
_IP4 = re.compile(
    r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?::\d{2,5})?(?![\d]|\.\d)"
)
_IP6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{1,4}:){2,7}(?::?[0-9a-f]{1,4}){1,7}(?![\w:])", re.IGNORECASE)
_MAC = re.compile(r"\b(?:[0-9A-F]{2}[:-]){5}[0-9A-F]{2}\b", re.IGNORECASE)
_EXTENSION = r"(?:[ ]*(?:,|;)?[ ]*(?:ext\.?|extension|x)[ ]*\.?[ ]*\d{1,6})?"
_PHONES = [
    # (555) 123-4567, 555-123-4567, 555.123.4567, +1 555 123 4567, 1-800-123-4567
    rf"(?<![\w-])(?:\+?1[\s.-]?)?(?:\(\d{{3}}\)\s?|\d{{3}}[\s.\u2013-])\d{{3}}[\s.\u2013-]\d{{4}}{_EXTENSION}(?![\w-])",
    # +44 20 7946 0018
    r"(?<!\w)\+\d{1,3}(?:[\s.-]?\(?\d{1,4}\)?){2,5}(?!\w)",
    # 020 7946 0018, 07700 900123, 0131 496 0000
    r"(?<![\w-])\(?0\d{2,4}\)?[\s-]\d{3,4}[\s-]?\d{3,4}(?![\w-])",
    r"(?<![\w-])07\d{9}(?!\w)",
    # 555-1234
    # 0690 75 40 81, 03.93.92.16.85, (37) 788-063: groups with a leading nought or brackets
    r"(?<![\w.,-])0\d{1,3}(?:[ .]\d{2,4}){3,4}(?![\w-]|\.\d)",
    r"(?<![\w-])\(0?\d{2,3}\)[ ]?\d{3}[ -]\d{3,4}(?![\w-])",
    rf"(?<![\w.-])[2-9]\d{{2}}[-\u2013]\d{{4}}{_EXTENSION}(?![\w-])",
]
_PHONE = re.compile("|".join(_PHONES), re.IGNORECASE)
_WORD = r"(?:tele?phone|phone|tel|mobile|cell(?:ular)?|pager|beeper|bleep|call(?:ed)?|reached?|contact|landline|ph|voicemail|ring|text(?:ed)?|dial(?:led)?|home|work)"
_CUED_PHONE = re.compile(
    rf"\b({_WORD}|fax(?:ed|ing)?)(?:[ ]*(?:number|no\.?|#|line))?[ ]*(?:at|on|is|to|from|:|\.|-|=)?[ ]*(?:at|on)?[ ]*(\+?\(?\d[\d ().\u2013-]{{5,18}}\d{_EXTENSION})(?!\w)",
    re.IGNORECASE,
)
_SHORT_PAGER = re.compile(
    r"\b(?:pager|beeper|bleep|ext\.?|extension)\s*(?:number|no\.?|#)?\s*:?\s*(\d{3,6})\b", re.IGNORECASE
)
_FAX_BEFORE = re.compile(r"\b(?:fax(?:ed|ing)?|facsimile)\b[^\d\n]{0,20}$", re.IGNORECASE)
_DIGIT = re.compile(r"\d")


def find(text: str) -> Iterator[Identifier]:
    for pattern in (_EMAIL, _SPOKEN_EMAIL):
        for match in pattern.finditer(text):
            yield Identifier(match.start(), match.end(), IdentifierType.EMAIL, 0.99, "contacts")
    for match in _URL.finditer(text):
        end = match.end() - (len(match.group()) - len(match.group().rstrip(".,;:!?")))
        yield Identifier(match.start(), end, IdentifierType.URL, 0.9, "contacts")
    for pattern in (_IP4, _IP6, _MAC):
        for match in pattern.finditer(text):
            kind = IdentifierType.DEVICE if pattern is _MAC else IdentifierType.IP
            if pattern is _IP6 and not _looks_like_ip6(match.group()):
                continue
            yield Identifier(match.start(), match.end(), kind, 0.9, "contacts")
    yield from _numbers(text)


def _numbers(text: str) -> Iterator[Identifier]:
    for match in _PHONE.finditer(text):
        if len(_DIGIT.findall(match.group())) >= 7:
            yield Identifier(match.start(), match.end(), _phone_or_fax(text, match.start()), 0.8, "contacts")
    for match in _CUED_PHONE.finditer(text):
        if len(_DIGIT.findall(match.group(2))) >= 7 and "\n" not in match.group(2):
            yield Identifier(match.start(2), match.end(2), _phone_or_fax(text, match.start(2)), 0.9, "contacts")
    for match in _SHORT_PAGER.finditer(text):
        yield Identifier(match.start(1), match.end(1), IdentifierType.PHONE, 0.8, "contacts")


def _phone_or_fax(text: str, start: int) -> IdentifierType:
    fax = _FAX_BEFORE.search(text[max(0, start - 30) : start])
    return IdentifierType.FAX if fax else IdentifierType.PHONE


def _looks_like_ip6(found: str) -> bool:
    """Not a time (12:30:45): eight groups, or the double colon."""
    return "::" in found or found.count(":") == 7
