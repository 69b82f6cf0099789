"""The span editor's saves over their websocket, on the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import websockets.sync.client
from support.app_server import AppServer
from support.http_desk import ASPIRIN, FEVER, TEXT, Desk, create
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from mednerapp.domain.accounts import Role


def connect(server: AppServer, cookie: str) -> ClientConnection:
    headers = {"Cookie": f"medner_session={cookie}", "Origin": server.url}
    return websockets.sync.client.connect(f"{server.url.replace('http', 'ws')}/api/saves", additional_headers=headers)


@pytest.fixture
def channel(desk: Desk) -> Iterator[ClientConnection]:
    with connect(desk.server, desk.client.cookies["medner_session"]) as connection:
        yield connection


def ask(channel: ClientConnection, message: Any) -> dict[str, Any]:
    channel.send(message if isinstance(message, str) else json.dumps(message))
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
    ("message", "status", "error"),
    [
        ("{", 400, "malformed"),
        ("[" * 100_000, 400, "malformed"),
        ("[]", 400, "malformed"),
        ({"n": 1}, 400, "malformed"),
        ({"n": 1, "to": "/api/annotations/1/edits"}, 400, "malformed"),
        ({"n": 1, "to": "/api/annotations/1/submit", "body": {}}, 400, "malformed"),
        ({"n": 1, "to": "/api/annotations/-1/edits", "body": {}}, 400, "malformed"),
        ({"n": 1, "to": "/api/annotations/١/edits", "body": {}}, 400, "malformed"),
        ({"n": 1, "to": f"/api/annotations/{10**19}/edits", "body": {}}, 404, "not_found"),
        ({"n": 1, "to": f"/api/held/{10**19}/edits", "body": {}}, 404, "not_found"),
        ({"n": 1, "to": "x", "body": {"text": "x" * 1_000_000}}, 413, "too_large"),
    ],
)
def test_what_is_no_save_is_refused_and_the_next_one_is_taken(
    desk: Desk, channel: ClientConnection, message: Any, status: int, error: str
) -> None:
    answer = ask(channel, message)
    assert (answer["status"], answer["body"]["error"]) == (status, error)
    assert ask(channel, save(desk, create(1, "a", FEVER)))["status"] == 200


def test_an_edit_that_cannot_be_applied_is_named(desk: Desk, channel: ClientConnection) -> None:
    answer = ask(channel, save(desk, create(1, "a", {**FEVER, "end": 10_000})))
    assert (answer["status"], answer["body"]["error"], answer["body"]["seq"]) == (422, "invalid_edit", 1)


def test_bytes_end_it(channel: ClientConnection) -> None:
    channel.send(b"{}")
    with pytest.raises(ConnectionClosed):
        channel.recv(timeout=10)


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
