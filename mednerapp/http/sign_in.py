"""Signing in and out: a plain page of our own, so that nothing of the product loads before somebody is known."""

from __future__ import annotations

import math
from html import escape
from importlib import resources
from string import Template
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role
from mednerapp.errors import PermissionDenied
from mednerapp.http.bodies import BodyTooLargeError, limited
from mednerapp.http.identity import COOKIE, session_of
from mednerapp.http.throttle import Throttle
from mednerapp.services import accounts
from mednerapp.services.accounts import SignIn

HOME = "/annotate"
_MOST_BYTES = 16_384
_HASHES_AT_ONCE = 2  # each takes 64 MiB and all cores: people who work must not wait for those who guess
_ALLOWED_PER_EMAIL = 5
_ALLOWED_PER_ADDRESS = 20  # a whole ward may sit behind one address
_TASKS = {  # the demo's buttons in the order of the loop
    Role.CLINICIAN: "upload notes and check the highlights",
    Role.ANNOTATOR: "correct labels, note after note",
    Role.LEAD: "train models and compare them",
    Role.ADMIN: "manage people, read the audit log",
}


def routes(app: App) -> list[Route]:
    desk = _Desk(app)
    return [
        Route("/sign-in", desk.show, methods=["GET"]),
        Route("/sign-in", desk.sign_in, methods=["POST"]),
        Route("/sign-in/demo", desk.demo, methods=["POST"]),
        Route("/sign-out", desk.sign_out, methods=["POST"]),
    ]


class _Desk:
    def __init__(self, app: App) -> None:
        self._app = app
        self._page = _Page(app)
        self._throttle = Throttle()
        self._hashes = CapacityLimiter(_HASHES_AT_ONCE)

    async def show(self, request: Request) -> Response:
        target = local_path(request.query_params.get("next", ""))
        return RedirectResponse(target, 303) if session_of(request) else self._page.response(target)

    async def sign_in(self, request: Request) -> Response:
        form = await _form(request)
        target = local_path(_text(form, "next"))
        email = _text(form, "email").strip().lower()[:254]
        by_email, by_address = f"email:{email}", f"address:{request.client.host if request.client else ''}"
        if wait := self._throttle.attempt({by_email: _ALLOWED_PER_EMAIL, by_address: _ALLOWED_PER_ADDRESS}):
            message = f"Too many attempts. Try again in {_duration(wait)}."
            return self._page.response(target, email=email, message=message, status=429, wait=wait)
        store, settings = self._app.store, self._app.settings
        try:
            signed_in = await to_thread.run_sync(
                lambda: accounts.sign_in(store, email=email, password=_text(form, "password"), settings=settings),
                limiter=self._hashes,
            )
        except PermissionDenied as error:
            return self._page.response(target, email=email, message=str(error), status=401)
        self._throttle.forget(by_email)
        self._throttle.take_back(by_address)
        return _enter(self._app, request, signed_in, target)

    async def demo(self, request: Request) -> Response:
        form = await _form(request)
        target = local_path(_text(form, "next"))
        store, settings = self._app.store, self._app.settings
        try:
            role = Role(_text(form, "role"))
            signed_in = await to_thread.run_sync(lambda: accounts.demo_sign_in(store, role=role, settings=settings))
        except (ValueError, PermissionDenied):
            return self._page.response(target, message="This sign-in is not available here.", status=403)
        return _enter(self._app, request, signed_in, target)

    async def sign_out(self, request: Request) -> Response:
        session = session_of(request)
        if session:
            await to_thread.run_sync(lambda: accounts.sign_out(self._app.store, session=session))
        response = RedirectResponse("/sign-in", 303)
        secure = _is_https(self._app, request)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=secure)
        return response


def local_path(target: str) -> str:
    """`target` if it is a path on this server, else HOME: a link must not send people elsewhere after signing in."""
    parts = urlsplit(target) if target.isprintable() and "\\" not in target else None
    if parts is None or parts.scheme or parts.netloc or not target.startswith("/") or target.startswith("//"):
        return HOME
    return HOME if parts.path in ("/", "/sign-in", "/sign-in/demo", "/sign-out") else target


def _enter(app: App, request: Request, signed_in: SignIn, target: str) -> Response:
    response = RedirectResponse(target, 303)
    response.set_cookie(
        COOKIE,
        signed_in.token,
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_https(app, request),
        max_age=int(app.settings.session_hours * 3600),
    )
    return response


def _is_https(app: App, request: Request) -> bool:
    return request.url.scheme == "https" or app.settings.public_url.startswith("https://")


async def _form(request: Request) -> FormData:
    try:
        body = await limited(request, _MOST_BYTES)
    except BodyTooLargeError:
        return FormData()

    async def again() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return await Request(request.scope, again).form(max_files=0, max_fields=10)


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return "" if isinstance(value, UploadFile) else value


def _duration(seconds: float) -> str:
    return f"{math.ceil(seconds)} seconds" if seconds < 90 else f"{math.ceil(seconds / 60)} minutes"


class _Page:
    """The sign-in page; everything that comes from outside is escaped."""

    def __init__(self, app: App) -> None:
        folder = resources.files("mednerapp.http")
        self._template = Template(folder.joinpath("sign_in.html").read_text(encoding="utf-8"))
        self._style = folder.joinpath("sign_in.css").read_text(encoding="utf-8")
        self._demo = app.settings.demo

    def response(
        self, target: str, *, email: str = "", message: str = "", status: int = 200, wait: float = 0
    ) -> Response:
        html = self._template.substitute(
            style=self._style,
            next=escape(target),
            email=escape(email),
            message=f'<p class="message" role="alert">{escape(message)}</p>' if message else "",
            demo=_demo_section(target) if self._demo else "",
        )
        headers = {"retry-after": str(math.ceil(wait))} if wait else {}
        return HTMLResponse(html, status, headers)


def _demo_section(target: str) -> str:
    buttons = "".join(
        f'<button name="role" value="{role.value}"><b>{role.value.capitalize()}</b><span>{task}</span></button>'
        for role, task in _TASKS.items()
    )
    return (
        '<form method="post" action="/sign-in/demo" class="demo" aria-label="Demo sign-in">'
        f'<input type="hidden" name="next" value="{escape(target)}">'
        "<p><b>This is the demo.</b> Its notes are invented and it runs on this computer only. Sign in with one click "
        f"as:</p>{buttons}</form>"
    )
