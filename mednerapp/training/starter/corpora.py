"""What each open corpus says about the product's labels, and what it leaves open.

A corpus that marks drugs and diseases says nothing of tests: a plain "O" on its tests would teach that tests are
nothing. So every token gets the set of tags that its corpus allows, and the loss sums over that set. Beside it stand
the corpus's own labels, for a head of its own.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mednerapp.domain.notes import normalise_text
from mednerapp.domain.spans import Span, without_overlaps
from mednerapp.errors import ModelProblem
from mednerapp.ner.alignment import EncodedNote, token_tags, word_tags
from mednerapp.ner.words import IntArray

BoolArray = NDArray[np.bool_]
ANYTHING = frozenset({"*"})  # a span of which the corpus does not say what it would be here


@dataclass(frozen=True, slots=True)
class CorpusSpec:
    """One corpus.

    files: paths below the corpora folder, without `.jsonl.gz`.
    means: its label → the labels of the product that it may be; ANYTHING: no statement about these words.
    silent_on: labels of the product that it leaves unmarked in places, so that its unmarked words may be such.
    own: its labels that get a head of their own.
    """

    name: str
    files: tuple[str, ...]
    means: Mapping[str, frozenset[str]]
    silent_on: frozenset[str]
    own: tuple[str, ...]


def _some(*labels: str) -> frozenset[str]:
    return frozenset(labels)


_FINDING = _some("Disease", "Symptom")

# The labels of MACCROBAT that are ours, renamed.
MACCROBAT_LABELS = {
    "Disease_disorder": "Disease",
    "Sign_symptom": "Symptom",
    "Medication": "Drug",
    "Therapeutic_procedure": "Procedure",
    "Diagnostic_procedure": "Test",
}

CORPORA: dict[str, CorpusSpec] = {
    spec.name: spec
    for spec in (
        CorpusSpec(
            "maccrobat",
            ("maccrobat/train",),
            {theirs: _some(ours) for theirs, ours in MACCROBAT_LABELS.items()},
            frozenset(),
            (
                "Diagnostic_procedure", "Sign_symptom", "Biological_structure", "Detailed_description", "Lab_value",
                "Disease_disorder", "Medication", "Therapeutic_procedure", "Date", "Clinical_event", "History",
                "Severity", "Dosage", "Nonbiological_location", "Duration", "Coreference", "Administration",
            ),
        ),
        CorpusSpec(
            "bc5cdr",
            ("bc5cdr/train",),
            {"Chemical": _some("Drug"), "Disease": _FINDING},
            _some("Symptom", "Procedure", "Test"),
            ("Chemical", "Disease"),
        ),
        CorpusSpec(
            "ncbi_disease",
            ("ncbi_disease/train",),
            dict.fromkeys(("SpecificDisease", "DiseaseClass", "CompositeMention", "Modifier"), _some("Disease")),
            _some("Symptom", "Drug", "Procedure", "Test"),
            ("SpecificDisease", "Modifier", "DiseaseClass", "CompositeMention"),
        ),
        CorpusSpec(
            "chia",
            ("chia/all",),
            {
                "Condition": _FINDING,
                "Drug": _some("Drug"),
                "Procedure": _some("Procedure", "Test"),
                "Measurement": _some("Test"),
                **dict.fromkeys(("Observation", "Device", "Non-query-able", "Parsing_Error", "Grammar_Error",
                                 "Context_Error", "Non-representable", "Undefined_semantics",
                                 "Pregnancy_considerations", "Post-eligibility", "Competing_trial"), ANYTHING),
            },
            _some("Symptom"),
            ("Condition", "Qualifier", "Value", "Drug", "Procedure", "Temporal", "Measurement", "Person", "Observation",
             "Negation", "Device"),
        ),
        CorpusSpec(
            "phee",
            ("phee/train",),
            {"Drug": _some("Drug"), "Treat-Disorder": _FINDING, "Sub-Disorder": _FINDING, "Effect": ANYTHING},
            _some("Disease", "Symptom", "Procedure", "Test"),
            ("Drug", "Effect", "Treat-Disorder", "Sub-Disorder", "Age", "Dosage", "Route", "Duration"),
        ),
        CorpusSpec(
            "neurotrialner",
            ("neurotrialner/train",),
            {
                "CONDITION": _FINDING,
                "DRUG": _some("Drug"),
                "SURGICAL": _some("Procedure"),
                "RADIOTHERAPY": _some("Procedure"),
                "PHYSICAL": _some("Procedure"),
                **dict.fromkeys(("OTHER", "BEHAVIOURAL", "CONTROL"), ANYTHING),
            },
            _some("Symptom", "Test"),
            ("CONDITION", "OTHER", "DRUG", "PHYSICAL", "CONTROL", "BEHAVIOURAL", "SURGICAL", "RADIOTHERAPY"),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CorpusNote:
    """A document with the spans of its corpus, under the corpus's own labels."""

    id: str
    text: str
    spans: tuple[Span, ...]


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a gzipped JSON-lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def records_hash(path: Path) -> str:
    """SHA-256 (hex) of a gzipped file's content, however it was packed."""
    with gzip.open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # pyright: ignore[reportArgumentType]


