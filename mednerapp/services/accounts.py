"""Signing in and out, and managing people."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mednerapp.domain.accounts import AuditEvent, Permission, Role, User
from mednerapp.domain.clock import now
from mednerapp.errors import InvalidValue, PermissionDenied
from mednerapp.settings import Settings
from mednerapp.store import Store

MIN_PASSWORD = 12
MAX_NAME = 200
TOUCH_EVERY = timedelta(seconds=15)  # an action within it does not write again
DEMO_DOMAIN = "demo.invalid"

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """Verified when there is no such user, so that the answer takes as long as for a wrong password."""
    return _hasher.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True, slots=True)
class SignIn:
    """`token` goes into the HttpOnly cookie and is stored nowhere else."""

    user: User
    token: str


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def sign_in(store: Store, *, email: str, password: str, settings: Settings) -> SignIn:
    """Raises PermissionDenied, with one message for every reason."""
    email = email.strip().lower()
    nobody = _nobody()
    with store.read() as tx:
        found = tx.users.by_email(email) if email.isprintable() else None  # PostgreSQL takes no NUL, not even to look
    matches = _matches(found[1] if found else nobody, password)
    if not found or not matches or found[0].disabled:
        with store.write() as tx:
            tx.audit.add(user=found[0] if found else None, action="sign-in refused", target="session")
        raise PermissionDenied("Wrong e-mail or password.")
    return _start_session(store, user=found[0], settings=settings)


def demo_sign_in(store: Store, *, role: Role, settings: Settings) -> SignIn:
    """Sign in as the demo person of a role. Exists in demo mode alone."""
    if not settings.demo:
        raise PermissionDenied("The one-click sign-in exists in demo mode only.")
    with store.read() as tx:
        found = tx.users.by_email(f"{role.value}@{DEMO_DOMAIN}")
    if not found:
        raise PermissionDenied("The demo people have not been created.")
    return _start_session(store, user=found[0], settings=settings)


def _start_session(store: Store, *, user: User, settings: Settings) -> SignIn:
    token = secrets.token_urlsafe(32)
    with store.write() as tx:
        tx.sessions.remove_expired(idle=timedelta(minutes=settings.idle_minutes))
        tx.sessions.add(token_hash=token_hash(token), user_id=user.id, lifetime=timedelta(hours=settings.session_hours))
        tx.audit.add(user=user, action="signed in", target="session")
    return SignIn(user, token)


def user_of_session(store: Store, *, session: str, settings: Settings, acts: bool = True) -> User | None:
    """Who the session (hash of the token) belongs to, None when it is over.

    acts: whether this counts as an action of the person and so keeps the session alive.
    """
    with store.read() as tx:
        found = tx.sessions.user(session, idle=timedelta(minutes=settings.idle_minutes))
    if not found:
        return None
    user, seen_at = found
    if acts and now() - seen_at > min(TOUCH_EVERY, timedelta(minutes=settings.idle_minutes) / 4):
        with store.write() as tx:
            tx.sessions.touch(session)
    return user


def sign_out(store: Store, *, session: str) -> None:
    """`session`: hash of the token. Ends this session on the server; a copy of the cookie is worthless then."""
    with store.write() as tx:
        tx.sessions.remove(session)


def create_user(store: Store, *, by: User | None, email: str, name: str, role: Role, password: str) -> User:
    """`by` is None on the command line, where whoever can read the data folder administers.

    Raises:
        InvalidValue: for an e-mail that is taken or is none, a name over MAX_NAME characters, or a password under
            MIN_PASSWORD.
    """
    if by:
        by.require(Permission.ADMINISTER)
    email = email.strip().lower()
    if "@" not in email or len(email) > 254 or any(c.isspace() or not c.isprintable() for c in email):
        raise InvalidValue(f"{email!r} is not an e-mail address.")
    name = name.strip() or email[:MAX_NAME]
    if len(name) > MAX_NAME or not name.isprintable():
        raise InvalidValue(f"A name has at most {MAX_NAME} printable characters.")
    hashed = _hashed(password)
    with store.write() as tx:
        if tx.users.by_email(email):
            raise InvalidValue(f"There is a user {email} already.")
        user = tx.users.add(email=email, name=name, password_hash=hashed, role=role)
        tx.audit.add(user=by, action="user created", target=f"user:{user.id}", role=role.value)
    return user


def change_user(
    store: Store,
    *,
    by: User | None,
    user_id: int,
    role: Role | None = None,
    disabled: bool | None = None,
    password: str | None = None,
) -> None:
    """Change what is given. Sessions of the user end, so that a former right ends with them.

    Raises:
        InvalidValue: if nobody would be left who may administer, or the password is too short.
    """
    if by:
        by.require(Permission.ADMINISTER)
    hashed = _hashed(password) if password is not None else None
    with store.write() as tx:
        tx.users.lock_all()  # two administrators must not take the right from each other at the same moment
        before = tx.users.get(user_id)
        tx.users.change(user_id, role=role, disabled=disabled, password_hash=hashed)
        if not any(user.may(Permission.ADMINISTER) for user in tx.users.all()):
            raise InvalidValue("At least one administrator has to remain.")
        tx.sessions.remove_all_of(user_id)
        tx.audit.add(
            user=by,
            action="user changed",
            target=f"user:{user_id}",
            role=[before.role.value, (role or before.role).value],
            disabled=disabled,
            password_changed=password is not None,
        )


def list_users(store: Store, *, by: User | None) -> list[User]:
    if by:
        by.require(Permission.ADMINISTER)
    with store.read() as tx:
        return tx.users.all()


def audit_log(store: Store, *, by: User, limit: int = 200) -> list[tuple[AuditEvent, str]]:
    """The newest events first, each with the e-mail of who did it ('' for the product itself)."""
    by.require(Permission.ADMINISTER)
    with store.read() as tx:
        return tx.audit.recent(limit)


def ensure_first_admin(store: Store) -> tuple[str, str] | None:
    """On an empty installation create one administrator; the e-mail and the generated password, to be shown once."""
    with store.read() as tx:
        if tx.users.count():
            return None
    email, password = "admin@localhost.invalid", secrets.token_urlsafe(15)
    create_user(store, by=None, email=email, name="Administrator", role=Role.ADMIN, password=password)
    return email, password


def is_demo(email: str) -> bool:
    """Whether anybody may sign in with this e-mail in demo mode."""
    return email.endswith(f"@{DEMO_DOMAIN}")


def ensure_demo_users(store: Store) -> dict[Role, User]:
    """One person for each role, with passwords that nobody knows."""
    users: dict[Role, User] = {}
    for role in Role:
        email = f"{role.value}@{DEMO_DOMAIN}"
        with store.read() as tx:
            found = tx.users.by_email(email)
        users[role] = (
            found[0]
            if found
            else create_user(
                store,
                by=None,
                email=email,
                name=f"Demo {role.value}",
                role=role,
                password=secrets.token_urlsafe(32),
            )
        )
    return users


def _hashed(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise InvalidValue(f"A password needs at least {MIN_PASSWORD} characters.")
    return _hasher.hash(password)


def _matches(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
