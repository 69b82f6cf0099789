"""The texts that the adapter learns from."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mednerapp.deid import lexicon
from mednerapp.deid.detector import Detector
from mednerapp.deid.measuring import Marked, is_for_tuning, read_corpus, read_notes
from mednerapp.deid.planting import BREAKS, Sources, filled, inserted, sources, templates
from mednerapp.domain.datasets import GoldNote, Split
from mednerapp.domain.identifiers import IdentifierType
from mednerapp.domain.notes import content_hash
from mednerapp.domain.spans import Span

_T = IdentifierType
# What the adapter tells apart: numbers of a person are one kind, because what tells them apart are the words around
# them, which the rules read well.
LABELS = (_T.NAME, _T.DATE, _T.AGE, _T.PHONE, _T.LOCATION, _T.FACILITY, _T.OTHER)
_COARSE = {_T.FAX: _T.PHONE}
_ASQ = {"NAME": _T.NAME, "DATE": _T.DATE, "PHONE_NUMBER": _T.PHONE, "FAX_NUMBER": _T.PHONE}
_CARE = re.compile(
    r"hospital|clinic|cent(?:er|re)\b|medical|health|hospice|infirmary|practice|office|pharmacy|sinai|st\.|nursing|institute|general|memorial",
    re.IGNORECASE,
)
_MARKS = re.compile(r"\u27e6(.*?)\|[^|\u27e7]*\u27e7")  # of the entities of the demo notes
_CUT_OFF = re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.?$")
# How often a sentence of the kind is planted; the others once.
_WEIGHTS = {
    "name": 8,
    "none": 7,
    "date": 3,
    "phone": 3,
    "fax": 2,
    "location": 4,
    "facility": 4,
    "mrn": 2,
    "other id": 2,
}
_ONSETS = "b bl br c ch d dr f fr g gr h j k kr l m n p qu r s sh sk st str t th tr v w y z".split()  # noqa: SIM905
_VOWELS = "a e i o u ai ei ie o ou ea oo y".split()  # noqa: SIM905
_CODAS = "b ck d f g k l ll m n nd ng nn r rd rk rn rt s ss st t th tt v x z".split() + [""] * 8  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Corpora:
    """queries: short texts with gold. notes: to plant into. values: a corpus whose names and addresses are planted."""

    queries: Sequence[Marked]
    notes: Sequence[str]
    values: Sequence[Marked]


def read(corpora: Path, demo_notes: Path) -> Corpora:
    """From a folder with `asq_phi`, `aci_bench` and `presidio_synth`; of each the half for tuning only.

    A value that stands in a text of the other half is not taken, wherever else it stands.
    """
    everything = read_corpus(corpora / "presidio_synth")
    kept_out = {m.text[start:end].strip() for m in everything if not is_for_tuning(m.text) for start, end, _ in m.gold}
    values = [
        Marked(m.text, tuple(g for g in m.gold if m.text[g[0] : g[1]].strip() not in kept_out))
        for m in everything
        if is_for_tuning(m.text)
    ]
    notes = [_MARKS.sub(r"\1", text) for text in read_notes([corpora / "aci_bench", demo_notes]) if is_for_tuning(text)]
    return Corpora([m for m in read_corpus(corpora / "asq_phi") if is_for_tuning(m.text)], notes, values)


def is_for_dev(text: str) -> bool:
    """A sixth of the half for tuning, by another byte of the hash: it chooses the epoch and the threshold."""
    return hashlib.sha256(text.encode()).digest()[1] % 6 == 0


def examples(corpora: Corpora, *, planted: int, seed: int) -> tuple[list[GoldNote], list[GoldNote]]:
    """(train, dev): the queries, and `planted` short texts made of notes (a sixth as many for dev).

    Notes, values and sentences of dev are others than those of train.
    """
    rng = random.Random(seed)  # noqa: S311 - invented values, no secret
    found: dict[bool, list[Marked]] = {}
    for dev in (False, True):
        given = _given(corpora, dev=dev, rng=rng)
        clean = [sentences for note in given.notes if len(sentences := _clean(note)) > 3]
        lines = _lines(dev=dev)
        made = [_example(clean, lines, given, rng) for _ in range(planted // 6 if dev else planted)]
        queries = [_coarse(m) for m in corpora.queries if is_for_dev(m.text) == dev]
        found[dev] = [*made, *queries]
    return _gold(found[False], Split.TRAIN), _gold(found[True], Split.DEV)


def _given(corpora: Corpora, *, dev: bool, rng: random.Random) -> Sources:
    """The values of one side. A third of the names is of the corpus, a third of our lists, a third of no list."""
    of_side = [m for m in corpora.values if is_for_dev(m.text) == dev]
    given = replace(sources([], of_side, tuning=True), notes=tuple(n for n in corpora.notes if is_for_dev(n) == dev))
    first = sorted(w for w in lexicon.words("first_names.txt") if is_for_dev(w) == dev)
    last = sorted(w for w in lexicon.words("surnames.txt") if is_for_dev(w) == dev)
    beginnings, endings = (sorted(lexicon.words(f"town_{part}.txt")) for part in ("beginnings", "endings"))
    known = [(rng.choice(first).title(), rng.choice(last).title()) for _ in range(1500)]
    nobody = [(invented(rng), invented(rng)) for _ in range(1500)]
    theirs = [(rng.choice(given.people)[0], rng.choice(given.people)[1]) for _ in range(1500)]
    countries = lexicon.words("countries.txt")
    towns = [town for town in given.towns if town.lower() not in countries]
    towns += [rng.choice(beginnings).title() + rng.choice(endings) for _ in range(len(towns))]
    towns += [invented(rng) for _ in range(len(towns))]
    return replace(given, people=(*known, *nobody, *theirs), towns=tuple(towns))


def invented(rng: random.Random) -> str:
    """A name that nobody bears, of two or three syllables."""
    parts = (rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(rng.choice((1, 2, 2, 3))))
    return "".join(parts).title()


def _lines(*, dev: bool) -> list[tuple[str, list[str]]]:
    """(type, its sentences) of one side: those for tuning, and those that no figure is taken on."""
    lines: dict[str, list[str]] = {kind.value: list(those) for kind, those in templates(tuning=True).items()}
    for line in lexicon.lines("planting_more.txt"):
        kind, sentence = line.split("\t", 1)
        lines.setdefault(kind, []).append(sentence)
    return [(kind, [s for s in those if is_for_dev(s) == dev] or those) for kind, those in lines.items()]


def _clean(note: str) -> list[str]:
    """The sentences and lines of a note in which the rules find nothing, so that what they miss is the only noise."""
    parts = [part.strip() for part in BREAKS.split(note)]
    rules = Detector(spreads=False)
    touched = {one.start for one in rules.find(note)}
    kept: list[str] = []
    at = 0
    for part in parts:
        start = note.index(part, at) if part else at
        at = start + len(part)
        if part and not _CUT_OFF.search(part) and not any(start <= place < at for place in touched):
            kept.append(part)
    return kept


def _example(
    clean: Sequence[Sequence[str]], lines: Sequence[tuple[str, list[str]]], given: Sources, rng: random.Random
) -> Marked:
    """A few sentences of a note, with sentences planted between them."""
    note = rng.choice(clean)
    start = rng.randrange(len(note))
    text = "".join(s + rng.choice("\n  ") for s in note[start : start + rng.randint(1, 6)]).strip()
    weights = [_WEIGHTS.get(kind, 1) for kind, _ in lines]
    kinds = rng.choices(lines, weights, k=rng.choice((0, 3, 5, 6, 7)))
    sentences = [
        filled(rng.choice(those), _T.OTHER if kind == "none" else IdentifierType(kind), given, rng)
        for kind, those in kinds
    ]
    return _coarse(inserted(text, sentences, rng))


def _coarse(marked: Marked) -> Marked:
    """With the adapter's labels."""
    return Marked(marked.text, tuple((s, e, _label(kind, marked.text[s:e]).value) for s, e, kind in marked.gold))


def _label(kind: str, value: str) -> IdentifierType:
    if kind == "GEOGRAPHIC_LOCATION":
        return _T.FACILITY if _CARE.search(value) else _T.LOCATION
    own = _ASQ.get(kind) or (IdentifierType(kind) if kind in {t.value for t in _T} else _T.OTHER)
    own = _COARSE.get(own, own)
    return own if own in LABELS else _T.OTHER


def _gold(texts: Iterable[Marked], split: Split) -> list[GoldNote]:
    return list(_gold_notes(texts, split))


def _gold_notes(texts: Iterable[Marked], split: Split) -> Iterator[GoldNote]:
    for number, marked in enumerate(texts, 1):
        spans = tuple(Span(start, end, kind) for start, end, kind in sorted(marked.gold) if end > start)
        yield GoldNote(number, content_hash(marked.text), marked.text, spans, split)
