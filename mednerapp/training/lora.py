"""LoRA set-up: which layers get low-rank updates, and keeping machine paths out of what is saved."""

from __future__ import annotations

from typing import Any

from peft import LoraConfig, TaskType, get_peft_model

from mednerapp.domain.models import LORA_TARGETS, HyperParameters
from mednerapp.errors import InvalidValue
from mednerapp.ner.loading import quiet
from mednerapp.ner.packed import layer_count


def add_lora(model: Any, hyper: HyperParameters, *, base_name: str) -> Any:
    """The model with trainable low-rank updates and a trainable head; everything else is frozen.

    For this task type peft trains and stores the classification head whole.

    `base_name` is what adapter_config.json names as the base, instead of a path of this machine.

    Raises:
        InvalidValue: for layers that the encoder does not have.
    """
    unknown = sorted(set(hyper.targets) - set(LORA_TARGETS))
    if unknown or not hyper.targets:
        raise InvalidValue(f"LoRA cannot adapt {unknown or 'nothing'}. Valid targets: {', '.join(LORA_TARGETS)}.")
    first = first_trained_layer(model, hyper)
    config = LoraConfig(
        task_type=TaskType.TOKEN_CLS,
        r=hyper.rank,
        lora_alpha=hyper.alpha,
        lora_dropout=hyper.dropout,
        target_modules=list(hyper.targets),
        layers_to_transform=list(range(first, layer_count(model))) if first else None,
    )
    with quiet():
        adapted: Any = get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = base_name
    return adapted


def first_trained_layer(model: Any, hyper: HyperParameters) -> int:
    """The lowest layer that gets updates; what lies below it never changes.

    Raises:
        InvalidValue: when more layers are asked for than the encoder has.
    """
    layers = layer_count(model)
    if hyper.lora_layers is None:
        return 0
    if not 1 <= hyper.lora_layers <= layers:
        raise InvalidValue(f"The encoder has {layers} layers; the top {hyper.lora_layers} of them cannot be adapted.")
    return layers - hyper.lora_layers
