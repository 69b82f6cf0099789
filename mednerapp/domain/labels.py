"""Entity types and the versioned set of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

    def check(self, name: str) -> None:
        """Raises UnknownLabel."""
        if name not in self.names:
            raise UnknownLabel(name, self.names)


def schema_from(rows: Sequence[tuple[str, str, str]]) -> LabelSchema:
    """A schema from (name, colour, description) rows; the digit keys follow the order."""
    return LabelSchema(
        tuple(Label(name, color, str(i) if i < 10 else "", text) for i, (name, color, text) in enumerate(rows, start=1))
    )


# Colours: Okabe & Ito (2008), distinguishable with the common colour-vision deficiencies; names are shown beside them.
MEDICAL_SCHEMA = schema_from(
    [
        ("Disease", "#D55E00", "Diagnoses, disorders and injuries."),
        ("Symptom", "#E69F00", "Complaints, signs and abnormal findings."),
        ("Drug", "#0072B2", "Medications and vaccines by name or class, without the dose."),
        ("Procedure", "#009E73", "Operations and other treatments."),
        ("Test", "#CC79A7", "Diagnostic procedures, imaging, laboratory analytes and vital signs."),
    ]
)
