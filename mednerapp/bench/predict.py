"""Prediction: our engine against `transformers.pipeline` on the same notes, weights and threads, in one run.

    python -m mednerapp.bench.predict [--size base|small|tiny|FOLDER] [--notes 200] [--threads 1] [--repeats 3]
                                      [--device cpu|cuda] [--corpus FILE.jsonl.gz] [--json]

This module needs torch, transformers, peft, numpy and regex; no database and no settings.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from mednerapp.bench.engines import SIZES, Bench, Ours, Products, open_bench
from mednerapp.bench.notes import synthetic_notes
from mednerapp.bench.peak import matrix_peak, synchronize
from mednerapp.domain.devices import Precision
from mednerapp.domain.notes import content_hash
from mednerapp.domain.spans import Span
from mednerapp.ner.compiled import Compiled
from mednerapp.ner.kernels import has_bf16, has_int8
from mednerapp.ner.loading import pick_device
from mednerapp.ner.manifest import seen_notes
from mednerapp.ner.prediction import predict
from mednerapp.scoring.strict import Counts, count_strict, micro, precision_recall_f1

T = TypeVar("T")
PER_NOTE, BATCHED = "pipeline, per note", "pipeline, batch 8"
PRODUCTS = "our products alone"  # fp32 on a CPU
# The labels of MACCROBAT that are ours, renamed, as for the starter.
_MACCROBAT = {
    "Disease_disorder": "Disease",
    "Sign_symptom": "Symptom",
    "Medication": "Drug",
    "Therapeutic_procedure": "Procedure",
    "Diagnostic_procedure": "Test",
}
NAMES: dict[Precision, str] = {"fp32": "ours", "bf16": "ours, bf16", "int8": "ours, int8"}


@dataclass(slots=True)
class Timing:
    """Seconds of each repetition. work: floating-point operations on real tokens, the same for each."""

    work: float
    wall: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])

    def summary(self, tokens: int, peak: float, faster: Timing, *, by_cpu: bool) -> dict[str, float]:
        wall, cpu = statistics.median(self.wall), statistics.median(self.cpu)
        ratios = zip(faster.wall, self.wall, faster.cpu, self.cpu, strict=True)
        wall_ratios, cpu_ratios = zip(*((a / b, c / d) for a, b, c, d in ratios), strict=True)
        return {
            "wall_seconds": wall,
            "cpu_seconds": cpu,
            "tokens_per_second": tokens / wall,
            "share_of_peak": self.work / (cpu if by_cpu else wall) / peak,
            "wall_ratio": statistics.median(wall_ratios),
            "cpu_ratio": statistics.median(cpu_ratios),
        }


def work_of(windows: Sequence[int], layers: int, width: int, *, attention: bool = True) -> float:
    """Floating-point operations of an encoder on windows of so many tokens: linear layers and attention, no padding."""
    return float(sum(layers * (24 * width**2 * n + attention * 4 * width * n**2) for n in windows))


def measure(bench: Bench, texts: Sequence[str], *, device: str, repeats: int) -> dict[str, Timing]:
    """Every engine on all notes, in an order that turns from repetition to repetition, after a few notes to warm up."""
    engines: dict[str, Callable[[Sequence[str]], None]] = {
        PER_NOTE: bench.pipelines[1].run,
        BATCHED: bench.pipelines[8].run,
        **{NAMES[precision]: ours.run for precision, ours in bench.ours.items()},
    }
    plain = bench.ours["fp32"]
    if device == "cpu" and isinstance(plain.tagger.compiled, Compiled):
        engines[PRODUCTS] = Products(plain.tagger.compiled, plain.windows, bench.width).run
    for run in engines.values():
        run(texts[:8])
    for ours in bench.ours.values():
        ours.notes = ours.tagger.words.encode(texts)
    theirs = [len(ids) for text in texts for ids, _ in bench.pipelines[1].chunks(text)]
    mine = next(iter(bench.ours.values())).windows()
    timings = {
        name: Timing(work_of(theirs if name in (PER_NOTE, BATCHED) else mine, bench.layers, bench.width))
        for name in engines
    }
    if PRODUCTS in engines:
        timings[PRODUCTS].work = work_of(mine, bench.layers, bench.width, attention=False)
    names = list(engines)
    for turn in range(repeats):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            synchronize(device)
            wall, cpu = time.perf_counter(), time.process_time()
            engines[name](texts)
            synchronize(device)
            timings[name].wall.append(time.perf_counter() - wall)
            timings[name].cpu.append(time.process_time() - cpu)
    return timings


def agreement(bench: Bench, texts: Sequence[str]) -> dict[str, Any]:
    """Whether the engines say the same: pieces, tags of tokens, spans."""
    ours, pipe = bench.ours["fp32"], bench.pipelines[1]
    same_pieces = one_window = one_window_tokens = equal_tokens = windowed_tokens = equal_windowed = 0
    for text, note, scores in zip(texts, ours.notes, ours.scores, strict=True):
        ids, tags, chunks = pipe.tags(text)
        if not np.array_equal(ids, note.ids):
            continue
        same_pieces += 1
        equal = int((tags == scores.argmax(axis=1)).sum())
        if chunks == 1 and len(note.ids) <= ours.tagger.window.size:
            one_window, one_window_tokens, equal_tokens = (
                one_window + 1,
                one_window_tokens + len(ids),
                equal_tokens + equal,
            )
        else:
            windowed_tokens, equal_windowed = windowed_tokens + len(ids), equal_windowed + equal
    answer: dict[str, Any] = {
        "notes": len(texts),
        "notes_with_equal_pieces": same_pieces,
        "notes_in_one_window": one_window,
        "tokens_in_one_window": one_window_tokens,
        "unequal_tags_in_one_window": one_window_tokens - equal_tokens,
        "tokens_in_several_windows": windowed_tokens,
        "equal_tags_in_several_windows": _share(equal_windowed, windowed_tokens),
        **_span_agreement(ours, pipe.spans, texts),
    }
    for precision, small in _shorter(bench.ours):
        pairs = list(zip(ours.scores, small.scores, strict=True))
        same = sum(int((a.argmax(axis=1) == b.argmax(axis=1)).sum()) for a, b in pairs)
        answer[f"{precision}_equal_tags"] = _share(same, sum(len(a) for a, _ in pairs))
        answer[f"{precision}_equal_spans"] = _same_share(_plain(ours), _plain(small))
    return answer


def _shorter(by_precision: dict[Precision, T]) -> list[tuple[Precision, T]]:
    return [(precision, one) for precision, one in by_precision.items() if precision != "fp32"]


def _span_agreement(ours: Ours, theirs: Sequence[Sequence[Span]], texts: Sequence[str]) -> dict[str, Any]:
    """How many of the pipeline's spans are ours too, and how many of the others begin or end inside a word."""
    total = same = inside = 0
    for note, mine, found in zip(ours.notes, _plain(ours), theirs, strict=True):
        starts, ends = set(note.starts.tolist()), set(note.ends.tolist())
        others = set(found) - mine
        total, same = total + len(found), same + len(found) - len(others)
        inside += sum(span.start not in starts or span.end not in ends for span in others)
    return {"pipeline_spans": total, "also_ours": same, "of_the_others_cutting_a_word": inside, "texts": len(texts)}


