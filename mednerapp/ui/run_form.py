"""The settings of a run as form fields, filled with a preset's values."""

from __future__ import annotations

import math
from dataclasses import replace

import streamlit as st

from mednerapp.domain.models import LORA_TARGETS, ClassWeights, HyperParameters, Method, Schedule
from mednerapp.domain.presets import Preset
from mednerapp.services import fine_tuning

_SCHEDULE = {Schedule.LINEAR: "down to zero", Schedule.PLATEAU: "lower when dev F1 stalls"}


def settings(preset: Preset) -> HyperParameters:
    """What does not belong to the preset's method is not asked. Call it inside a form."""
    hyper = preset.hyper
    one, two, three = st.columns(3)
    epochs = one.number_input("Epochs", *_whole("epochs"), hyper.epochs)
    rate = two.number_input(
        "Learning rate", *_real("learning_rate"), hyper.learning_rate, format="%.1e", step=_step(hyper)
    )
    patience = three.number_input(
        "Stop early after", 0, 500, hyper.patience or 0,
        help="So many epochs without a better dev F1. 0: never. The best epoch is kept either way.",
    )  # fmt: skip
    with st.expander("More settings"):
        if hyper.method is Method.LORA:
            hyper = _lora_settings(hyper)
        left, right = st.columns(2)
        batch = left.number_input(
            "Batch size", *_whole("batch_size"), hyper.batch_size, help="Windows of a note for each step."
        )
        schedule = right.selectbox(
            "Learning rate over time", list(Schedule), list(Schedule).index(hyper.schedule),
            format_func=lambda s: _SCHEDULE[s],
        )  # fmt: skip
        decay = left.number_input("Weight decay", 0.0, 1.0, hyper.weight_decay, step=0.01)
        balanced = right.selectbox(
            "Class weights", list(ClassWeights), format_func=lambda w: w.value,
            help="Balanced: rare labels weigh more in training. More of them are found, and more wrongly.",
        )  # fmt: skip
        clip = left.number_input("Clip gradients at", *_real("max_grad_norm"), hyper.max_grad_norm)
        seed = right.number_input("Seed", *_whole("seed"), hyper.seed)
        deterministic = st.checkbox(
            "Deterministic", help="The same result from the same seed on a GPU, too. Slower there. A CPU always is."
        )
    return replace(
        hyper, epochs=int(epochs), learning_rate=float(rate), patience=int(patience) or None, batch_size=int(batch),
        schedule=schedule, weight_decay=float(decay), max_grad_norm=float(clip), class_weights=balanced,
        seed=int(seed), deterministic=deterministic,
    )  # fmt: skip


def _lora_settings(hyper: HyperParameters) -> HyperParameters:
    targets = st.multiselect("Adapted parts of a layer", LORA_TARGETS, list(hyper.targets))
    left, right = st.columns(2)
    rank = left.number_input("LoRA rank", *_whole("rank"), hyper.rank)
    alpha = right.number_input(
        "Alpha", *_whole("alpha"), hyper.alpha, help="LoRA's updates are scaled by alpha / rank."
    )
    dropout = left.number_input("Dropout", *_real("dropout"), hyper.dropout, step=0.05)
    layers = right.number_input(
        "Top layers only", 0, 48, hyper.lora_layers or 0,
        help="Adapt so many layers, counted from the top; 0: all. What lies below is computed only once: several times "
        "faster, sometimes a little worse.",
    )  # fmt: skip
    return replace(
        hyper, rank=int(rank), alpha=int(alpha), dropout=float(dropout), targets=tuple(targets),
        lora_layers=int(layers) or None,
    )  # fmt: skip


def _whole(name: str) -> tuple[int, int]:
    low, high = fine_tuning.LIMITS[name]
    return int(low), int(high)


def _real(name: str) -> tuple[float, float]:
    low, high = fine_tuning.LIMITS[name]
    return float(low), float(high)


def _step(hyper: HyperParameters) -> float:
    """A tenth of the preset's learning rate, rounded down to a power of ten."""
    return 10.0 ** (math.floor(math.log10(hyper.learning_rate)) - 1)
