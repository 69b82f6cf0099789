"""Without a session nothing of the product is reachable, whatever is asked and however."""

from __future__ import annotations

import httpx
import pytest
import websockets.sync.client
from support.app_server import AppServer, prepare_demo, running
from websockets.exceptions import InvalidStatus

from mednerapp.domain.accounts import Role
from mednerapp.services import accounts

PAGES = [
    "/",
    "/annotate",
    "/notes",
    "/upload",
    "/train",
    "/compare",
    "/dashboard",
    "/admin",
    "/start",
    "/annotate?note=1",
    "/nowhere",
]
ENDPOINTS = [
    ("GET", "/_stcore/health"),
    ("GET", "/_stcore/host-config"),
    ("GET", "/_stcore/metrics"),
    ("GET", "/_stcore/agent/openapi.json"),
    ("POST", "/_stcore/agent/interact"),
    ("PUT", "/_stcore/upload_file/session/file"),
    ("GET", "/_stcore/bidi-components/mednerapp.span_editor/span_editor.js"),
    ("GET", "/media/abc.txt"),
    ("GET", "/component/x/index.html"),
    ("POST", "/api/annotations/1/edits"),
    ("POST", "/api/annotations/1/submit"),
    ("GET", "/api/projects/1/export.jsonl"),
    ("GET", "/api/projects/1/export/fhir?spans=all"),
    ("GET", "/api/experiments/1/report.md"),
    ("GET", "/static/../_stcore/health"),
    ("GET", "//_stcore/health"),
]
HTML = {"accept": "text/html,application/xhtml+xml"}


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 401 or (
        answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
    )


@pytest.mark.parametrize("path", PAGES)
def test_a_page_sends_strangers_to_the_sign_in_and_remembers_where_they_wanted_to_go(
    app_server: AppServer, path: str
) -> None:
    with app_server.client() as client:
        answer = client.get(path, headers=HTML)
        assert refused(answer)
        assert httpx.URL(answer.headers["location"]).params.get("next", "/") == path
        assert client.get(path).status_code == 401  # a program gets no page either


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_an_endpoint_answers_strangers_with_401(app_server: AppServer, method: str, path: str) -> None:
    with app_server.client() as client:
        answer = client.request(method, httpx.URL(app_server.url).copy_with(raw_path=path.encode()), headers=HTML)
    assert answer.status_code in (400, 401, 404) or refused(answer)
    assert b"streamlit" not in answer.content.lower()
    if not path.startswith(("//", "/static")):
        assert answer.json()["error"] == "signed_out"


def test_right_after_a_start_nothing_is_open_and_sessions_still_live(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = prepare_demo(tmp_path_factory.mktemp("restart"))
    with running(settings) as before, before.signed_in() as client:
        cookie = client.cookies["medner_session"]
    with running(settings) as after, after.client() as client:
        assert all(refused(client.get(path, headers=HTML)) for path in PAGES)
        client.cookies.set("medner_session", cookie)
        assert client.get("/session").status_code == 204


@pytest.mark.parametrize("name", ["x-medner-session", "X-Medner-User", "x-medner-SESSION"])
def test_identity_headers_that_a_client_sends_mean_nothing(app_server: AppServer, name: str) -> None:
    with app_server.signed_in(Role.ADMIN) as admin:
        known = accounts.token_hash(admin.cookies["medner_session"])
        value = known if "session" in name.lower() else "1"
        with app_server.client() as client:
            assert client.get("/session", headers={name: value}).status_code == 401
            assert refused(client.get("/admin", headers={**HTML, name: value}))
        with app_server.signed_in(Role.ANNOTATOR) as annotator:  # nor do they change who a session is
            answer = annotator.get("/api/projects/1/export.jsonl", headers={name: value})
            assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/_stcore/stream", "/api/saves"])
def test_a_websocket_needs_a_session_and_an_origin_of_this_server(app_server: AppServer, path: str) -> None:
    with app_server.signed_in() as client:
        cookie = f"medner_session={client.cookies['medner_session']}"
    assert status_of_websocket(app_server, path, origin=app_server.url, cookie=cookie) == 101
    assert status_of_websocket(app_server, path, origin=app_server.url, cookie="") == 403
    assert status_of_websocket(app_server, path, origin="http://127.0.0.1:3000", cookie=cookie) == 403
    assert status_of_websocket(app_server, path, origin=None, cookie=cookie) == 403


def status_of_websocket(server: AppServer, path: str, *, origin: str | None, cookie: str) -> int:
    headers = {"Cookie": cookie, **({"Origin": origin} if origin else {})}
    try:
        with websockets.sync.client.connect(f"{server.url.replace('http', 'ws')}{path}", additional_headers=headers):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:3000", "null", ""])
@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/demo", "/sign-out", "/api/annotations/1/edits"])
def test_a_page_of_another_site_cannot_act_with_somebodys_cookie(app_server: AppServer, path: str, origin: str) -> None:
    with app_server.signed_in() as client:
        del client.headers["origin"]
        answer = client.post(path, headers={"origin": origin} if origin else {})
        assert answer.status_code == 403
        assert client.get("/session").status_code == 204  # still signed in


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "127.0.0.1.evil.example", "a b", ""])
def test_a_foreign_name_that_points_here_is_refused(app_server: AppServer, host: str) -> None:
    with app_server.client() as client:
        assert client.get("/sign-in", headers={"host": host}).status_code in (400, 403)


def test_the_frontends_own_files_are_open_and_kept_apart_from_everything_else(app_server: AppServer) -> None:
    with app_server.signed_in() as client:
        page = client.get("/annotate", headers=HTML).text
    script = page.split('src="./')[1].split('"')[0]
    with app_server.client() as client:
        assert client.get(f"/{script}").status_code == 200
        assert client.get("/static/nothing.js").status_code == 401


def test_every_answer_carries_the_security_headers(app_server: AppServer) -> None:
    with app_server.signed_in() as client:
        answers = [client.get(path) for path in ("/annotate", "/sign-in", "/healthz", "/api/none", "/_stcore/health")]
    with app_server.client() as stranger:
        answers.append(stranger.get("/annotate"))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert "unsafe" not in scripts
        assert "*" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


def test_health_needs_no_session_and_tells_nothing(app_server: AppServer) -> None:
    with app_server.client() as client:
        answer = client.get("/healthz")
    assert answer.status_code == 200
    assert set(answer.json()) == {"status", "version", "database"}
    assert answer.json()["database"] == "ok"


def test_a_session_that_is_idle_too_long_is_over_and_looking_does_not_keep_it_alive(app_server: AppServer) -> None:
    with app_server.signed_in() as client:
        session = accounts.token_hash(client.cookies["medner_session"])
        app_server.make_idle(session, minutes=20)
        before = app_server.last_seen(session)
        assert client.get("/session").status_code == 204
        client.get("/notes", headers=HTML)
        assert app_server.last_seen(session) == before
        app_server.make_idle(session, minutes=31)
        assert client.get("/session").status_code == 401
        assert refused(client.get("/notes", headers=HTML))
        assert client.post("/api/annotations/1/edits", json={}).status_code == 401
