"""Signing in and out: passwords, the cookie, where one lands, and how guessing is slowed down."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from time import sleep
from typing import Any

import httpx
import pytest
from anyio import create_task_group
from starlette.applications import Starlette
from support.app_server import AppServer, prepare_demo

from mednerapp import bootstrap
from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role
from mednerapp.http.application import wire
from mednerapp.http.sign_in import HOME, local_path
from mednerapp.http.throttle import FIRST_LOCK, WINDOW, Throttle
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


def test_a_link_to_a_span_is_where_the_sign_in_leads_with_all_that_it_names(app_server: AppServer) -> None:
    link = "/annotate?note=5&span=m3"
    with app_server.client() as client:
        sent = client.get(link, headers={"accept": "text/html"}).headers["location"]
        assert sent.startswith("/sign-in?next=")
        page = client.get(sent).text
        (hidden,) = set(re.findall(r'name="next" value="([^"]*)"', page))
        answer = client.post("/sign-in/demo", data={"role": "annotator", "next": html.unescape(hidden)})
        assert answer.headers["location"] == link


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


def test_a_key_waits_longer_with_each_attempt_and_is_forgiven_after_a_while() -> None:
    at = 0.0
    throttle = Throttle(clock=lambda: at)
    assert [throttle.attempt({"a": 5, "b": 100}) for _ in range(5)] == [0.0] * 5
    waits: list[float] = []
    while wait := throttle.attempt({"a": 5, "b": 100}):
        assert throttle.attempt({"b": 100, "a": 5}) == wait  # knocking while one has to wait makes it no longer
        waits.append(wait)
        at += wait
        assert throttle.attempt({"a": 5}) == 0
    assert waits == [FIRST_LOCK * factor for factor in (1, 2, 4, 8, 16)]
    assert throttle.attempt({"b": 100}) == 0
    at += WINDOW
    assert [throttle.attempt({"a": 5}) for _ in range(5)] == [0.0] * 5


def test_an_attempt_that_was_right_does_not_count() -> None:
    throttle = Throttle(clock=lambda: 0.0)
    for _ in range(50):
        assert throttle.attempt({"address": 2}) == 0
        throttle.take_back("address")
    assert throttle.attempt({"email": 1}) == 0
    assert throttle.attempt({"email": 1}) == FIRST_LOCK
    throttle.forget("email")
    assert throttle.attempt({"email": 1}) == 0


def test_a_guesser_with_many_names_cannot_fill_the_memory() -> None:
    throttle = Throttle(clock=lambda: 0.0)
    for number in range(25_000):
        throttle.attempt({f"email:{number}@example.org": 5})
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


@pytest.mark.anyio
async def test_guesses_sent_side_by_side_are_counted_like_guesses_sent_one_after_the_other(prepared: App) -> None:
    accounts.create_user(prepared.store, by=None, email="p@example.org", name="P", role=Role.LEAD, password=PASSWORD)
    answers: list[int] = []
    async with asgi(prepared, "http://127.0.0.1:1") as client:

        async def guess(number: int) -> None:
            given = {"email": "p@example.org", "password": f"guess {number}"}
            answers.append((await client.post("/sign-in", data=given)).status_code)

        async with create_task_group() as group:
            for number in range(40):
                group.start_soon(guess, number)
    assert Counter(answers) == {401: 5, 429: 35}


@pytest.mark.anyio
async def test_a_ward_that_signs_in_at_once_gets_in_and_hashes_no_more_than_two_passwords_at_a_time(
    prepared: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [f"p{number}@example.org" for number in range(12)]
    for email in people:
        accounts.create_user(prepared.store, by=None, email=email, name="P", role=Role.LEAD, password=PASSWORD)
    real, lock, running, most = accounts.sign_in, Lock(), 0, 0

    def watched(*given: Any, **named: Any) -> accounts.SignIn:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        sleep(0.02)  # long enough for the others to arrive
        try:
            return real(*given, **named)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(accounts, "sign_in", watched)
    answers: list[int] = []
    async with asgi(prepared, "http://127.0.0.1:1") as client:

        async def enter(email: str) -> None:
            given = {"email": email, "password": PASSWORD}
            answers.append((await client.post("/sign-in", data=given)).status_code)

        for _ in range(2):  # 24 from one address: more than may fail there
            async with create_task_group() as group:
                for email in people:
                    group.start_soon(enter, email)
    assert Counter(answers) == {303: 24}
    assert most == 2


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
