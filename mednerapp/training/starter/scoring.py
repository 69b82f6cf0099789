"""What a starter scores on open corpora that it has not seen, and by cross-validation what its recipe is worth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

from mednerapp import __version__
from mednerapp.domain.datasets import Split
from mednerapp.domain.notes import content_hash
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.ner.loading import Tagger, load_tagger
from mednerapp.ner.manifest import read_manifest, seen_notes, weights_hash
from mednerapp.ner.prediction import predict
from mednerapp.scoring.calibration import ece
from mednerapp.scoring.intervals import Score, bootstrap
from mednerapp.scoring.strict import Counts, count_strict
from mednerapp.training.starter.build import MACCROBAT, Workshop, gold_of, splits
from mednerapp.training.starter.corpora import CorpusNote, corpus_notes, read_notes
from mednerapp.training.starter.recipe import LABELS

FOLDS = 5
FINDINGS: tuple[str, ...] = ("Disease", "Symptom")


@dataclass(frozen=True, slots=True)
class Result:
    """One line of a table: strict scores with bootstrap intervals over the documents."""

    corpus: str
    label: str
    score: Score


@dataclass(frozen=True, slots=True)
class Report:
    """`calibration_error`: mean distance of calibrated score and share right (ECE), over all found spans."""

    results: tuple[Result, ...]
    calibration_error: float | None


def shipped(folder: Path, *, corpora: Path, device: str) -> Report:
    """A starter on what it has not seen: MACCROBAT's test documents, the dev sets of NCBI Disease and BC5CDR.

    BC5CDR calls symptoms diseases too, so there a found Symptom counts as a Disease. Found spans of labels that a
    corpus does not mark are left out.
    """
    tagger = load_tagger(folder, base_folder=None, device=device)
    seen = seen_notes(read_manifest(folder))
    test = _unseen(splits(corpora)[Split.TEST], seen)
    found = predict(tagger, [note.text for note in test])
    results = _per_label("maccrobat test", [gold_of(note) for note in test], _spans(found), tagger.labels)
    error = _calibration_error([gold_of(note) for note in test], found)
    ncbi = _unseen(read_notes(corpora / "ncbi_disease/dev.jsonl.gz"), seen)
    bc5cdr = _unseen(read_notes(corpora / "bc5cdr/dev.jsonl.gz"), seen)
    results += _dev(tagger, "ncbi_disease dev", ncbi, dict.fromkeys(_labels(ncbi), "Disease"), {})
    merged = dict.fromkeys(FINDINGS, " or ".join(FINDINGS))
    theirs = {"Chemical": "Drug", "Disease": merged["Disease"]}
    results += _dev(tagger, "bc5cdr dev", bc5cdr, theirs, merged)
    return Report(tuple(results), error)


def cross_validated(shop: Workshop, *, seed: int, folds: int = FOLDS, jobs: int = 1) -> Report:
    """The recipe on MACCROBAT: every document is predicted by a model that was trained on the other folds.

    Folds go by content hash. The stages before the last one never see MACCROBAT, so they are shared. What the model of
    a fold found is kept in the workshop's folder; a fold that is there, from the same settings, is not computed again.
    `jobs`: folds at a time, each in a process of its own, where the workshop can be sent to one.
    """
    notes = sorted(corpus_notes(MACCROBAT, shop.corpora), key=lambda note: content_hash(note.text))
    parts = [notes[fold::folds] for fold in range(folds)]
    tasks = [(shop, f"fold-{fold + 1}-of-{folds}", notes, held_out, seed + fold) for fold, held_out in enumerate(parts)]
    shop.taught()
    if jobs > 1:
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            by_fold = list(pool.map(_fold, *zip(*tasks, strict=True)))
    else:
        by_fold = [_fold(*task) for task in tasks]
    order, found = list(chain.from_iterable(parts)), list(chain.from_iterable(by_fold))
    return Report(
        tuple(_per_label(f"maccrobat, {folds} folds", [gold_of(note) for note in order], found, LABELS)), None
    )


def _fold(
    shop: Workshop, name: str, notes: Sequence[CorpusNote], held_out: Sequence[CorpusNote], seed: int
) -> list[list[Span]]:
    """The spans that a model trained on the rest finds in these documents."""
    taken = {note.id for note in held_out}
    rest = [note for note in notes if note.id not in taken]
    made_with = {
        "settings": json.loads(json.dumps(asdict(shop.recipe))),
        "seed": seed,
        "encoder": weights_hash(shop.taught()),
        "documents": [content_hash(note.text) for note in held_out],
        "trained_on": [content_hash(note.text) for note in rest],
        "code_version": __version__,
    }
    kept = shop.work / f"{name}{'' if shop.recipe.distilling else '-plain'}.json"
    if kept.is_file():
        record = json.loads(kept.read_text(encoding="utf-8"))
        if record["made_with"] == made_with:
            return [[Span(*span) for span in spans] for spans in record["found"]]
    shop.say(name.replace("-", " "))
    tagger = shop.tagger(rest, seed=seed)
    found = _spans(predict(tagger, [note.text for note in held_out]))
    record = {"made_with": made_with, "found": [[(s.start, s.end, s.label) for s in spans] for spans in found]}
    draft = kept.with_suffix(".partial")
    draft.write_text(json.dumps(record), encoding="utf-8")
    draft.replace(kept)
    return found


def as_lines(report: Report) -> list[str]:
    """The report as lines of text: strict match, 95% intervals by bootstrap over documents."""
    lines = [f"{'':<20}{'':<20}{'docs':>5}{'gold':>7}{'found':>7}{'precision':>11}{'recall':>9}{'F1':>9}  95% interval"]
    for result in report.results:
        score, counts = result.score, result.score.counts
        low, high = score.f1.low, score.f1.high
        interval = f"[{low:.4f}, {high:.4f}]" if low is not None and high is not None else "-"
        lines.append(
            f"{result.corpus:<20}{result.label:<20}{score.notes:>5}{counts.gold:>7}{counts.predicted:>7}"
            f"{score.precision.value or 0:>11.4f}{score.recall.value or 0:>9.4f}{score.f1.value or 0:>9.4f}  {interval}"
        )
    if report.calibration_error is not None:
        lines.append(f"expected calibration error of the scores on maccrobat test: {report.calibration_error:.4f}")
    return lines


def _dev(
    tagger: Tagger, name: str, notes: Sequence[CorpusNote], theirs: Mapping[str, str], ours: Mapping[str, str]
) -> list[Result]:
    """`theirs`: label of the corpus → label of the row; `ours`: the same for ours, which else stay as they are."""
    gold = [[Span(s.start, s.end, theirs[s.label]) for s in note.spans if s.label in theirs] for note in notes]
    rows = tuple(dict.fromkeys(theirs.values()))
    named = [
        [Span(span.start, span.end, ours.get(span.label, span.label)) for span in spans]
        for spans in _spans(predict(tagger, [note.text for note in notes]))
    ]
    found = [[span for span in spans if span.label in rows] for spans in named]
    return _per_label(name, [sorted(set(spans)) for spans in gold], found, rows)


def _per_label(
    corpus: str, gold: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]], labels: Sequence[str]
) -> list[Result]:
    counts = [count_strict(wanted, spans) for wanted, spans in zip(gold, found, strict=True)]
    results = [Result(corpus, label, bootstrap([c.get(label, Counts()) for c in counts])) for label in labels]
    if len(labels) > 1:
        results.append(Result(corpus, "micro", bootstrap([sum(c.values(), Counts()) for c in counts])))
    return results


def _calibration_error(gold: Sequence[Sequence[Span]], found: Sequence[Sequence[ScoredSpan]]) -> float:
    pairs = [(s.score, s.span in set(wanted)) for wanted, spans in zip(gold, found, strict=True) for s in spans]
    return ece([score for score, _ in pairs], [right for _, right in pairs])


def _spans(found: Sequence[Sequence[ScoredSpan]]) -> list[list[Span]]:
    return [[scored.span for scored in spans] for spans in found]


def _unseen(notes: Sequence[CorpusNote], seen: frozenset[str]) -> list[CorpusNote]:
    return [note for note in notes if content_hash(note.text) not in seen]


def _labels(notes: Sequence[CorpusNote]) -> list[str]:
    return sorted({span.label for note in notes for span in note.spans})
