"""Projects, their label schemas and which adapter is in force."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.gold import GoldPolicy
from mednerapp.domain.labels import Label, LabelSchema
from mednerapp.domain.models import Promotion, PromotionKind
from mednerapp.domain.projects import Project
from mednerapp.domain.queue import QueueOrder
from mednerapp.errors import NotFound
from mednerapp.store.queue import Queue


class Projects:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, *, name: str, schema: LabelSchema, guideline: str = "") -> Project:
        row = t.Project(name=name, guideline=guideline, created_at=now())
        self._session.add(row)
        self._session.flush()
        self.add_schema(row.id, schema)
        return self._project(row)

    def add_schema(self, project_id: int, schema: LabelSchema) -> None:
        """The newest version is the one that counts; datasets keep theirs."""
        schema_row = t.LabelSchema(project_id=project_id, version=schema.version)
        self._session.add(schema_row)
        self._session.flush()
        for position, label in enumerate(schema.labels):
            self._session.add(
                t.Label(
                    schema_id=schema_row.id,
                    name=label.name,
                    position=position,
                    color=label.color,
                    key=label.key,
                    description=label.description,
                )
            )
        self._session.flush()

    def get(self, project_id: int) -> Project:
        row = self._session.get(t.Project, project_id)
        if row is None:
            raise NotFound(f"There is no project {project_id}.")
        return self._project(row)

    def change_guideline(self, project_id: int, text: str) -> None:
        self._session.execute(update(t.Project).where(t.Project.id == project_id).values(guideline=text))

    def change_queue(self, project_id: int, *, order: QueueOrder, blind_percent: int) -> None:
        """The order in which notes are handed out, and how many of 100 come without suggestions."""
        self._session.execute(
            update(t.Project)
            .where(t.Project.id == project_id)
            .values(queue_order=order.value, blind_percent=blind_percent)
        )

    def change_gold(self, project_id: int, *, policy: GoldPolicy, double_percent: int) -> None:
        """When notes with one annotator are gold, and how many of 100 get two."""
        self._session.execute(
            update(t.Project)
            .where(t.Project.id == project_id)
            .values(gold_policy=policy.value, double_percent=double_percent)
        )

    def change_promotion_rule(self, project_id: int, *, level: float | None, drop: float | None) -> None:
        """What a challenger has to pass; None and None for no rule."""
        self._session.execute(
            update(t.Project).where(t.Project.id == project_id).values(promotion_level=level, promotion_drop=drop)
        )

    def lock(self, project_id: int) -> None:
        """Until the transaction ends, nobody else gets past this line for the project; notes can still be added."""
        self._session.execute(select(t.Project.id).where(t.Project.id == project_id).with_for_update(key_share=True))

    def by_name(self, name: str) -> Project | None:
        row = self._session.scalar(select(t.Project).where(t.Project.name == name))
        return self._project(row) if row else None

    def all(self) -> list[Project]:
        return [self._project(row) for row in self._session.scalars(select(t.Project).order_by(t.Project.name))]

    def schema(self, schema_id: int) -> LabelSchema:
        row = self._session.get(t.LabelSchema, schema_id)
        if row is None:
            raise NotFound(f"There is no label schema {schema_id}.")
        labels = self._session.scalars(select(t.Label).where(t.Label.schema_id == row.id).order_by(t.Label.position))
        return LabelSchema(
            tuple(Label(label.name, label.color, label.key, label.description) for label in labels), row.version, row.id
        )

    def promote(
        self,
        *,
        project_id: int,
        adapter_id: int,
        user_id: int | None,
        kind: PromotionKind = PromotionKind.PROMOTE,
        evidence: dict[str, Any] | None = None,
    ) -> None:
        """`evidence`: the numbers that the person was shown, None for none."""
        before = self.promotions(project_id, limit=1)
        self._session.add(
            t.Promotion(
                project_id=project_id,
                adapter_id=adapter_id,
                user_id=user_id,
                at=now(),
                kind=kind.value,
                previous_id=before[0].adapter_id if before else None,
                evidence=evidence,
            )
        )
        self._session.flush()
        Queue(self._session).look_again(project_id)

    def promotions(self, project_id: int, *, limit: int = 100) -> list[Promotion]:
        """Which adapters were put in force, the newest first."""
        p = t.Promotion
        rows = self._session.execute(
            select(p, t.User.name)
            .outerjoin(t.User, t.User.id == p.user_id)
            .where(p.project_id == project_id)
            .order_by(p.id.desc())
            .limit(limit)
        )
        return [
            Promotion(
                row.id, row.adapter_id, row.previous_id, PromotionKind(row.kind), name or "", row.at, row.evidence
            )
            for row, name in rows
        ]

    def _project(self, row: t.Project) -> Project:
        schema_id = self._session.scalar(
            select(t.LabelSchema.id)
            .where(t.LabelSchema.project_id == row.id)
            .order_by(t.LabelSchema.version.desc())
            .limit(1)
        )
        if schema_id is None:
            raise NotFound(f"Project {row.id} has no label schema.")
        active = self._session.scalar(
            select(t.Promotion.adapter_id)
            .where(t.Promotion.project_id == row.id)
            .order_by(t.Promotion.id.desc())
            .limit(1)
        )
        return Project(
            row.id,
            row.name,
            row.guideline,
            self.schema(schema_id),
            active,
            queue_order=QueueOrder(row.queue_order),
            blind_percent=row.blind_percent,
            double_percent=row.double_percent,
            gold_policy=GoldPolicy(row.gold_policy),
            promotion_level=row.promotion_level,
            promotion_drop=row.promotion_drop,
        )
