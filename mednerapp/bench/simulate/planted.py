"""Faults that we plant ourselves, and whether they are found: leaks between splits, wrong gold labels."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from mednerapp.bench.notes import synthetic_notes
from mednerapp.domain.datasets import split_of
from mednerapp.domain.notes import content_hash
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.scoring.leakage import SidedNote, check
from mednerapp.scoring.suspicious import OutOfFold, rank

Progress = Callable[[int, int], None]

LABELS = ("Disease", "Drug", "Procedure", "Symptom", "Test")
_NOTES_OF_A_PATIENT = 3
_CHANGED = 60  # one word in so many is changed in a planted near-duplicate
_WORDS = 80  # of a note that a near-duplicate is made of; in a shorter one every changed word counts too much


@dataclass(frozen=True, slots=True)
class Leaks:
    """patients, texts: planted and found. other: reported after planting, neither planted nor alike before.

    alike_before: near-duplicates across sides that the synthetic notes hold by themselves (the shortest are two or
    three stock sentences).
    """

    notes: int
    alike_before: int
    patients_planted: int
    patients_found: int
    texts_planted: int
    texts_found: int
    other: int


def leaks(*, notes: int, planted: int = 20, seed: int = 1, on_progress: Progress) -> Leaks:
    """Synthetic notes split by our own rule, then `planted` patients and near-duplicates put on a second side."""
    draw = random.Random(seed)  # noqa: S311  texts, not secrets
    texts = synthetic_notes(notes, seed=seed)
    whole: list[SidedNote] = []
    for i, text in enumerate(texts):
        patient = f"P{i // _NOTES_OF_A_PATIENT}"
        side = split_of(patient_key=patient, content_hash=content_hash(text)).value
        whole.append(SidedNote(i, side, patient, text))
    first = check(whole, on_progress=lambda done: on_progress(done, 2 * notes + planted))
    natural = {(t.first, t.second) for t in first.texts}

    train = [note for note in whole if note.side == "train"]
    patients = draw.sample(sorted({note.patient or "" for note in train}), planted)
    moved = {next(n.note_id for n in train if n.patient == patient) for patient in patients}
    leaky = [replace(note, side="test") if note.note_id in moved else note for note in whole]
    long_enough = [n for n in train if len(n.text.split()) >= _WORDS and n.patient not in patients]
    originals = draw.sample(long_enough, planted)
    for i, note in enumerate(originals):
        leaky.append(SidedNote(notes + i, "test", None, _almost(note.text, draw)))
    second = check(leaky, on_progress=lambda done: on_progress(notes + done, 2 * notes + planted))
    wanted = {(note.note_id, notes + i) for i, note in enumerate(originals)}
    reported = {(t.first, t.second) for t in second.texts}
    found = {patient.patient for patient in second.patients}
    return Leaks(
        notes=notes,
        alike_before=len(natural),
        patients_planted=planted,
        patients_found=len(found & set(patients)),
        texts_planted=planted,
        texts_found=len(reported & wanted),
        other=len(reported - wanted - natural) + len(found - set(patients)),
    )


def _almost(text: str, draw: random.Random) -> str:
    """The same note again: a line in front, one word in sixty another."""
    words = text.split(" ")
    for i in draw.sample(range(len(words)), max(1, len(words) // _CHANGED)):
        words[i] = "amended"
    return "Signed again on 3 May.\n" + " ".join(words)


@dataclass(frozen=True, slots=True)
class Labels:
    """spans: of gold. planted: wrong ones among them or missing from them. looked_at: the first 5% of the ranking, in
    number of spans. found: planted errors among these. by_chance: how many as many random places would hold.
    """

    spans: int
    planted: int
    looked_at: int
    found: int
    by_chance: float

    @property
    def recall(self) -> float:
        return self.found / self.planted

    @property
    def times_chance(self) -> float:
        return self.found / self.by_chance


def labels(*, notes: int, share: float = 0.05, seed: int = 1, on_progress: Progress) -> Labels:
    """Gold with a share of errors: half wrong labels, a quarter deleted, a quarter with wrong edges; and a model that
    finds 85% of the truth, 8% of it under a wrong label, 12% with wrong edges, and invents one span in ten.
    """
    draw = random.Random(seed)  # noqa: S311  figures, not secrets
    found: list[OutOfFold] = []
    wrong: set[tuple[int, int]] = set()  # (note, which span of the truth)
    spans = 0
    for note in range(notes):
        gold: list[Span] = []
        predicted: list[ScoredSpan] = []
        for i in range(max(1, round(8 * draw.lognormvariate(0, 0.9)))):
            spans += 1
            truth = Span(20 * i + 4, 20 * i + 4 + draw.randint(3, 9), draw.choice(LABELS))
            given: Span | None = truth
            if draw.random() < share:
                wrong.add((note, i))
                kind = draw.random()
                given = _relabelled(truth, draw) if kind < 0.5 else None if kind < 0.75 else _moved(truth, draw)
            gold += [given] if given else []
            predicted += _answer(truth, draw)
            if draw.random() < 0.1:
                predicted.append(
                    ScoredSpan(Span(20 * i + 16, 20 * i + 19, draw.choice(LABELS)), _score(draw, sure=False))
                )
        found.append(OutOfFold(note, gold, predicted))
        on_progress(note + 1, notes)
    looked_at = round(0.05 * spans)
    first = rank(found)[:looked_at]
    places = {(s.note_id, (s.gold or s.predicted or Span(0, 1, "-")).start // 20) for s in first}
    return Labels(spans, len(wrong), looked_at, len(wrong & places), looked_at * len(wrong) / spans)


def _answer(truth: Span, draw: random.Random) -> list[ScoredSpan]:
    if draw.random() > 0.85:
        return []
    label_right, edges_right = draw.random() > 0.08, draw.random() > 0.12
    span = truth if label_right else _relabelled(truth, draw)
    span = span if edges_right else _moved(span, draw)
    return [ScoredSpan(span, _score(draw, sure=label_right and edges_right))]


def _score(draw: random.Random, *, sure: bool) -> float:
    """Right spans have higher scores, with a good deal of overlap."""
    return draw.betavariate(9, 1.5) if sure else draw.betavariate(4, 3)


def _relabelled(span: Span, draw: random.Random) -> Span:
    return replace(span, label=draw.choice([label for label in LABELS if label != span.label]))


def _moved(span: Span, draw: random.Random) -> Span:
    return (
        replace(span, start=span.start - draw.randint(1, 3)) if draw.random() < 0.5 else replace(span, end=span.end + 2)
    )
