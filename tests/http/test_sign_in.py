"""Signing in and out: passwords, the cookie, where one lands, and how guessing is slowed down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from support.app_server import AppServer, prepare_demo

from mednerapp import bootstrap
from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role
from mednerapp.http.application import wire
from mednerapp.http.sign_in import HOME, local_path
from mednerapp.http.throttle import FIRST_LOCK, LONGEST_LOCK, WINDOW, Throttle
from mednerapp.services import accounts
from mednerapp.settings import Settings

PASSWORD = "correct horse battery"
ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "http:evil.example",
    "/\t/evil.example",
    "\n//evil.example",
    "evil.example",
    "",
    " /annotate",
    "/a\r\nSet-Cookie: a=b",
]


@pytest.fixture
def person(app_server: AppServer, request: pytest.FixtureRequest) -> str:
    """The e-mail of somebody whose password is PASSWORD."""
    email = f"{request.node.name.split('[')[0][:60]}-{abs(hash(request.node.name))}@example.org"
    accounts.create_user(app_server.app.store, by=None, email=email, name="P", role=Role.ANNOTATOR, password=PASSWORD)
    return email


def test_the_right_password_opens_a_session_and_leads_to_where_one_wanted_to_go(
    app_server: AppServer, person: str
) -> None:
    with app_server.client() as client:
        answer = client.post("/sign-in", data={"email": person, "password": PASSWORD, "next": "/annotate?note=5"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/annotate?note=5")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "secure" not in cookie  # plain http on loopback
        assert client.get("/session").status_code == 204
        assert client.get("/sign-in?next=/notes").headers["location"] == "/notes"


@pytest.mark.parametrize("given", [{"password": "wrong"}, {}, {"password": PASSWORD, "email": "nobody@example.org"}])
def test_whatever_is_wrong_the_page_says_the_same(app_server: AppServer, person: str, given: dict[str, str]) -> None:
    with app_server.client() as client:
        answer = client.post("/sign-in", data={"email": person, **given})
    assert answer.status_code == 401
    assert "Wrong e-mail or password." in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_never_leads_to_another_site(app_server: AppServer, target: str) -> None:
    assert local_path(target) == HOME
    with app_server.client() as client:
        answer = client.post("/sign-in/demo", data={"role": "annotator", "next": target})
    assert answer.headers["location"] == HOME


@pytest.mark.parametrize("target", ["/annotate?note=5", "/notes", "/dashboard?a=b&c=%2F%2Fd"])
def test_a_path_of_ours_is_kept(target: str) -> None:
    assert local_path(target) == target


def test_what_is_typed_is_shown_as_text(app_server: AppServer) -> None:
    with app_server.client() as client:
        typed = '"><script>alert(1)</script>'
        answer = client.post("/sign-in", data={"email": typed, "password": "x", "next": f"/{typed}"})
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(app_server: AppServer) -> None:
    with app_server.signed_in() as client, app_server.client() as thief:
        thief.cookies.set("medner_session", client.cookies["medner_session"])
        assert thief.get("/session").status_code == 204
        answer = client.post("/sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert "medner_session" not in client.cookies
        assert thief.get("/session").status_code == 401


def test_a_person_who_is_disabled_is_out_at_once(app_server: AppServer, person: str) -> None:
    store = app_server.app.store
    with app_server.client() as client:
        client.post("/sign-in", data={"email": person, "password": PASSWORD})
        user = next(u for u in accounts.list_users(store, by=None) if u.email == person.lower())
        accounts.change_user(store, by=None, user_id=user.id, disabled=True)
        assert client.get("/session").status_code == 401
        assert client.post("/sign-in", data={"email": person, "password": PASSWORD}).status_code == 401


def test_guessing_the_password_of_one_person_is_slowed_down(app_server: AppServer, person: str) -> None:
    with app_server.client() as client:
        wrong = [client.post("/sign-in", data={"email": person, "password": f"guess {i}"}) for i in range(5)]
        assert [answer.status_code for answer in wrong] == [401] * 5
        answer = client.post("/sign-in", data={"email": person, "password": PASSWORD})  # even the right one has to wait
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert "Too many attempts" in answer.text


def test_a_key_waits_longer_with_each_failure_and_is_forgiven_after_a_while() -> None:
    at = 0.0
    throttle = Throttle(clock=lambda: at)
    for _ in range(4):
        throttle.failed("a", allowed=5)
    assert throttle.wait("a", "b") == 0
    throttle.failed("a", allowed=5)
    assert throttle.wait("a", "b") == FIRST_LOCK
    at += FIRST_LOCK
    throttle.failed("a", allowed=5)
    assert throttle.wait("a") == 2 * FIRST_LOCK
    for _ in range(20):
        throttle.failed("a", allowed=5)
    assert throttle.wait("a") == LONGEST_LOCK
    assert throttle.wait("b") == 0
    at += WINDOW + LONGEST_LOCK
    throttle.failed("a", allowed=5)
    assert throttle.wait("a") == 0
    throttle.failed("c", allowed=1)
    throttle.succeeded("c")
    assert throttle.wait("c") == 0


def test_a_guesser_with_many_names_cannot_fill_the_memory() -> None:
    throttle = Throttle(clock=lambda: 0.0)
    for number in range(25_000):
        throttle.failed(f"email:{number}@example.org", allowed=5)
    assert len(throttle._known) <= 10_000


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[App]:
    app = bootstrap.build(prepare_demo(tmp_path))
    yield app
    app.close()


def asgi(app: App, base: str) -> httpx.AsyncClient:
    """Our routes and middleware without Streamlit and without a socket."""
    wiring = wire(app)
    site = Starlette(routes=list(wiring.routes), middleware=list(wiring.middleware))
    return httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url=base, headers={"origin": base})


@pytest.mark.anyio
async def test_behind_https_the_cookie_is_secure_and_the_public_name_is_known(prepared: App) -> None:
    settings = Settings(**{**prepared.settings.model_dump(), "public_url": "https://notes.example"})
    behind_proxy = App(settings, prepared.store, prepared.database)
    async with asgi(behind_proxy, "http://notes.example") as client:  # the proxy speaks http to us
        client.headers["origin"] = "https://notes.example"
        answer = await client.post("/sign-in/demo", data={"role": "lead"})
        assert answer.status_code == 303
        assert "secure" in answer.headers["set-cookie"].lower()
        assert "max-age" in answer.headers["strict-transport-security"]


@pytest.mark.anyio
async def test_outside_the_demo_there_is_no_one_click_sign_in(prepared: App) -> None:
    settings = Settings(**{**prepared.settings.model_dump(), "demo": False})
    async with asgi(App(settings, prepared.store, prepared.database), "http://127.0.0.1:1") as client:
        assert "/sign-in/demo" not in (await client.get("/sign-in")).text
        answer = await client.post("/sign-in/demo", data={"role": "admin"})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