def _plain(ours: Ours) -> list[set[Span]]:
    return [{scored.span for scored in spans} for spans in ours.spans]


def _same_share(a: Sequence[set[Span]], b: Sequence[set[Span]]) -> float:
    """Spans in both, of the mean number of spans."""
    both = sum(len(x & y) for x, y in zip(a, b, strict=True))
    return _share(2 * both, sum(map(len, chain(a, b))))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def score_corpus(bench: Bench, path: Path) -> dict[str, Any]:
    """Strict micro F1 of each precision on the notes of a corpus that the model has not learnt from.

    The corpus: gzipped JSON lines with text and spans of start, end and label; labels are ours or those of MACCROBAT,
    others are left out.
    """
    first = next(iter(bench.ours.values())).tagger
    seen = seen_notes(first.manifest) if first.manifest else frozenset[str]()
    texts: list[str] = []
    gold: list[list[Span]] = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for record in map(json.loads, file):
            if content_hash(record["text"]) not in seen:
                texts.append(record["text"])
                spans = (_span(one) for one in record["spans"])
                gold.append(sorted({span for span in spans if span.label in first.labels}))
    answer: dict[str, Any] = {"notes": len(texts)}
    found: dict[Precision, list[set[Span]]] = {}
    for precision, ours in bench.ours.items():
        spans = [[scored.span for scored in note] for note in predict(ours.tagger, texts)]
        found[precision] = [set(note) for note in spans]
        counts = sum((micro(count_strict(g, s)) for g, s in zip(gold, spans, strict=True)), Counts())
        answer[f"{precision}_f1"] = precision_recall_f1(counts).f1
    for precision, spans in _shorter(found):
        answer[f"{precision}_equal_spans"] = _same_share(found["fp32"], spans)
    return answer


def _span(one: dict[str, Any]) -> Span:
    return Span(one["start"], one["end"], _MACCROBAT.get(str(one["label"]), str(one["label"])))


