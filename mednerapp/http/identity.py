"""Who is asking: the session cookie becomes headers that Streamlit and our routes trust; without it all is shut."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import User
from mednerapp.errors import SignedOut
from mednerapp.services import accounts

COOKIE = "medner_session"
# .streamlit/config.toml maps these to st.user. What a client sends under these names is dropped.
USER_HEADER = b"x-medner-user"
SESSION_HEADER = b"x-medner-session"
_OPEN_PATHS = frozenset({"/sign-in", "/sign-in/demo", "/sign-out", "/session", "/healthz", "/favicon.png"})
_NO_PAGES = ("/_stcore/", "/api/", "/media/", "/component/")


class Identity:
    """ASGI middleware inside Protection.

    Looking at a session here never keeps it alive; `signed_in` and the page guard do that when a person acts.
    """

    def __init__(self, app: ASGIApp, *, app_: App) -> None:
        self._app = app
        self._medner = app_
        self._frontend = frontend_files()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        token = _cookie(Headers(scope=scope).get("cookie", ""))
        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in (USER_HEADER, SESSION_HEADER)]
        scope = {**scope, "headers": kept}
        path: str = scope["path"]
        if path in self._frontend:
            await self._app(scope, receive, send)
            return
        session = accounts.token_hash(token) if token else ""
        user = await self._look(session) if session else None
        if user is None and path not in _OPEN_PATHS:
            await _refuse(scope, receive, send)
            return
        if user is not None:
            kept += [(USER_HEADER, str(user.id).encode()), (SESSION_HEADER, session.encode())]
        await self._app(scope, receive, send)

    async def _look(self, session: str) -> User | None:
        store, settings = self._medner.store, self._medner.settings
        return await to_thread.run_sync(
            lambda: accounts.user_of_session(store, session=session, settings=settings, acts=False)
        )


def frontend_files() -> frozenset[str]:
    """Paths of the frontend's own files below /static/: the same in every Streamlit, so they are open."""
    folder = Path(str(resources.files("streamlit").joinpath("static")))
    return frozenset(f"/{file.relative_to(folder).as_posix()}" for file in folder.glob("static/**/*") if file.is_file())


def session_of(connection: HTTPConnection) -> str:
    """Hash of the token of the session that asks, '' without one."""
    return connection.headers.get(SESSION_HEADER.decode(), "")


def signed_in(app: App, session: str) -> User:
    """The person of the session, who acts. Blocks: call it in a thread.

    Raises:
        SignedOut: if the session ended since the request came in.
    """
    user = accounts.user_of_session(app.store, session=session, settings=app.settings) if session else None
    if user is None:
        raise SignedOut("You are signed out.")
    return user


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    wants_page = "text/html" in Headers(scope=scope).get("accept", "") and scope["method"] in ("GET", "HEAD")
    response: Response
    if wants_page and not scope["path"].startswith(_NO_PAGES):
        query = scope["query_string"].decode("latin-1")
        target = scope["path"] + (f"?{query}" if query else "")
        response = RedirectResponse("/sign-in" if target == "/" else f"/sign-in?next={quote(target, safe='/')}", 303)
    else:
        response = JSONResponse({"error": "signed_out", "message": "Sign in first."}, 401)
    await response(scope, receive, send)
