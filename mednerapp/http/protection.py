"""What every request and response goes through, signed in or not: host, origin, security headers."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mednerapp.settings import Settings

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"[A-Za-z0-9._\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class Protection:
    """ASGI middleware, the outermost.

    * A page of another site cannot act with somebody's cookie: whatever changes something, and every websocket, must
      come with an Origin that is this server. (Browsers send it always; SameSite alone ignores ports.)
    * A name that somebody pointed at this machine (DNS rebinding) is refused as a Host when we listen on loopback.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        public = urlsplit(settings.public_url)
        self._public_origin = f"{public.scheme}://{public.netloc}" if public.netloc else None
        names = {*_LOOPBACK, settings.host.lower(), (public.hostname or "localhost").lower()}
        self._hosts = names if settings.is_loopback else None
        self._scripts = streamlit_script_hashes()
        self._https = public.scheme == "https"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        refusal = self._refusal(scope, headers, host)
        if refusal and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        policy = content_security_policy(host if _HOST.fullmatch(host) else "", self._scripts)

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._protect(MutableHeaders(scope=message), scope["path"], policy)
            await send(message)

        if refusal:
            await PlainTextResponse(refusal, 403)(scope, receive, send_protected)
        else:
            await self._app(scope, receive, send_protected)

    def _refusal(self, scope: Scope, headers: Headers, host: str) -> str:
        """Why the request is refused, '' if it is not."""
        if not _HOST.fullmatch(host):
            return "This request has no usable Host."
        name = urlsplit(f"//{host}").hostname or ""
        if self._hosts is not None and name.lower() not in self._hosts:
            return "This server does not answer to that name."
        acts = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if acts and not self._is_own(headers.get("origin", ""), host):
            return "This request does not come from a page of this server."
        return ""

    def _is_own(self, origin: str, host: str) -> bool:
        return origin != "" and (origin == self._public_origin or urlsplit(origin).netloc == host)

    def _protect(self, headers: MutableHeaders, path: str, policy: str) -> None:
        headers["content-security-policy"] = policy
        headers["x-content-type-options"] = "nosniff"
        headers["x-frame-options"] = "DENY"
        headers["referrer-policy"] = "same-origin"
        headers["cross-origin-opener-policy"] = "same-origin"
        headers["permissions-policy"] = "camera=(), geolocation=(), microphone=()"
        if self._https:
            headers["strict-transport-security"] = "max-age=31536000"
        if not path.startswith("/static/"):
            headers["cache-control"] = "no-store"


def content_security_policy(host: str, script_hashes: str) -> str:
    """Nothing from outside, no inline script but Streamlit's own; styles inline because Streamlit writes them so."""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {script_hashes}".strip(),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            f"connect-src 'self' ws://{host} wss://{host}" if host else "connect-src 'self'",
            "worker-src 'self' blob:",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "object-src 'none'",
            "base-uri 'self'",
        )
    )


def streamlit_script_hashes() -> str:
    """CSP sources of the inline scripts in the page that the installed Streamlit serves."""
    page = resources.files("streamlit").joinpath("static/index.html").read_text(encoding="utf-8")
    digests = (hashlib.sha256(script.encode()).digest() for script in _INLINE_SCRIPT.findall(page))
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
