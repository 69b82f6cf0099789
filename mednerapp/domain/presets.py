"""Training protocols by name, one row each. A further one is a further row."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mednerapp.domain.models import HyperParameters, Method, Schedule
from mednerapp.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Preset:
    """A protocol in plain words: what it does, what it costs, when to use it."""

    name: str
    title: str
    what: str
    cost: str
    when: str
    hyper: HyperParameters


_ROWS = (
    Preset(
        "lora",
        "Adapter (LoRA)",
        "Teaches small additions to a frozen encoder, and a new output layer.",
        "A few MB for each model. Minutes on a CPU for a hundred notes with the shipped encoder.",
        "For everyday use: after every batch of corrected notes.",
        HyperParameters(),
    ),
    Preset(
        "paper",
        "Whole model (as in the paper)",
        "Trains every weight: Adam, batches of 16, a learning rate of 2e-5 that is halved when the dev F1 stalls, up "
        "to 200 epochs; the best epoch is kept.",
        "A whole encoder for each model (about 440 MB for BERT), and eight times that for checkpoints while it runs. "
        "Hours on a GPU; days on a CPU.",
        "To repeat the published experiment, or when thousands of notes are annotated and a GPU is at hand.",
        HyperParameters(
            epochs=200,
            learning_rate=2e-5,
            batch_size=16,
            method=Method.FULL,
            weight_decay=0.0,
            schedule=Schedule.PLATEAU,
        ),
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ROWS}
DEFAULT = _ROWS[0]


def preset(name: str) -> Preset:
    """Raises InvalidValue for a name that is not in the table."""
    if name not in PRESETS:
        raise InvalidValue(f"There is no preset {name!r}. Valid presets: {', '.join(PRESETS)}.")
    return PRESETS[name]


def preset_of(hyper: HyperParameters) -> Preset | None:
    """The preset whose settings these are, whatever the seed and with early stopping or not; None for others."""
    plain = replace(hyper, seed=DEFAULT.hyper.seed, deterministic=False, patience=None, train_share=1.0)
    return next((row for row in _ROWS if row.hyper == plain), None)
