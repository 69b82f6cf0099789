"""What stands in for an identifier: the same for the same value of the same patient, and never derivable without the key.

HMAC-SHA256(key, patient | type | casefolded value) seeds every choice, so nothing has to be remembered between notes, and
notes of one patient tell one story. Dates of one patient all move by the same number of whole weeks, which keeps intervals
and days of the week.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from mednerapp.deid import lexicon
from mednerapp.deid.moving_dates import moved
from mednerapp.deid.recognisers import names
from mednerapp.domain.identifiers import Identifier, IdentifierType

_T = IdentifierType
MIN_WEEKS, MAX_WEEKS = 5, 104  # by which the dates of a patient move, backwards
_WORDS = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_SMALL = lexicon.words("particles.txt")
_TOWN_BEGINNINGS = tuple(sorted(lexicon.words("town_beginnings.txt")))
_TOWN_ENDINGS = tuple(sorted(lexicon.words("town_endings.txt")))
_CARE = re.compile(
    r"(?:hospital|clinic|hospice|infirmary|pharmacy|surgery|practice|office|home|cent(?:er|re)|laborator(?:y|ies)|institute)s?\.?$",
    re.IGNORECASE,
)
_STREET = re.compile(
    r"\b(?:street|st|avenue|ave|road|rd|boulevard|blvd|drive|dr|lane|ln|court|way|place|terrace|parkway|highway|close|square|crescent|box)\b",
    re.IGNORECASE,
)


def tag(identifier: Identifier, value: str) -> str:  # noqa: ARG001 - the form that `replace_all` asks for
    """`[NAME]`, `[HEALTH PLAN]` and so on: for those who want a gap to be seen as one."""
    return f"[{identifier.type.value.upper()}]"


@dataclass(frozen=True, slots=True)
class Surrogates:
    """key: the installation's secret, at least 16 bytes. patient: what the notes of one patient share, or of the note."""

    key: bytes
    patient: str

    def __post_init__(self) -> None:
        if len(self.key) < 16:
            raise ValueError("The key of the surrogates has at least 16 bytes.")

    def __call__(self, identifier: Identifier, value: str) -> str:
        """What stands in for `value`; never equal to it. A tag where the value has nothing to imitate."""
        if not value.strip():
            return tag(identifier, value)
        new = _MAKERS.get(identifier.type, Surrogates.digits)(self, identifier.type, value)
        return tag(identifier, value) if new.casefold() == value.casefold() else new

    @property
    def days(self) -> int:
        """By which the dates of the patient move; negative, a multiple of 7."""
        return -7 * (MIN_WEEKS + self.draw("shift", "") % (MAX_WEEKS - MIN_WEEKS + 1))

    def draw(self, kind: str, value: str) -> int:
        """A number of 256 bits that depends on key, patient, kind and the casefolded value."""
        message = f"{self.patient}\x1f{kind}\x1f{value.casefold()}".encode()
        return int.from_bytes(hmac.new(self.key, message, hashlib.sha256).digest())

    def pick(self, kind: str, value: str, among: tuple[str, ...]) -> str:
        """One of the choices, another one than the value."""
        at = self.draw(kind, value) % len(among)
        return among[at] if among[at].casefold() != value.casefold() else among[(at + 1) % len(among)]

    def digits(self, kind: IdentifierType, value: str) -> str:
        """Other digits and letters in the same places; what separates them stays."""
        stream = self.draw(kind.value, value)
        made: list[str] = []
        for c in value:
            stream, part = divmod(stream, 1 << 5) if stream >> 16 else (self.draw(kind.value, f"{value}{len(made)}"), 7)
            if c.isdecimal():
                made.append(str((int(c) + 1 + part % 9) % 10))
            elif c.isalpha():
                letter = chr(ord("A") + part % 26)
                made.append(letter if c.isupper() else letter.lower())
            else:
                made.append(c)
        return "".join(made)

    def name(self, kind: IdentifierType, value: str) -> str:
        """Word by word, so that a whole name and its parts stay one person's."""

        def other(match: re.Match[str]) -> str:
            word = match.group()
            if word.lower() in _SMALL:
                return word
            if len(word) == 1:
                letter = chr(ord("A") + (ord(word.upper()[0]) - ord("A") + 1 + self.draw("initial", word) % 25) % 26)
                return letter if word.isupper() else letter.lower()
            given = names.is_first(word) and not names.is_last(word)
            new = self.pick(kind.value, word, _given() if given else _family())
            if word.isupper() and len(word) > 1:
                return new.upper()
            return new.title() if word[0].isupper() else new

        return _WORDS.sub(other, value)

    def date(self, kind: IdentifierType, value: str) -> str:
        """By the patient's shift, written as it was; a tag where the way of writing is not understood."""
        return moved(value, self.days) or tag(Identifier(0, 1, kind), value)

    def phone(self, kind: IdentifierType, value: str) -> str:
        """A number that is never given out: the last seven digits are 555-01xx."""
        plain = self.digits(kind, value)
        places = [at for at, c in enumerate(plain) if c.isdecimal()]
        if len(places) < 7 or re.search(r"ext|x", plain, re.IGNORECASE):
            return plain
        last = list(plain)
        for at, digit in zip(places[-7:], f"55501{self.draw('line', value) % 100:02}", strict=True):
            last[at] = digit
        return "".join(last)

    def ssn(self, kind: IdentifierType, value: str) -> str:
        """One that begins with 000, which is never given out."""
        plain = self.digits(kind, value)
        first = [at for at, c in enumerate(plain) if c.isdecimal()][:3]
        return "".join("0" if at in first else c for at, c in enumerate(plain))

    def email(self, kind: IdentifierType, value: str) -> str:
        given = self.pick(kind.value, value, _given())
        return f"{given}.{self.pick('name', value, _family())}{self.draw('mail', value) % 100:02}@example.org"

    def url(self, kind: IdentifierType, value: str) -> str:
        return f"https://example.org/{self.draw(kind.value, value) % 16**8:08x}"

    def network(self, kind: IdentifierType, value: str) -> str:
        """From the ranges kept for documentation (RFC 5737, RFC 3849)."""
        drawn = self.draw(kind.value, value)
        return (
            f"2001:db8::{drawn % 16**4:x}:{drawn >> 16 & 0xFFFF:x}"
            if ":" in value and "." not in value
            else f"192.0.2.{drawn % 256}"
        )

    def place(self, kind: IdentifierType, value: str) -> str:
        if not re.search(r"[^\W\d_]{3}", value):
            return self.digits(kind, value)  # a post code
        town = self._town(value)
        if not _STREET.search(value):
            return town
        street = f"{1 + self.draw('house', value) % 199} {self._town(value + ' street')} Street"
        return f"{street}, {town}" if "," in value or "\n" in value else street

    def facility(self, kind: IdentifierType, value: str) -> str:
        if re.search(r"\d", value) or re.match(
            r"(?:ward|unit|floor|bay|bed|room|rm|theatre|pod)\b", value, re.IGNORECASE
        ):
            return re.sub(r"\d+|(?<= )[A-Z]$", lambda m: self.digits(kind, m.group()), value)
        last = value.rsplit(maxsplit=1)[-1]
        return f"{self._town(value)} {last if _CARE.search(last) else 'Medical Centre'}"

    def _town(self, value: str) -> str:
        drawn = self.draw("town", value)
        return _TOWN_BEGINNINGS[drawn % len(_TOWN_BEGINNINGS)] + _TOWN_ENDINGS[(drawn >> 32) % len(_TOWN_ENDINGS)]

    def age(self, kind: IdentifierType, value: str) -> str:  # noqa: ARG002 - as the others
        """The one age that the list allows for all of 90 and above."""
        return "90 or more" if value.strip() == "90" else "90"


_Maker = Callable[[Surrogates, IdentifierType, str], str]
_MAKERS: dict[IdentifierType, _Maker] = {
    _T.NAME: Surrogates.name,
    _T.DATE: Surrogates.date,
    _T.AGE: Surrogates.age,
    _T.PHONE: Surrogates.phone,
    _T.FAX: Surrogates.phone,
    _T.EMAIL: Surrogates.email,
    _T.URL: Surrogates.url,
    _T.IP: Surrogates.network,
    _T.SSN: Surrogates.ssn,
    _T.LOCATION: Surrogates.place,
    _T.FACILITY: Surrogates.facility,
}


@cache
def _given() -> tuple[str, ...]:
    return tuple(sorted(w for w in lexicon.words("first_names.txt") if len(w) > 3 and w not in names.EVERYDAY))


@cache
def _family() -> tuple[str, ...]:
    return tuple(sorted(w for w in lexicon.unmarked("surnames.txt") if len(w) > 3 and "'" not in w))
