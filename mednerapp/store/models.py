"""Encoders and adapters that are installed here."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.models import Adapter, AdapterKind, Encoder
from mednerapp.errors import NotFound


def _encoder(row: t.Encoder) -> Encoder:
    return Encoder(row.id, row.name, row.source, row.revision, row.folder, row.weights_hash)


def _adapter(row: t.Adapter) -> Adapter:
    return Adapter(
        id=row.id,
        name=row.name,
        kind=AdapterKind(row.kind),
        encoder_id=row.encoder_id,
        project_id=row.project_id,
        run_id=row.run_id,
        folder=row.folder,
        weights_hash=row.weights_hash,
        labels=tuple(row.labels),
        created_at=row.created_at,
    )


class Models:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add_encoder(self, *, name: str, source: str, revision: str, folder: str, weights_hash: str) -> Encoder:
        row = t.Encoder(name=name, source=source, revision=revision, folder=folder, weights_hash=weights_hash)
        self._session.add(row)
        self._session.flush()
        return _encoder(row)

    def encoder(self, encoder_id: int) -> Encoder:
        row = self._session.get(t.Encoder, encoder_id)
        if row is None:
            raise NotFound(f"There is no encoder {encoder_id}.")
        return _encoder(row)

    def encoders(self) -> list[Encoder]:
        return [_encoder(row) for row in self._session.scalars(select(t.Encoder).order_by(t.Encoder.id))]

    def add_adapter(
        self,
        *,
        name: str,
        kind: AdapterKind,
        encoder_id: int,
        folder: str,
        weights_hash: str,
        labels: tuple[str, ...],
        project_id: int | None = None,
        run_id: int | None = None,
    ) -> Adapter:
        row = t.Adapter(
            name=name,
            kind=kind.value,
            encoder_id=encoder_id,
            project_id=project_id,
            run_id=run_id,
            folder=folder,
            weights_hash=weights_hash,
            labels=list(labels),
            created_at=now(),
        )
        self._session.add(row)
        self._session.flush()
        return _adapter(row)

    def adapter(self, adapter_id: int) -> Adapter:
        row = self._session.get(t.Adapter, adapter_id)
        if row is None:
            raise NotFound(f"There is no adapter {adapter_id}.")
        return _adapter(row)

    def adapter_of_run(self, run_id: int) -> Adapter | None:
        row = self._session.scalar(select(t.Adapter).where(t.Adapter.run_id == run_id))
        return _adapter(row) if row else None

    def adapters(self, project_id: int) -> list[Adapter]:
        """Those of the project and those that belong to none (the starter), oldest first."""
        rows = self._session.scalars(
            select(t.Adapter)
            .where(or_(t.Adapter.project_id == project_id, t.Adapter.project_id.is_(None)))
            .order_by(t.Adapter.id)
        )
        return [_adapter(row) for row in rows]
