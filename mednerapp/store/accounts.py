"""Users, their sign-in sessions, and the audit log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from db import tables as t
from mednerapp.domain.accounts import AuditEvent, Role, User
from mednerapp.domain.clock import now
from mednerapp.errors import NotFound


def _user(row: t.User) -> User:
    return User(row.id, row.email, row.name, Role(row.role), row.disabled)


class Users:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, *, email: str, name: str, password_hash: str, role: Role) -> User:
        row = t.User(
            email=email.lower(),
            name=name,
            password_hash=password_hash,
            role=role.value,
            disabled=False,
            created_at=now(),
        )
        self._session.add(row)
        self._session.flush()
        return _user(row)

    def get(self, user_id: int) -> User:
        row = self._session.get(t.User, user_id)
        if row is None:
            raise NotFound(f"There is no user {user_id}.")
        return _user(row)

    def by_email(self, email: str) -> tuple[User, str] | None:
        """The user and the password hash."""
        row = self._session.scalar(select(t.User).where(t.User.email == email.lower()))
        return (_user(row), row.password_hash) if row else None

    def all(self) -> list[User]:
        return [_user(row) for row in self._session.scalars(select(t.User).order_by(t.User.email))]

    def lock_all(self) -> None:
        """Let no other transaction change a user until this one ends: for rules that are about all of them."""
        self._session.execute(select(t.User.id).order_by(t.User.id).with_for_update())

    def count(self) -> int:
        return self._session.scalar(select(func.count()).select_from(t.User)) or 0

    def change(
        self, user_id: int, *, role: Role | None = None, disabled: bool | None = None, password_hash: str | None = None
    ) -> None:
        values: dict[str, Any] = {"role": role, "disabled": disabled, "password_hash": password_hash}
        values = {k: v for k, v in values.items() if v is not None}
        if not values:
            return
        self._session.execute(update(t.User).where(t.User.id == user_id).values(**values))


class Sessions:
    """Sign-in sessions by the hash of their token: the token itself is only in the browser."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, *, token_hash: str, user_id: int, lifetime: timedelta) -> None:
        at = now()
        self._session.add(
            t.UserSession(token_hash=token_hash, user_id=user_id, created_at=at, seen_at=at, expires_at=at + lifetime)
        )

    def user(self, token_hash: str, *, idle: timedelta) -> tuple[User, datetime] | None:
        """The user and when they last acted; None for a session that is unknown, idle, over, or of a disabled user."""
        at = now()
        found = self._session.execute(
            select(t.User, t.UserSession.seen_at)
            .join(t.UserSession, t.UserSession.user_id == t.User.id)
            .where(
                t.UserSession.token_hash == token_hash,
                t.UserSession.seen_at > at - idle,
                t.UserSession.expires_at > at,
                t.User.disabled.is_(False),
            )
        ).one_or_none()
        return (_user(found[0]), found[1]) if found else None

    def touch(self, token_hash: str) -> None:
        self._session.execute(update(t.UserSession).where(t.UserSession.token_hash == token_hash).values(seen_at=now()))

    def remove(self, token_hash: str) -> None:
        self._session.execute(delete(t.UserSession).where(t.UserSession.token_hash == token_hash))

    def remove_all_of(self, user_id: int) -> None:
        self._session.execute(delete(t.UserSession).where(t.UserSession.user_id == user_id))

    def remove_expired(self, *, idle: timedelta) -> None:
        at = now()
        self._session.execute(
            delete(t.UserSession).where((t.UserSession.expires_at < at) | (t.UserSession.seen_at < at - idle))
        )


class Audit:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, *, user: User | None, action: str, target: str, **detail: Any) -> None:
        """`detail` takes ids, counts and names of things, never note text."""
        self._session.add(
            t.AuditEvent(at=now(), user_id=user.id if user else None, action=action, target=target, detail=detail)
        )

    def recent(self, limit: int = 200) -> list[tuple[AuditEvent, str]]:
        """The newest events first, each with the e-mail of who did it ('' for the product itself)."""
        rows = self._session.execute(
            select(t.AuditEvent, t.User.email)
            .outerjoin(t.User, t.User.id == t.AuditEvent.user_id)
            .order_by(t.AuditEvent.id.desc())
            .limit(limit)
        )
        return [
            (AuditEvent(row.id, row.at, row.user_id, row.action, row.target, row.detail), email or "")
            for row, email in rows
        ]
