"""Training: our loop against `transformers.Trainer` with peft, in speed, memory and dev F1.

    python -m mednerapp.bench.train [--threads 1] [--device cuda] [--json]
    python -m mednerapp.bench.train --quality --corpus CORPORA/maccrobat/train.jsonl.gz [--out runs.jsonl]

Speed is measured on random weights and random windows of about 400 tokens, each variant in a process of its own, so
that its peak memory is its own. Every variant sees the same windows in batches of 16, with LoRA of rank 8 on query and
value. This module needs torch, transformers, peft, accelerate and numpy; no database and no settings.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import BertConfig, BertForTokenClassification

import mednerapp
from mednerapp.bench.training_runs import LABELS, KeptRuns, Outcome, fit_ours, fit_usually, open_site, run
from mednerapp.domain.models import HyperParameters
from mednerapp.domain.presets import PRESETS
from mednerapp.errors import MedNerError, ModelProblem
from mednerapp.ner.loading import pick_device, quiet
from mednerapp.ner.tags import bio_tags
from mednerapp.scoring.intervals import bootstrap_mean
from mednerapp.scoring.seeds import over_seeds
from mednerapp.training.encoding import IGNORED, Example

VOCABULARY = 30_522
LORA = HyperParameters(epochs=1, batch_size=16, rank=8, alpha=16, targets=("query", "value"))
STARTER = Path(mednerapp.__file__).parent / "assets" / "starter"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to train. `top`: whether only the top layers are adapted, over stored results of the lower ones."""

    name: str
    title: str
    usual: bool = False
    top: bool = False


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("trainer", "transformers.Trainer + peft", usual=True),
        Variant("all", "ours, every layer"),
        Variant("top", "ours, top layers, the lower ones computed once", top=True),
    )
}


def windows(count: int, *, mean: int = 400, seed: int = 0) -> list[Example]:
    """Random windows of 32 to 512 tokens, the special ones included, with random tags."""
    draw = np.random.default_rng(seed)
    lengths = np.clip(draw.normal(mean + 8, 90, count), 32, 512).astype(int)
    made: list[Example] = []
    for length in lengths.tolist():
        tags = draw.integers(0, len(bio_tags(LABELS)), length)
        tags[[0, -1]] = IGNORED
        made.append(Example(draw.integers(1000, VOCABULARY, length), tags))
    return made


