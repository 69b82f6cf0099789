from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from mednerapp.domain.accounts import Role, User
from mednerapp.domain.clock import now
from mednerapp.errors import InvalidValue, NotFound, PermissionDenied
from mednerapp.services import accounts
from mednerapp.services.accounts import token_hash
from mednerapp.settings import Settings
from mednerapp.store import Store

PASSWORD = "correct horse battery"
SETTINGS = Settings(idle_minutes=30, session_hours=12)
DEMO = Settings(demo=True)


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2 itself, with less work: its real parameters take a tenth of a second and 64 MiB each time."""
    from argon2 import PasswordHasher

    monkeypatch.setattr(accounts, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    accounts._nobody.cache_clear()


@pytest.fixture
def admin(store: Store) -> User:
    return make(store, Role.ADMIN)


def make(store: Store, role: Role, email: str = "", password: str = PASSWORD) -> User:
    return accounts.create_user(
        store, by=None, email=email or f"{role.value}@example.org", name=role.value, role=role, password=password
    )


def sign_in(store: Store, user: User, password: str = PASSWORD, settings: Settings = SETTINGS) -> str:
    """The hash of the session's token."""
    return token_hash(accounts.sign_in(store, email=user.email, password=password, settings=settings).token)


def who(store: Store, session: str, *, acts: bool = True, settings: Settings = SETTINGS) -> User | None:
    return accounts.user_of_session(store, session=session, settings=settings, acts=acts)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the clock on."""
    passed = timedelta()

    def moved() -> datetime:
        return now() + passed

    def move(by: timedelta) -> None:
        nonlocal passed
        passed += by

    for module in ("mednerapp.store.accounts", "mednerapp.services.accounts"):
        monkeypatch.setattr(f"{module}.now", moved)
    return move


# --- signing in ---


def test_a_person_signs_in_with_e_mail_and_password_and_is_known_by_the_token(store: Store, admin: User) -> None:
    signed = accounts.sign_in(store, email=" Admin@Example.ORG ", password=PASSWORD, settings=SETTINGS)
    assert signed.user == admin
    assert who(store, token_hash(signed.token)) == admin
    assert who(store, signed.token) is None  # only its hash is stored


def test_passwords_are_stored_as_argon2id_hashes_of_their_own(store: Store) -> None:
    for role in (Role.LEAD, Role.ADMIN):
        make(store, role)
    with store.read() as tx:
        hashes = [found[1] for r in (Role.LEAD, Role.ADMIN) if (found := tx.users.by_email(f"{r.value}@example.org"))]
    assert all(h.startswith("$argon2id$") and PASSWORD not in h for h in hashes)
    assert hashes[0] != hashes[1]


@pytest.mark.parametrize("email", ["admin@example.org", "nobody@example.org", "x\x00@example.org", "\ud800@a.b", ""])
def test_every_refusal_says_the_same(store: Store, admin: User, email: str) -> None:
    with pytest.raises(PermissionDenied, match=r"^Wrong e-mail or password\.$"):
        accounts.sign_in(store, email=email, password="wrong" if email else PASSWORD, settings=SETTINGS)
    with store.read() as tx:
        event, _ = tx.audit.recent(1)[0]
    assert (event.action, event.detail) == ("sign-in refused", {})
    assert event.user_id == (admin.id if email == admin.email else None)


def test_a_disabled_person_cannot_sign_in_and_their_sessions_end(store: Store, admin: User) -> None:
    user = make(store, Role.LEAD)
    session = sign_in(store, user)
    accounts.change_user(store, by=admin, user_id=user.id, disabled=True)
    assert who(store, session) is None
    with pytest.raises(PermissionDenied):
        sign_in(store, user)
    accounts.change_user(store, by=admin, user_id=user.id, disabled=False)
    assert who(store, session) is None  # the old session does not come back to life
    assert sign_in(store, user)


def test_signing_out_ends_this_session_only(store: Store, admin: User) -> None:
    one, other = sign_in(store, admin), sign_in(store, admin)
    accounts.sign_out(store, session=one)
    assert who(store, one) is None
    assert who(store, other) == admin


# --- sessions end ---


def test_a_session_ends_when_nobody_acts(store: Store, admin: User, later: Callable[[timedelta], None]) -> None:
    session = sign_in(store, admin)
    later(timedelta(minutes=29))
    assert who(store, session, acts=False) == admin  # looking is no action ...
    later(timedelta(minutes=2))
    assert who(store, session) is None  # ... so the half hour runs on


def test_acting_keeps_a_session_alive_but_not_for_ever(
    store: Store, admin: User, later: Callable[[timedelta], None]
) -> None:
    session = sign_in(store, admin)
    for _ in range(28):
        later(timedelta(minutes=25))
        assert who(store, session) == admin
    later(timedelta(minutes=21))  # 12 hours and a minute after the sign-in
    assert who(store, session) is None


def test_short_idle_times_hold_too(store: Store, admin: User, later: Callable[[timedelta], None]) -> None:
    short = Settings(idle_minutes=0.1)  # six seconds: actions closer than the usual pause between writes must count
    session = sign_in(store, admin, settings=short)
    for _ in range(5):
        later(timedelta(seconds=4))
        assert who(store, session, settings=short) == admin
    later(timedelta(seconds=7))
    assert who(store, session, settings=short) is None


def test_sessions_that_ended_are_removed_when_somebody_signs_in(
    store: Store, admin: User, later: Callable[[timedelta], None]
) -> None:
    session = sign_in(store, admin)
    later(timedelta(minutes=31))
    sign_in(store, admin)
    with store.read() as tx:
        assert tx.sessions.user(session, idle=timedelta(days=1)) is None


# --- managing people ---


@pytest.mark.parametrize(
    ("email", "name", "password", "reason"),
    [
        ("no-at-sign", "", PASSWORD, "not an e-mail"),
        ("two words@example.org", "", PASSWORD, "not an e-mail"),
        ("nul\x00@example.org", "", PASSWORD, "not an e-mail"),
        ("x" * 250 + "@b.c", "", "", "at least 12|at most|password"),
        ("x" * 251 + "@b.c", "", PASSWORD, "not an e-mail"),
        ("a@b.c", "", "elevenchars", "at least 12 characters"),
        ("a@b.c", "x" * 201, PASSWORD, "at most 200"),
        ("Admin@example.org", "", PASSWORD, "admin@example.org already"),
    ],
)
def test_a_person_that_cannot_be_is_refused_with_the_reason(
    store: Store, admin: User, email: str, name: str, password: str, reason: str
) -> None:
    with pytest.raises(InvalidValue, match=reason):
        accounts.create_user(store, by=admin, email=email, name=name, role=Role.LEAD, password=password)
    assert accounts.list_users(store, by=admin) == [admin]


def test_a_person_without_a_name_is_called_by_the_e_mail_however_long(store: Store) -> None:
    email = "x" * 250 + "@b.c"
    user = accounts.create_user(store, by=None, email=email, name=" ", role=Role.LEAD, password=PASSWORD)
    assert (user.email, user.name) == (email, email[:200])


def test_a_new_role_and_a_new_password_end_the_sessions(store: Store, admin: User) -> None:
    user = make(store, Role.LEAD)
    for change in ({"role": Role.ANNOTATOR}, {"password": "another password"}):
        password = PASSWORD
        session = sign_in(store, user, password)
        accounts.change_user(store, by=admin, user_id=user.id, **change)
        assert who(store, session) is None
    with pytest.raises(PermissionDenied):
        sign_in(store, user)
    assert who(store, sign_in(store, user, "another password")) == User(user.id, user.email, user.name, Role.ANNOTATOR)
    with store.read() as tx:
        details = [e.detail for e, _ in tx.audit.recent() if e.action == "user changed"]
    assert details[0] == {"role": ["annotator", "annotator"], "disabled": None, "password_changed": True}
    assert "another password" not in str(details)


def test_changing_nothing_is_allowed_and_somebody_who_is_not_there_is_not(store: Store, admin: User) -> None:
    accounts.change_user(store, by=admin, user_id=admin.id)
    assert accounts.list_users(store, by=admin) == [admin]
    with pytest.raises(NotFound):
        accounts.change_user(store, by=admin, user_id=99, role=Role.LEAD)
    with pytest.raises(InvalidValue, match="at least 12"):
        accounts.change_user(store, by=admin, user_id=admin.id, password="short")


@pytest.mark.parametrize("change", [{"role": Role.LEAD}, {"disabled": True}])
def test_the_last_administrator_stays(store: Store, admin: User, change: dict[str, object]) -> None:
    session = sign_in(store, admin)
    with pytest.raises(InvalidValue, match="At least one administrator"):
        accounts.change_user(store, by=admin, user_id=admin.id, **change)
    assert who(store, session) == admin  # nothing happened at all
    second = make(store, Role.ADMIN, "second@example.org")
    accounts.change_user(store, by=second, user_id=admin.id, **change)
    with pytest.raises(InvalidValue, match="At least one administrator"):
        accounts.change_user(store, by=second, user_id=second.id, **change)


def test_an_empty_installation_gets_one_administrator_once(store: Store) -> None:
    made = accounts.ensure_first_admin(store)
    assert made
    signed = accounts.sign_in(store, email=made[0], password=made[1], settings=SETTINGS)
    assert signed.user.role is Role.ADMIN
    assert accounts.ensure_first_admin(store) is None


# --- the demo ---


def test_the_demo_signs_in_by_role_and_only_in_demo_mode(store: Store) -> None:
    with pytest.raises(PermissionDenied, match="have not been created"):
        accounts.demo_sign_in(store, role=Role.LEAD, settings=DEMO)
    people = accounts.ensure_demo_users(store)
    assert accounts.ensure_demo_users(store) == people
    for role in Role:
        assert accounts.demo_sign_in(store, role=role, settings=DEMO).user == people[role]
        with pytest.raises(PermissionDenied, match="demo mode only"):
            accounts.demo_sign_in(store, role=role, settings=SETTINGS)


def test_the_audit_log_is_newest_first_with_names(store: Store, admin: User) -> None:
    sign_in(store, admin)
    log = accounts.audit_log(store, by=admin, limit=2)
    assert [(e.action, email) for e, email in log] == [("signed in", admin.email), ("user created", "")]
