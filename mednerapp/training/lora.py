"""LoRA set-up: which layers get low-rank updates, and keeping machine paths out of what is saved."""

from __future__ import annotations

from typing import Any

from peft import LoraConfig, TaskType, get_peft_model

from mednerapp.domain.models import HyperParameters
from mednerapp.ner.loading import quiet

# Every linear layer of BERT's and RoBERTa's blocks: attention and feed-forward.
TARGETS = ("query", "key", "value", "dense")


def add_lora(model: Any, hyper: HyperParameters, *, base_name: str) -> Any:
    """The model with trainable low-rank updates and a trainable head; everything else is frozen.

    For this task type peft trains and stores the classification head whole.

    `base_name` is what adapter_config.json names as the base, instead of a path of this machine.
    """
    config = LoraConfig(
        task_type=TaskType.TOKEN_CLS,
        r=hyper.rank,
        lora_alpha=hyper.alpha,
        lora_dropout=hyper.dropout,
        target_modules=list(TARGETS),
    )
    with quiet():
        adapted: Any = get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = base_name
    return adapted
