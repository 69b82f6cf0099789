"""The one table of exchange formats: a new format is a file beside this one and a row here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mednerapp.domain.annotations import SpanState
from mednerapp.domain.exchange import EVERYTHING, Document, ExchangeSpan, LossReport, Trait
from mednerapp.errors import NotFound
from mednerapp.formats import (
    bioc_json,
    bioc_xml,
    brat,
    cas_xmi,
    complete,
    conll,
    docbin,
    doccano,
    fhir,
    hf_tokens,
    label_studio,
    medcat,
    prodigy,
    pubtator,
    tables,
)
from mednerapp.formats.losses import (
    Keep,
    Naming,
    as_outer,
    flat,
    in_one_piece,
    keeping,
    labels_of,
    off_blanks,
    off_line_ends,
    one_line_comments,
    only_xml,
    with_span_ids,
)
from mednerapp.formats.reading import Read, safe_name
from mednerapp.formats.writing import Source


@dataclass(frozen=True, slots=True)
class Format:
    """A row of the table.

    ending: of the file, without a dot. unit: what offsets count in the file, for the page. new_keep: makes what takes
    out of documents what the format cannot hold; a fresh one for each file, as it may give names. write: the bytes of
    documents that went through it. read: documents and what is none, in order; a file of another format raises
    RejectedNote.
    """

    key: str
    name: str
    ending: str
    media_type: str
    unit: str
    new_keep: Callable[[], Keep]
    write: Callable[[Source], Iterator[bytes]]
    read: Callable[[Path], Iterator[Read]]

    def export(self, documents: Callable[[], Iterable[Document]]) -> Iterator[bytes]:
        """The file. `documents` is called as often as the format goes over them; each time it gives the same."""

        def kept() -> Iterator[Document]:
            keep, report = self.new_keep(), LossReport()
            return (keep(document, report) for document in documents())

        return self.write(kept)

    def losses(self, documents: Iterable[Document]) -> LossReport:
        """What `export` would leave out of the documents."""
        keep, report = self.new_keep(), LossReport()
        for document in documents:
            keep(document, report)
        return report


_NOTE = frozenset({Trait.TITLE, Trait.SOURCE, Trait.PATIENT, Trait.NOTE_TYPE, Trait.WRITTEN_ON})
_PEOPLE = frozenset({Trait.ANNOTATOR, Trait.SUBMITTED})
_ALL_BUT_HISTORY = EVERYTHING - {Trait.HISTORY}
_MARKS = frozenset({Trait.STATE, Trait.ORIGIN, Trait.SCORE, Trait.MODEL, Trait.ASSERTION, Trait.COMMENT, Trait.UNSURE})


def _of_label_studio(document: Document, report: LossReport) -> Document:
    """Regions are confirmed, predictions suggested; only a prediction names its model."""
    kept: list[ExchangeSpan] = []
    for item in document.spans:
        if item.state is SpanState.REJECTED:
            report.count("rejected spans")
            continue
        named = bool(item.model) and item.state is SpanState.CONFIRMED
        report.count(Trait.MODEL, named)
        kept.append(replace(item, model="") if named else item)
    return replace(document, spans=tuple(kept))


def _of_medcat(document: Document, report: LossReport) -> Document:
    """An accuracy of 1 is what stands there when there is no score."""
    certain = [item.score == 1 for item in document.spans]
    report.count(Trait.SCORE, sum(certain))
    spans = (replace(item, score=None) if c else item for item, c in zip(document.spans, certain, strict=True))
    return replace(document, spans=tuple(spans))


def _first_code(document: Document, report: LossReport) -> Document:
    spans: list[ExchangeSpan] = []
    for item in document.spans:
        report.count(Trait.CONCEPTS, max(0, len(item.concepts) - 1))
        spans.append(replace(item, concepts=item.concepts[:1]))
    return replace(document, spans=tuple(spans))


def _naming() -> Naming:
    return Naming(safe_name)


_NAMED = frozenset({Trait.ID})
_CODES = frozenset({Trait.CONCEPTS, Trait.OVERLAPS})
_NO_BREAKS = labels_of(r"\s")
CODE_POINTS, UTF16, TOKENS = "code points", "UTF-16 units", "tokens"

_ROWS = (
    Format(
        "jsonl", "MedNER JSON lines (complete)", "jsonl", "application/jsonl", CODE_POINTS,
        lambda: keeping(EVERYTHING), complete.write, complete.read,
    ),
    Format(
        "brat", "brat standoff", "zip", "application/zip", CODE_POINTS,
        lambda: keeping(
            _NAMED | _CODES | _MARKS | {Trait.FRAGMENTS}, off_line_ends, _NO_BREAKS, _brat_words, one_line_comments,
            _naming(),
        ), brat.write, brat.read,
    ),
    Format(
        "conll-bio", "CoNLL, BIO tags", "zip", "application/zip", TOKENS,
        lambda: keeping(_NAMED, off_blanks, flat, _NO_BREAKS, _naming()), conll.write, conll.read,
    ),
    Format(
        "conll-bioes", "CoNLL, BIOES tags", "zip", "application/zip", TOKENS,
        lambda: keeping(_NAMED, off_blanks, flat, _NO_BREAKS, _naming()),
        partial(conll.write, bioes=True), conll.read,
    ),
    Format(
        "doccano", "doccano JSON lines", "jsonl", "application/jsonl", UTF16,
        lambda: keeping(_NAMED | _NOTE | _PEOPLE | {Trait.OVERLAPS}, as_outer), doccano.write, doccano.read,
    ),
    Format(
        "label-studio", "Label Studio JSON", "json", "application/json", UTF16,
        lambda: keeping(
            _NAMED | _NOTE | _MARKS | {Trait.SPAN_ID, Trait.OVERLAPS}, as_outer, _of_label_studio, with_span_ids
        ), label_studio.write, label_studio.read,
    ),
    Format(
        "spacy", "spaCy DocBin", "zip", "application/zip", TOKENS,
        lambda: keeping(
            _NAMED | _NOTE | _PEOPLE | _CODES | {Trait.SPAN_ID}, in_one_piece, off_blanks, _first_code
        ), docbin.write, docbin.read,
    ),
    Format(
        "prodigy", "Prodigy JSON lines", "jsonl", "application/jsonl", CODE_POINTS,
        lambda: keeping(_NAMED | _NOTE | _PEOPLE | {Trait.OVERLAPS}, in_one_piece, off_blanks),
        prodigy.write, prodigy.read,
    ),
    Format(
        "bioc-xml", "BioC XML", "xml", "application/xml", CODE_POINTS,
        lambda: keeping(_ALL_BUT_HISTORY, only_xml, with_span_ids), bioc_xml.write, bioc_xml.read,
    ),
    Format(
        "bioc-json", "BioC JSON", "json", "application/json", CODE_POINTS,
        lambda: keeping(_ALL_BUT_HISTORY, with_span_ids), bioc_json.write, bioc_json.read,
    ),
    Format(
        "pubtator", "PubTator", "txt", "text/plain", CODE_POINTS,
        lambda: keeping(
            _NAMED | _CODES, as_outer, pubtator.one_line, labels_of(r"\t\n\r"), pubtator.one_code,
            Naming(pubtator.name),
        ), pubtator.write, pubtator.read,
    ),
    Format(
        "uima-xmi", "UIMA CAS XMI", "zip", "application/zip", UTF16,
        lambda: keeping(_ALL_BUT_HISTORY, only_xml, _naming()), cas_xmi.write, cas_xmi.read,
    ),
    Format(
        "hf-tokens", "Hugging Face token rows", "zip", "application/zip", TOKENS,
        lambda: keeping(_NAMED, off_blanks, flat), hf_tokens.write, hf_tokens.read,
    ),
    Format(
        "medcat", "MedCATtrainer JSON", "json", "application/json", CODE_POINTS,
        lambda: keeping(
            _NAMED
            | {Trait.STATE, Trait.ORIGIN, Trait.SCORE, Trait.ASSERTION, Trait.COMMENT, Trait.OVERLAPS},
            as_outer, _of_medcat,
        ), medcat.write, medcat.read,
    ),
    Format(
        "csv", "CSV tables", "zip", "application/zip", CODE_POINTS,
        lambda: keeping(_ALL_BUT_HISTORY), tables.write, tables.read,
    ),
    Format(
        "fhir", "FHIR R4 Bundle", "json", "application/fhir+json", CODE_POINTS,
        lambda: keeping(_ALL_BUT_HISTORY), fhir.write, fhir.read,
    ),
)  # fmt: skip


def _brat_words(document: Document, report: LossReport) -> Document:
    """An attribute's value is one word."""
    spans: list[ExchangeSpan] = []
    for item in document.spans:
        model = "_".join(item.model.split())
        report.count("names of models written with other characters", model != item.model)
        spans.append(replace(item, model=model))
    return replace(document, spans=tuple(spans))


FORMATS: dict[str, Format] = {row.key: row for row in _ROWS}


def format_named(key: str) -> Format:
    """Raises NotFound, which names the formats that there are."""
    if key not in FORMATS:
        raise NotFound(f"There is no format {key!r}. There are: {', '.join(FORMATS)}.")
    return FORMATS[key]
