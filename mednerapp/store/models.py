"""Encoders and adapters that are installed here."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.models import Adapter, AdapterKind, Encoder
from mednerapp.errors import NotFound


def _encoder(row: t.Encoder) -> Encoder:
    return Encoder(
        id=row.id,
        name=row.name,
        source=row.source,
        revision=row.revision,
        folder=row.folder,
        weights_hash=row.weights_hash,
        architecture=row.architecture,
        cased=row.cased,
        tokenizer=row.tokenizer,
        licence=row.licence,
        size_bytes=row.size_bytes,
        installed_at=row.installed_at,
        verified_at=row.verified_at,
        problem=row.problem,
        removed_at=row.removed_at,
    )


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

    def add_encoder(
        self,
        *,
        name: str,
        source: str,
        revision: str,
        folder: str,
        weights_hash: str,
        architecture: str = "",
        cased: bool | None = None,
        tokenizer: str = "",
        licence: str = "",
        size_bytes: int = 0,
    ) -> Encoder:
        row = t.Encoder(
            name=name,
            source=source,
            revision=revision,
            folder=folder,
            weights_hash=weights_hash,
            architecture=architecture,
            cased=cased,
            tokenizer=tokenizer,
            licence=licence,
            size_bytes=size_bytes,
            installed_at=now(),
            verified_at=None,
            problem="",
            removed_at=None,
        )
        self._session.add(row)
        self._session.flush()
        return _encoder(row)

    def encoder(self, encoder_id: int) -> Encoder:
        """A removed one too: runs keep their history."""
        return _encoder(self._encoder_row(encoder_id))

    def installed(self, encoder_id: int) -> Encoder:
        """Raises NotFound for one that was removed: its weights are gone."""
        encoder = self.encoder(encoder_id)
        if encoder.removed_at:
            raise NotFound(f"The encoder {encoder.name!r} was removed. Choose another, or install it again.")
        return encoder

    def encoders(self) -> list[Encoder]:
        """Those that are installed, oldest first."""
        query = select(t.Encoder).where(t.Encoder.removed_at.is_(None)).order_by(t.Encoder.id)
        return [_encoder(row) for row in self._session.scalars(query)]

    def verified(self, encoder_id: int, *, problem: str) -> None:
        """Note that an encoder was looked over, and what was found; an empty `problem`: nothing."""
        row = self._encoder_row(encoder_id)
        row.verified_at, row.problem = now(), problem

    def remove_encoder(self, encoder_id: int) -> None:
        """Mark it; its name becomes free."""
        row = self._encoder_row(encoder_id)
        row.name = f"{row.name[:80]} (removed, {row.id})"
        row.removed_at = now()
        self._session.flush()

    def adapters_over(self, encoder_id: int) -> list[Adapter]:
        """Every adapter that was trained over the encoder, in whatever project."""
        rows = self._session.scalars(select(t.Adapter).where(t.Adapter.encoder_id == encoder_id).order_by(t.Adapter.id))
        return [_adapter(row) for row in rows]

    def all_adapters(self) -> list[Adapter]:
        """Those of every project and of none, oldest first."""
        return [_adapter(row) for row in self._session.scalars(select(t.Adapter).order_by(t.Adapter.id))]

    def runs_over(self, encoder_id: int) -> list[str]:
        """Names of the runs over the encoder that wait or are going on."""
        return list(
            self._session.scalars(
                select(t.Run.name).where(t.Run.encoder_id == encoder_id, t.Run.state.in_(("queued", "running")))
            )
        )

    def _encoder_row(self, encoder_id: int) -> t.Encoder:
        row = self._session.get(t.Encoder, encoder_id)
        if row is None:
            raise NotFound(f"There is no encoder {encoder_id}.")
        return row

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