def read_notes(path: Path) -> list[CorpusNote]:
    """Raises ModelProblem for a text that the product would change at import: its offsets could not be trusted."""
    notes: list[CorpusNote] = []
    for record in read_records(path):
        if normalise_text(record["text"]) != record["text"]:
            raise ModelProblem(f"The text of {record['id']} is not normalised; its offsets cannot be trusted.")
        spans = {Span(s["start"], s["end"], s["label"]) for s in record["spans"]}
        notes.append(CorpusNote(record["id"], record["text"], tuple(sorted(spans))))
    return notes


# Documents that the starter is scored on. PHEE's sentences come from abstracts that may be among them.
HELD_OUT = ("bc5cdr/dev", "ncbi_disease/dev")


def corpus_notes(spec: CorpusSpec, folder: Path) -> list[CorpusNote]:
    """The notes of a corpus below the corpora folder, without those whose document is held out for scoring.

    An id is that of the document, for PHEE followed by `_` and a number.
    """
    held_out = {record["id"] for name in HELD_OUT for record in read_records(folder / f"{name}.jsonl.gz")}
    notes = [note for name in spec.files for note in read_notes(folder / f"{name}.jsonl.gz")]
    return [note for note in notes if note.id.partition("_")[0] not in held_out]


def own_tags(note: CorpusNote, encoded: EncodedNote, spec: CorpusSpec) -> IntArray:
    """Tags (tokens,) of the corpus's own labels, in the order of `bio_tags`; of overlapping spans the longest."""
    spans = without_overlaps([span for span in note.spans if span.label in spec.own])
    return token_tags(encoded, word_tags(encoded, spans, spec.own))


def allowed_tags(note: CorpusNote, encoded: EncodedNote, spec: CorpusSpec, labels: tuple[str, ...]) -> BoolArray:
    """Which of `bio_tags(labels)` each token may have; (tokens, tags), at least one true in each row.

    Unmarked words may be outside, or part of a label that the corpus is silent on. A marked span may be any of the
    labels that its own label may mean. Words that two statements contradict on may be anything.
    """
    tags = 1 + 2 * len(labels)
    outside = np.zeros(tags, dtype=np.bool_)
    outside[0] = True
    for label in spec.silent_on:
        k = labels.index(label)
        outside[1 + 2 * k : 3 + 2 * k] = True
    allowed = np.tile(outside, (len(encoded.ids), 1))
    means = {label: meaning for label, meaning in spec.means.items() if meaning != ANYTHING}
    kept = without_overlaps([span for span in note.spans if span.label in means])
    open_spans = [span for span in note.spans if spec.means.get(span.label) == ANYTHING]
    for span in open_spans:
        allowed[_tokens(span, encoded)] = True
    for span in kept:
        inside = _tokens(span, encoded)
        if inside.start == inside.stop:
            continue
        ks = np.asarray([labels.index(label) for label in sorted(means[span.label])])
        allowed[inside] = False
        allowed[inside, 2 + 2 * ks[:, None]] = True
        allowed[inside.start] = False
        allowed[inside.start, 1 + 2 * ks] = True
    return allowed


def _tokens(span: Span, encoded: EncodedNote) -> slice:
    """The tokens of all words that a span touches."""
    first = int(np.searchsorted(encoded.ends, span.start, side="right"))
    stop = int(np.searchsorted(encoded.starts, span.end, side="left"))
    if first >= stop:
        return slice(0, 0)
    after = int(encoded.first_token[stop]) if stop < len(encoded.first_token) else len(encoded.ids)
    return slice(int(encoded.first_token[first]), after)
