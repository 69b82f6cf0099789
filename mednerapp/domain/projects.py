"""What notes, labels and a guideline belong to."""

from __future__ import annotations

from dataclasses import dataclass

from mednerapp.domain.labels import LabelSchema
from mednerapp.domain.queue import QueueOrder


@dataclass(frozen=True, slots=True)
class Project:
    """`schema` is the newest version; `active_adapter_id` is the adapter that pre-annotates, None before the first.

    queue_order: in which order notes are handed out. blind_percent: so many of 100 come without suggestions.
    """

    id: int
    name: str
    guideline: str
    schema: LabelSchema
    active_adapter_id: int | None
    queue_order: QueueOrder = QueueOrder.IMPORT
    blind_percent: int = 0
