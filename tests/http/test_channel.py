"""The span editor's saves over their websocket, on the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import websockets.sync.client
from support.app_server import AppServer
from support.http_desk import ASPIRIN, FEVER, TEXT, Desk, create, demo_user
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from mednerapp.domain.accounts import Role
from mednerapp.services import accounts


def connect(server: AppServer, cookie: str) -> ClientConnection:
    headers = {"Cookie": f"medner_session={cookie}", "Origin": server.url}
    return websockets.sync.client.connect(f"{server.url.replace('http', 'ws')}/api/saves", additional_headers=headers)


@pytest.fixture
def channel(desk: Desk) -> Iterator[ClientConnection]:
    with connect(desk.server, desk.client.cookies["medner_session"]) as connection:
        yield connection


def ask(channel: ClientConnection, message: dict[str, Any]) -> dict[str, Any]:
    channel.send(json.dumps(message))
    return json.loads(channel.recv(timeout=10))


def save(desk: Desk, *edits: dict[str, Any], n: int = 1, base: int = 0, client: str = "tab-1") -> dict[str, Any]:
    body = {"client": client, "base_revision": base, "edits": list(edits)}
    return {"n": n, "to": f"/api/annotations/{desk.annotation_id}/edits", "body": body}


def test_edits_are_stored_and_acknowledged(desk: Desk, channel: ClientConnection) -> None:
    answer = ask(channel, save(desk, create(1, "a", FEVER), n=5))
    assert answer == {"n": 5, "status": 200, "body": {"client": "tab-1", "ack": 1, "revision": 1}}
    assert ask(channel, save(desk, create(2, "b", ASPIRIN), n=6, base=1))["body"]["revision"] == 2
    assert {s.span.mention(TEXT) for s in desk.spans().values()} == {"fever", "aspirin"}


def test_what_came_by_request_as_well_is_stored_once(desk: Desk, channel: ClientConnection) -> None:
    desk.save(create(1, "a", FEVER))
    answer = ask(channel, save(desk, create(1, "a", FEVER), create(2, "b", ASPIRIN)))
    assert answer["body"] == {"client": "tab-1", "ack": 2, "revision": 2}
    assert desk.save(create(2, "b", ASPIRIN)).json() == answer["body"]
    assert desk.stored().revision == 2


def test_answers_come_in_the_order_of_the_saves(desk: Desk, channel: ClientConnection) -> None:
    for n in range(1, 21):
        channel.send(json.dumps(save(desk, create(n, f"s{n}", FEVER), n=n)))
    answers = [json.loads(channel.recv(timeout=10)) for _ in range(20)]
    assert [(a["n"], a["status"], a["body"]["ack"]) for a in answers] == [(n, 200, n) for n in range(1, 21)]


def test_a_conflict_comes_with_what_is_stored(desk: Desk, channel: ClientConnection) -> None:
    desk.save(create(1, "a", FEVER), client="tab-2")
    answer = ask(channel, save(desk, create(1, "b", ASPIRIN)))
    assert (answer["status"], answer["body"]["error"], answer["body"]["revision"]) == (409, "conflict", 1)
    assert [span["id"] for span in answer["body"]["spans"]] == ["a"]
    assert set(desk.spans()) == {"a"}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"{}", 1003),
        ("{", 1003),
        ("[" * 100_000, 1003),
        ("[]", 1003),
        ({"n": 1}, 1003),
        ({"n": 1, "to": "/api/annotations/1/edits"}, 1003),
        ({"n": 1, "to": "/api/annotations/1/submit", "body": {}}, 1003),
        ({"n": 1, "to": "/api/annotations/-1/edits", "body": {}}, 1003),
        ({"n": 1, "to": "/api/annotations/١/edits", "body": {}}, 1003),
        ({"n": "\ud800", "to": "/api/annotations/1/edits", "body": {}}, 1003),
        ({"n": None, "to": "/api/annotations/1/edits", "body": {}}, 1003),
        ({"n": 1, "to": "/api/annotations/1/edits", "body": {"text": "x" * 1_000_000}}, 1009),
    ],
)
def test_what_is_no_save_ends_it(desk: Desk, channel: ClientConnection, message: Any, code: int) -> None:
    channel.send(message if isinstance(message, str | bytes) else json.dumps(message))
    with pytest.raises(ConnectionClosed) as closed:
        channel.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code
    with connect(desk.server, desk.client.cookies["medner_session"]) as another:
        assert ask(another, save(desk, create(1, "a", FEVER)))["status"] == 200


@pytest.mark.parametrize("kind", ["annotations", "held"])
def test_a_save_of_what_is_not_there_is_refused_and_the_next_one_is_taken(
    desk: Desk, channel: ClientConnection, kind: str
) -> None:
    answer = ask(channel, {"n": 3, "to": f"/api/{kind}/{10**19}/edits", "body": {}})
    assert (answer["n"], answer["status"], answer["body"]["error"]) == (3, 404, "not_found")
    answer = ask(channel, {"n": 4, "to": f"/api/annotations/{desk.annotation_id}/edits", "body": {}})
    assert (answer["n"], answer["status"], answer["body"]["error"]) == (4, 400, "malformed")
    assert ask(channel, save(desk, create(1, "a", FEVER)))["status"] == 200


def test_who_may_not_see_identifiers_saves_nothing_of_a_held_note(channel: ClientConnection) -> None:
    body = {"client": "tab", "base_revision": 0, "edits": []}
    assert ask(channel, {"n": 1, "to": "/api/held/1/edits", "body": body})["status"] == 403


def test_an_edit_that_cannot_be_applied_is_named(desk: Desk, channel: ClientConnection) -> None:
    answer = ask(channel, save(desk, create(1, "a", {**FEVER, "end": 10_000})))
    assert (answer["status"], answer["body"]["error"], answer["body"]["seq"]) == (422, "invalid_edit", 1)


def test_somebody_elses_annotation_is_not_there(desk: Desk) -> None:
    with desk.server.signed_in(Role.LEAD) as lead, connect(desk.server, lead.cookies["medner_session"]) as channel:
        assert ask(channel, save(desk, create(1, "a", FEVER)))["status"] == 404
    assert desk.spans() == {}


def test_whoever_has_signed_out_saves_nothing_over_a_channel_that_is_still_open(
    desk: Desk, channel: ClientConnection
) -> None:
    assert ask(channel, save(desk, create(1, "a", FEVER)))["status"] == 200
    desk.client.post("/sign-out")
    answer = ask(channel, save(desk, create(2, "b", ASPIRIN), base=1))
    assert (answer["status"], answer["body"]["error"]) == (401, "signed_out")
    with pytest.raises(ConnectionClosed):
        channel.recv(timeout=10)
    assert set(desk.spans()) == {"a"}


def test_whoever_is_disabled_saves_nothing_any_more(desk: Desk, channel: ClientConnection) -> None:
    store = desk.server.app.store
    admin = demo_user(desk.server, Role.ADMIN)
    accounts.change_user(store, by=admin, user_id=desk.user.id, disabled=True)
    try:
        assert ask(channel, save(desk, create(1, "a", FEVER)))["status"] == 401
    finally:
        accounts.change_user(store, by=admin, user_id=desk.user.id, disabled=False)
    assert desk.spans() == {}
