"""What notes, labels and a guideline belong to."""

from __future__ import annotations

from dataclasses import dataclass

from mednerapp.domain.labels import LabelSchema


@dataclass(frozen=True, slots=True)
class Project:
    """`schema` is the newest version; `active_adapter_id` is the adapter that pre-annotates, None before the first."""

    id: int
    name: str
    guideline: str
    schema: LabelSchema
    active_adapter_id: int | None
