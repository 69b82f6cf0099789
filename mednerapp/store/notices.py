"""Who wants a mail when a job of theirs has ended, and for which jobs there was one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.clock import now
from mednerapp.domain.jobs import FINISHED


class Notices:
    def __init__(self, session: Session) -> None:
        self._session = session

    def wants_mail(self, user_id: int) -> bool:
        since = self._session.scalar(select(t.User.mail_since).where(t.User.id == user_id))
        return since is not None

    def set_mail(self, user_id: int, *, wanted: bool) -> None:
        """From now on: what ended before is no news."""
        values = {"mail_since": now() if wanted else None}
        self._session.execute(update(t.User).where(t.User.id == user_id).values(values))

    def due(self, *, ended_after: datetime) -> list[int]:
        """Ids of ended jobs whose starter wants a mail and was sent none, the first to end first."""
        ended = [state.value for state in FINISHED]
        return list(
            self._session.scalars(
                select(t.Job.id)
                .join(t.User, t.User.id == t.Job.created_by)
                .where(
                    t.Job.state.in_(ended),
                    t.Job.finished_at > ended_after,
                    t.Job.finished_at > t.User.mail_since,
                    t.User.disabled.is_(False),
                    t.Job.id.not_in(select(t.JobNotice.job_id)),
                )
                .order_by(t.Job.finished_at, t.Job.id)
            )
        )

    def claim(self, job_id: int) -> None:
        """The caller sends the mail. Raises InvalidValue (from the store) when another one does."""
        self._session.add(t.JobNotice(job_id=job_id, at=now()))
        self._session.flush()

    def release(self, job_id: int) -> None:
        """Nothing was sent: it is due again."""
        self._session.execute(delete(t.JobNotice).where(t.JobNotice.job_id == job_id))