def measure(variant: Variant, given: argparse.Namespace) -> dict[str, Any]:
    """One variant, in this process: seconds, tokens and peak memory (bytes)."""
    device = pick_device(given.device)
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    size = {"hidden_size": given.width, "num_hidden_layers": given.layers, "num_attention_heads": given.width // 64}
    config = BertConfig(
        vocab_size=VOCABULARY,
        intermediate_size=4 * given.width,
        id2label=dict(enumerate(bio_tags(LABELS))),
        label2id={tag: i for i, tag in enumerate(bio_tags(LABELS))},
        attention_probs_dropout_prob=0.0,  # the Trainer's is set to what BERT has
        **size,
    )
    hyper = replace(LORA, lora_layers=given.top_layers if variant.top else None)
    train = fit_usually if variant.usual else fit_ours
    with quiet():
        # What is done only once (libraries opened, memory asked for) is none of the loop.
        small = BertConfig(**{**config.to_dict(), "num_hidden_layers": given.top_layers + 1})
        train(BertForTokenClassification(small), windows(2, mean=40), hyper=hyper, device=device)
        model = BertForTokenClassification(config)
    examples = windows(16 * given.steps)
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    timing = train(model, examples, hyper=hyper, device=device)
    on_cpu = device == "cpu"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 if on_cpu else torch.cuda.max_memory_allocated()
    tokens = sum(len(example.ids) for example in examples)
    return {
        "variant": variant.name,
        "tokens": tokens,
        "windows": len(examples),
        "wall": timing.wall,
        "cpu": timing.cpu,
        "before": timing.before,
        "tokens_per_second": tokens / timing.wall,
        "peak_bytes": peak,
    }


def compare_speed(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Every variant in a process of its own."""
    rows: list[dict[str, Any]] = []
    for name in given.variants:
        settings = ["--variant", name, "--device", given.device, "--threads", str(given.threads)]
        settings += ["--layers", str(given.layers), "--width", str(given.width), "--steps", str(given.steps)]
        settings += ["--top-layers", str(given.top_layers)]
        command = [sys.executable, "-m", "mednerapp.bench.train", *settings]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise ModelProblem(f"The measurement of {name!r} failed:\n{ended.stderr[-2000:]}")
        rows.append(json.loads(ended.stdout.splitlines()[-1]))
    usual = next((row for row in rows if row["variant"] == "trainer"), rows[0])
    for row in rows:
        row["wall_ratio"] = usual["wall"] / row["wall"]
        row["cpu_ratio"] = usual["cpu"] / row["cpu"]
        row["memory_share"] = row["peak_bytes"] / usual["peak_bytes"]
        row["wall_ratio_of_ten_epochs"] = 10 * usual["wall"] / (10 * row["wall"] + row["before"])
    return rows


def print_speed(rows: Sequence[dict[str, Any]], given: argparse.Namespace) -> None:
    count = rows[0]["windows"]
    _say(
        f"{given.layers}x{given.width}, random weights, {count} windows of {rows[0]['tokens'] / count:.0f} tokens on "
        f"average, {given.device}, {given.threads} threads; LoRA r=8 on query and value; batches of 16"
    )
    _say(f"{'':<48}{'tokens/s':>9}{'wall':>8}{'CPU':>8}{'10 epochs':>11}{'peak':>10}{'share':>7}")
    for row in rows:
        ratios = [f"{row.get(key, 1.0):.2f}x" for key in ("wall_ratio", "cpu_ratio", "wall_ratio_of_ten_epochs")]
        _say(
            f"{VARIANTS[row['variant']].title:<48}{row['tokens_per_second']:>9.0f}{ratios[0]:>8}{ratios[1]:>8}"
            f"{ratios[2]:>11}{row['peak_bytes'] / 2**30:>7.2f} GiB{row.get('memory_share', 1.0):>7.0%}"
        )
    _say(
        "wall, CPU: times the Trainer's tokens per second; 10 epochs: with what is computed once before, spread over "
        "ten epochs."
    )


def compare_quality(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Dev F1 at the best epoch, over seeds, of every variant on the same encoder with a new head."""
    device = pick_device(given.device)
    torch.set_num_threads(given.threads)
    site = open_site(given.encoder, given.corpus)
    top = max(1, site.layers // 3)
    settings = LORA if given.same_targets else replace(PRESETS["lora"].hyper, batch_size=16)
    settings = replace(settings, epochs=given.epochs, learning_rate=given.learning_rate)
    kept = KeptRuns(given.out, encoder=given.encoder, corpus=given.corpus)
    rows: list[dict[str, Any]] = []
    for name in given.variants:
        variant = VARIANTS[name]
        outcomes: list[Outcome] = []
        hyper = replace(settings, lora_layers=top if variant.top else None)
        for seed in range(1, given.seeds + 1):
            seeded = replace(hyper, seed=seed)
            outcome = kept.get(seeded, usual=variant.usual)
            if outcome is None:
                outcome = run(site, seeded, device=device, usual=variant.usual)
                kept.add(outcome, seeded, usual=variant.usual)
            outcomes.append(outcome)
            _say(f"{name} seed {seed}: dev F1 {outcome.f1:.4f}, {outcome.seconds:.0f} s", to=sys.stderr)
        seeds, notes = over_seeds([o.f1 for o in outcomes]), bootstrap_mean([o.per_note for o in outcomes]).f1
        rows.append(
            {
                "variant": name,
                "layers": hyper.lora_layers or site.layers,
                "f1": [o.f1 for o in outcomes],
                "mean": seeds.mean,
                "over_seeds": [seeds.low, seeds.high],
                "over_notes": [notes.low, notes.high],
                "notes": len(site.dev.notes),
                "seconds": [o.seconds for o in outcomes],
            }
        )
    return rows


def print_quality(rows: Sequence[dict[str, Any]], given: argparse.Namespace) -> None:
    _say(
        f"{given.encoder.name}, new head, {given.seeds} seeds, {given.epochs} epochs, learning rate "
        f"{given.learning_rate:g}; strict micro F1 on {rows[0]['notes']} dev notes at the best epoch"
    )
    _say(f"{'':<48}{'mean':>8}{'95% over seeds':>20}{'95% over notes':>20}{'seconds':>9}")
    for row in rows:
        ranges = [
            "" if None in row[key] else f"[{row[key][0]:.4f}, {row[key][1]:.4f}]"
            for key in ("over_seeds", "over_notes")
        ]
        seconds = sum(row["seconds"]) / len(row["seconds"])
        _say(f"{VARIANTS[row['variant']].title:<48}{row['mean']:>8.4f}{ranges[0]:>20}{ranges[1]:>20}{seconds:>9.1f}")


def _say(line: str, *, to: Any = None) -> None:
    (to or sys.stdout).write(line + "\n")
    (to or sys.stdout).flush()


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="mednerapp bench train", description=(__doc__ or "").split("\n", 1)[0])
    made.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, auto")
    made.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of the CPU; default: its cores")
    made.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    made.add_argument("--layers", type=int, default=12)
    made.add_argument("--width", type=int, default=768)
    made.add_argument("--steps", type=int, default=2, help="of 16 windows each")
    made.add_argument("--top-layers", type=int, default=4, help="how many are adapted by the variant 'top'")
    made.add_argument("--json", action="store_true")
    made.add_argument("--quality", action="store_true", help="dev F1 instead of speed")
    made.add_argument("--corpus", type=Path, help="MACCROBAT as gzipped JSON lines")
    made.add_argument("--encoder", type=Path, default=STARTER, help="folder of the encoder; default: the starter's")
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--epochs", type=int, default=PRESETS["lora"].hyper.epochs)
    made.add_argument("--learning-rate", type=float, default=PRESETS["lora"].hyper.learning_rate)
    made.add_argument("--same-targets", action="store_true", help="rank 8 on query and value, as in the speed part")
    made.add_argument(
        "--out", type=Path, help="JSON lines, one for each run of --quality; what is in it is not run again"
    )
    made.add_argument("--variant", choices=list(VARIANTS), help=argparse.SUPPRESS)  # measure this one, in this process
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    asked = parser()
    given = asked.parse_args(arguments)
    if given.quality and given.corpus is None:
        asked.error("--quality needs --corpus")
    if given.out and not given.quality:
        asked.error("--out keeps the runs of --quality")
    if given.variant:
        _say(json.dumps(measure(VARIANTS[given.variant], given)))
        return
    rows = compare_quality(given) if given.quality else compare_speed(given)
    if given.json:
        _say(json.dumps(rows, indent=2))
    elif given.quality:
        print_quality(rows, given)
    else:
        print_speed(rows, given)


if __name__ == "__main__":
    try:
        main()
    except MedNerError as error:
        sys.exit(f"mednerapp: {error}")
