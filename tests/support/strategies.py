"""What hypothesis draws from: texts with every kind of character, spans inside them, counts."""

from __future__ import annotations

from hypothesis import strategies as st

from mednerapp.domain.labels import MEDICAL_SCHEMA
from mednerapp.domain.spans import Span
from mednerapp.scoring.strict import Counts

LABELS = MEDICAL_SCHEMA.names

labels = st.sampled_from(LABELS)
# Latin, accents as combining marks, astral plane, right-to-left, zero-width joiner, line ends: where offsets go wrong.
characters = st.one_of(
    st.sampled_from("ab cé\n\t.|<&\u0301\u200d😀🩺é́אש\u2028"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
)


def texts(*, min_size: int = 0, max_size: int = 60, exclude: str = "") -> st.SearchStrategy[str]:
    return st.text(characters.filter(lambda c: c not in exclude), min_size=min_size, max_size=max_size)


@st.composite
def spans(draw: st.DrawFn, length: int = 40) -> Span:
    start = draw(st.integers(0, length - 1))
    return Span(start, draw(st.integers(start + 1, length)), draw(labels))


@st.composite
def flat_spans(draw: st.DrawFn, length: int = 40, gap: int = 0) -> list[Span]:
    """Spans in text order that do not overlap, at least `gap` characters apart."""
    found: list[Span] = []
    position = 0
    while position < length and draw(st.booleans()):
        start = position + draw(st.integers(0, 4))
        end = start + draw(st.integers(1, 4))
        if end > length:
            break
        found.append(Span(start, end, draw(labels)))
        position = end + gap
    return found


counts = st.builds(Counts, *(st.integers(0, 5) for _ in range(3)))
