"""What hypothesis draws exchange documents from: every kind of text, span and remark that a note may have."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from mednerapp.domain.annotations import Origin, SpanState
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.domain.spans import Span
from support.strategies import characters, texts

LABELS = ("Drug", "Disease", "Lab value", "B-cell", "é|x")
words = st.text(st.sampled_from("abcXYZ019.-_:"), min_size=1, max_size=6)
printable = st.text(characters.filter(str.isprintable), max_size=12).map(str.strip)
remarks = st.text(characters, max_size=12)
notes = st.one_of(
    texts(min_size=1).filter(lambda t: t.strip() != "" and not t.startswith("\ufeff") and "\r" not in t),
    st.sampled_from(
        [
            "Fièvre 😀 depuis lundi.\nNo chest pain.\n",
            "\n  Left arm and leg\npain; 🩺🩺 naïve.\n\n",
            "a\x0cb\x0b c\u2028d\x85e",
            "one\ttwo\tthree | four. Five",
        ]
    ),
)


@st.composite
def places(draw: st.DrawFn, length: int) -> Span:
    """In one piece mostly, else in up to three."""
    count = draw(st.sampled_from([1, 1, 1, 2, 3]))
    if length < 2 * count:
        count = 1
    edges = draw(st.lists(st.integers(0, length), min_size=2 * count, max_size=2 * count, unique=True).map(sorted))
    pieces = tuple((edges[i], edges[i + 1]) for i in range(0, 2 * count, 2))
    return Span(edges[0], edges[-1], draw(st.sampled_from(LABELS)), pieces if count > 1 else ())


@st.composite
def items(draw: st.DrawFn, length: int) -> ExchangeSpan:
    span = draw(places(length))
    if draw(st.booleans()):
        return ExchangeSpan(span)
    assertion = draw(st.none() | st.sampled_from(Assertion))
    return ExchangeSpan(
        span,
        id=draw(words | st.just("")),
        state=draw(st.sampled_from(SpanState)),
        origin=draw(st.sampled_from(Origin)),
        score=draw(st.none() | st.sampled_from([0.0, 1.0, 0.1 + 0.2]) | st.floats(0, 1)),
        model=draw(printable),
        assertion=assertion,
        assertion_by=draw(st.sampled_from(Origin)) if assertion else None,
        comment=draw(remarks),
        unsure=draw(st.booleans()),
        concepts=tuple(draw(st.lists(words, max_size=2, unique=True))),
    )


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(notes)
    full = draw(st.booleans())
    return Document(
        text,
        tuple(draw(st.lists(items(len(text)), max_size=5))),
        id=draw(words | printable),
        title=draw(printable) if full else "",
        source=draw(printable) if full else "",
        patient_key=draw(printable) if full else "",
        note_type=draw(printable) if full else "",
        written_on=draw(st.none() | st.dates(date(1900, 1, 1), date(2100, 1, 1))),
        annotator=draw(printable) if full else "",
        submitted=draw(st.booleans()),
        history=({"revision": 1, "action": "create"},) if full else (),
    )