def run(given: argparse.Namespace) -> dict[str, Any]:
    device = pick_device(given.device)
    cuda = device.startswith("cuda")
    torch.set_num_threads(given.threads)
    by_cpu = not cuda and given.threads == 1  # the same in quiet, and right beside other programs as well
    here: dict[Precision, bool] = {"fp32": True, "bf16": not cuda and has_bf16(), "int8": not cuda and has_int8()}
    precisions: list[Precision] = [precision for precision, possible in here.items() if possible]
    texts = synthetic_notes(given.notes, seed=given.seed)
    before = matrix_peak(device, by_cpu=by_cpu)
    bench = open_bench(given.size, device=device, precisions=precisions)
    timings = measure(bench, texts, device=device, repeats=given.repeats)
    peak = max(before, matrix_peak(device, by_cpu=by_cpu))
    ours = bench.ours["fp32"]
    tokens = sum(len(note.ids) for note in ours.notes)
    faster = min((PER_NOTE, BATCHED), key=lambda n: statistics.median(timings[n].cpu if by_cpu else timings[n].wall))
    return {
        "model": bench.title,
        "device": torch.cuda.get_device_name(device) if cuda else "cpu",
        "arithmetic": "bf16" if cuda else "fp32",
        "threads": given.threads,
        "repeats": given.repeats,
        "notes": len(texts),
        "tokens": tokens,
        "longest_note": max(len(note.ids) for note in ours.notes),
        "window": [ours.tagger.window.size, ours.tagger.window.overlap],
        "pipeline_stride": bench.pipelines[1].stride,
        "peak_gflops": peak / 1e9,
        "faster_pipeline": faster,
        "engines": {name: t.summary(tokens, peak, timings[faster], by_cpu=by_cpu) for name, t in timings.items()},
        "agreement": agreement(bench, texts),
        "corpus": score_corpus(bench, given.corpus) if given.corpus else None,
    }


def report(result: dict[str, Any]) -> str:
    r, same = result, result["agreement"]
    lines = [
        f"{r['model']} · {r['device']} · {r['arithmetic']} · {r['threads']} thread(s) · {r['repeats']} repetitions",
        (
            f"{r['notes']} notes, {r['tokens']:,} tokens, the longest {r['longest_note']:,}; our windows "
            f"{r['window'][0]} tokens with {r['window'][1]} shared; the pipeline's up to 512 "
            f"with stride={r['pipeline_stride']}"
        ),
        f"measured matrix-product peak: {r['peak_gflops']:,.0f} GFLOP/s",
        "",
        f"{'':20}{'wall s':>9}{'CPU s':>9}{'tokens/s':>11}{'of peak':>9}{'wall x':>8}{'CPU x':>8}",
    ]
    for name, e in r["engines"].items():
        lines.append(
            f"{name:20}{e['wall_seconds']:9.2f}{e['cpu_seconds']:9.2f}{e['tokens_per_second']:11,.0f}"
            f"{e['share_of_peak']:9.0%}{e['wall_ratio']:8.2f}{e['cpu_ratio']:8.2f}"
        )
    lines += [
        f"Medians; x: times the speed of the {r['faster_pipeline']}, pair by pair. Of peak: operations on real tokens.",
        "",
        f"equal pieces: {same['notes_with_equal_pieces']} of {same['notes']} notes",
        (
            f"token tags, notes in one window ({same['notes_in_one_window']}): {same['unequal_tags_in_one_window']} of "
            f"{same['tokens_in_one_window']:,} differ"
        ),
        (
            f"token tags, longer notes (windows differ): {same['equal_tags_in_several_windows']:.2%} of "
            f"{same['tokens_in_several_windows']:,} equal"
        ),
        (
            f"spans: {same['also_ours']:,} of the pipeline's {same['pipeline_spans']:,} are ours too; of the others "
            f"{same['of_the_others_cutting_a_word']:,} cut a word"
        ),
    ]
    lines += [
        f"{name}: {same[f'{name}_equal_tags']:.2%} of tags, {same[f'{name}_equal_spans']:.2%} of spans as in fp32"
        for name in NAMES
        if f"{name}_equal_tags" in same
    ]
    if r["corpus"]:
        figures = ", ".join(
            f"{key.replace('_', ' ')} {value:.4f}" for key, value in r["corpus"].items() if key != "notes"
        )
        lines.append(f"corpus, {r['corpus']['notes']} notes that the model has not learnt from: {figures}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="mednerapp bench predict", description="Ours against the pipeline.")
    parser.add_argument("--size", default="base", help=f"{', '.join(SIZES)} (random weights) or a model folder")
    parser.add_argument("--notes", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="of the notes")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ...")
    parser.add_argument("--corpus", type=Path, help="gzipped JSON lines (text, spans) to score a model folder on")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    if given.notes < 1 or given.repeats < 1 or given.threads < 1:
        parser.error("--notes, --repeats and --threads are at least 1")
    if given.size not in SIZES and not Path(given.size).is_dir():
        parser.error(f"--size {given.size!r} is neither a model folder nor one of {', '.join(SIZES)}")
    os.environ.setdefault("RAYON_NUM_THREADS", str(given.threads))  # of the tokenizers
    result = run(given)
    sys.stdout.write((json.dumps(result, indent=2) if given.json else report(result)) + "\n")


if __name__ == "__main__":
    main()
