"""One place of a note, read differently by several sides: shown side by side, decided with the keyboard."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import streamlit as st

from mednerapp.domain.labels import LabelSchema
from mednerapp.domain.spans import Span
from mednerapp.ui.reading import around, marked, said
from mednerapp.ui.words import plain

_WORD = re.compile(r"\w+|[^\w\s]")
NEAR = 12  # words on either side of a place that a span of one's own may reach


def side_by_side(
    text: str,
    sides: Sequence[tuple[str, Sequence[Span], Sequence[Span]]],
    *,
    schema: LabelSchema,
    start: int,
    end: int,
) -> None:
    """`sides`: (name, all its spans, those that the place is about)."""
    first, last = around(text, start, end)
    for column, (name, spans, strong) in zip(st.columns(len(sides), gap="medium"), sides, strict=True):
        with column:
            st.markdown(f"**{plain(name)}**: {plain(said(strong, text))}")
            st.html(marked(text, spans, schema=schema, strong=strong, start=first, end=last))


def choose(
    text: str,
    readings: Sequence[tuple[str, tuple[Span, ...]]],
    *,
    key: str,
    majority: int | None = None,
    chosen: tuple[Span, ...] | None = None,
) -> tuple[Span, ...] | None:
    """The buttons of a place; what was pressed in this run. `readings`: (who, spans). chosen: what was decided before.

    key: of the place; buttons of another place never stand for this one, so that a key pressed too early does nothing.
    """
    found: tuple[Span, ...] | None = None
    # 0 is nothing, whoever says so; the others go by their side's number.
    options = [(str(n) if spans else "0", who, spans) for n, (who, spans) in enumerate(readings, start=1)][:9]
    known = {spans for _, _, spans in options}
    everything = tuple(sorted({span for _, _, spans in options for span in spans}))
    if () not in known:
        options.append(("0", "", ()))
    if everything not in known:
        options.append(("A", "All of them", everything))
    with st.container(horizontal=True):
        for number, (shortcut, who, spans) in enumerate(options):
            first = majority == number if chosen is None else chosen == spans
            words = f"{who}: {said(spans, text)}" if who else said(spans, text).capitalize()
            if st.button(
                plain(words),
                key=f"take-{key}-{shortcut}",
                shortcut=shortcut,
                type="primary" if first else "secondary",
                help="Decided so." if chosen == spans else "More than half of them say so." if first else None,
            ):
                found = spans
        if majority is not None and st.button("Majority", key=f"majority-{key}", shortcut="M"):
            found = options[majority][2]
    return found


def other(text: str, *, key: str, start: int, end: int, schema: LabelSchema, label: str) -> tuple[Span, ...] | None:
    """A span of one's own at the place: two handles over its words (arrow keys move them) and a label."""
    with st.expander("Something else", key=f"other-{key}"):
        words = [(m.start(), m.end()) for m in _WORD.finditer(text, max(0, start - 400), min(len(text), end + 400))]
        inside = [i for i, (a, b) in enumerate(words) if a < end and b > start]
        if not inside:
            return None
        first, last = max(0, inside[0] - NEAR), min(len(words), inside[-1] + 1 + NEAR)
        near = list(range(first, last))
        left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
        span = left.select_slider(
            "From the first word to the last",
            near,
            value=(inside[0], inside[-1]),
            format_func=lambda i: text[words[i][0] : words[i][1]],
            key=f"words-{key}",
        )
        names = list(schema.names)
        index = names.index(label) if label in names else 0
        name = right.selectbox("Label", names, index=index, key=f"label-{key}")
        chosen = Span(words[span[0]][0], words[span[1]][1], name)
        if st.button(f"Take {plain(said((chosen,), text))}", key=f"take-{key}-other", shortcut="T"):
            return (chosen,)
    return None


def names_of(sides: Mapping[int, str], ids: Sequence[int]) -> str:
    return ", ".join(sides[side] for side in ids)
