"""Entity types and the versioned set of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import normalize

from mednerapp.errors import InvalidValue, UnknownLabel


@dataclass(frozen=True, slots=True)
class Label:
    """One entity type. `color`: CSS hex colour; `key`: the digit that sets it in the editor, or ''."""

    name: str
    color: str
    key: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class LabelSchema:
    """The set of labels of a project at one version. `id` is None until it is stored."""

    labels: tuple[Label, ...]
    version: int = 1
    id: int | None = None

    def __post_init__(self) -> None:
        names = [label.name for label in self.labels]
        if not names or len(set(names)) != len(names):
            raise InvalidValue(f"A label schema needs at least one label and unique names, not {names}.")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)

    def has(self, written: str) -> bool:
        """Whether a label of that name is there, however it is written: case, accents as one character or two."""
        return _same(written) in {_same(name) for name in self.names}

    def check(self, name: str) -> None:
        """Raises UnknownLabel."""
        if name not in self.names:
            raise UnknownLabel(name, self.names)


LONGEST_NAME = 60  # characters
LONGEST_DESCRIPTION = 500
MOST_LABELS = 50
# Okabe & Ito (2008), distinguishable with the common colour-vision deficiencies; names are shown beside them.
PALETTE = ("#D55E00", "#E69F00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#F0E442")
_COLOR = re.compile(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def written_schema(rows: Sequence[tuple[str, str, str]], *, after: LabelSchema | None = None) -> LabelSchema:
    """A schema as people write it: rows of (name, colour, description), checked; an empty colour becomes the one that
    is used least. `after`: the schema that gets these labels behind its own, as its next version.

    Raises:
        InvalidValue: says which label it is.
    """
    old = after.labels if after else ()
    made = [(label.name, label.color, label.description) for label in old]
    names = {_same(label.name) for label in old}
    for row in rows:
        name, color, description = (normalize("NFC", part.strip()) for part in row)
        _check_written(name, color, description)
        if _same(name) in names:
            raise InvalidValue(f"The label {name!r} is there twice.")
        names.add(_same(name))
        used = [one.upper() for _, one, _ in made]
        made.append((name, color or min(PALETTE, key=used.count), description))
    if not rows:
        raise InvalidValue("There is no label.")
    if len(made) > MOST_LABELS:
        raise InvalidValue(f"A project has at most {MOST_LABELS} labels, not {len(made)}.")
    new = schema_from(made)
    return LabelSchema((*old, *new.labels[len(old) :]), version=after.version + 1 if after else 1)


def _same(name: str) -> str:
    """Equal for names that people take for the same one."""
    return normalize("NFC", name.strip()).casefold()


def _check_written(name: str, color: str, description: str) -> None:
    if not 1 <= len(name) <= LONGEST_NAME or _CONTROL.search(name):
        raise InvalidValue(
            f"A label's name has 1 to {LONGEST_NAME} characters on one line, not {name[: LONGEST_NAME + 1]!r}."
        )
    if color and not _COLOR.fullmatch(color):
        raise InvalidValue(f"The colour of {name!r} is written like #0072B2, not {color!r}.")
    if len(description) > LONGEST_DESCRIPTION or _CONTROL.search(description):
        raise InvalidValue(f"The description of {name!r} has at most {LONGEST_DESCRIPTION} characters on one line.")


def schema_from(rows: Sequence[tuple[str, str, str]]) -> LabelSchema:
    """A schema from (name, colour, description) rows; the digit keys follow the order."""
    return LabelSchema(
        tuple(Label(name, color, str(i) if i < 10 else "", text) for i, (name, color, text) in enumerate(rows, start=1))
    )


MEDICAL_SCHEMA = schema_from(
    [
        ("Disease", PALETTE[0], "Diagnoses, disorders and injuries."),
        ("Symptom", PALETTE[1], "Complaints, signs and abnormal findings."),
        ("Drug", PALETTE[2], "Medications and vaccines by name or class, without the dose."),
        ("Procedure", PALETTE[3], "Operations and other treatments."),
        ("Test", PALETTE[4], "Diagnostic procedures, imaging, laboratory analytes and vital signs."),
    ]
)
