"""What notes, labels and a guideline belong to."""

from __future__ import annotations

from dataclasses import dataclass

from mednerapp.domain.gold import GoldPolicy
from mednerapp.domain.labels import LabelSchema
from mednerapp.domain.queue import QueueOrder


@dataclass(frozen=True, slots=True)
class Project:
    """`schema` is the newest version; `active_adapter_id` is the adapter that pre-annotates, None before the first.

    queue_order: in which order notes are handed out. blind_percent: so many of 100 come without suggestions.
    double_percent: so many of 100 get two annotators. gold_policy: when a note with one annotator is gold.
    promotion_level, promotion_drop: the rule of promotion, None for none; see `services.promoting`.
    """

    id: int
    name: str
    guideline: str
    schema: LabelSchema
    active_adapter_id: int | None
    queue_order: QueueOrder = QueueOrder.IMPORT
    blind_percent: int = 0
    double_percent: int = 0
    gold_policy: GoldPolicy = GoldPolicy.SUBMITTED
    promotion_level: float | None = None
    promotion_drop: float | None = None
