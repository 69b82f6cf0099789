"""One real Chromium, pages that fail on errors and outside requests, servers on free ports."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from mednerapp.bench.editor.product import stop
from support import ports

CHROMIUM = os.environ.get("MEDNER_TEST_CHROMIUM", "/usr/bin/chromium")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--process-per-site",  # see Window
]
STREAMLIT_ENV = {
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
    "STREAMLIT_SERVER_HEADLESS": "true",
    "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
    "STREAMLIT_LOGGER_LEVEL": "warning",
    "STREAMLIT_CLIENT_TOOLBAR_MODE": "minimal",
    "OMP_NUM_THREADS": "1",
}
START_LIMIT = 60  # seconds until a server must answer
LOCAL_HOSTS = {"127.0.0.1", "localhost"}
PATIENCE = 30_000  # milliseconds that a page has for what it should do; a busy machine takes seconds
expect.set_options(timeout=PATIENCE)


@contextmanager
def serving(command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> Generator[str]:
    """Runs a server on a free loopback port; yields its base URL once it answers, ends it afterwards.

    `command`: its words; "{port}" in a word becomes the port. Start a Streamlit app by `streamlit run`: under a bare
    uvicorn the STREAMLIT_* variables are not read.
    """
    with ports.port(" ".join(command)) as port:
        words = [word.replace("{port}", str(port)) for word in command]
        server = subprocess.Popen(words, cwd=cwd, env={**os.environ, **STREAMLIT_ENV, **(env or {})})
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_healthy(url, server)
            yield url
        finally:
            stop(server)


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"The server ended with status {server.returncode} before it answered.")
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise TimeoutError(f"No answer from {url} within {START_LIMIT} seconds.")


@dataclass
class _Running:
    """What is kept from test to test and from file to file."""

    parts: ExitStack
    browser: Browser
    windows: list[Window] = field(default_factory=list)  # emptied


_running: list[_Running] = []


def _chromium() -> _Running:
    if not _running:
        parts = ExitStack()
        playwright = parts.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        parts.callback(browser.close)
        _running.append(_Running(parts, browser))
    return _running[0]


def close() -> None:
    """Before tests without a browser: Playwright keeps an event loop running, and they may have one of their own."""
    while _running:
        _running.pop().parts.close()


@pytest.fixture
def browser() -> Browser:
    """The system's Chromium, headless."""
    return _chromium().browser


class Window:
    """What one person has: cookies and pages of their own. Emptied after each test and then used by the next one.

    So the browser keeps what it has fetched and compiled, which is most of the work of opening a page. It does that for
    as long as a page of the site is open: `_anchor`, which no test sees.
    """

    def __init__(self, browser: Browser) -> None:
        self.errors: list[str] = []
        self.outside: set[str] = set()
        self._context = browser.new_context(viewport={"width": 1280, "height": 900})
        self._anchor = self._context.new_page()
        self._anchor.route("**", lambda route: route.fulfill(body=""))
        self._anchor.goto("http://127.0.0.1/")
        self._tools = self._context.new_cdp_session(self._anchor)
        self._context.on("request", self._note)

    def open(self) -> Page:
        page = self._context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_default_timeout(PATIENCE)
        return page

    def empty(self) -> None:
        """As if it had never been used."""
        for page in self._context.pages:
            if page is not self._anchor:
                page.close()
        self._context.unroute_all()
        self._context.set_offline(False)
        self._context.clear_permissions()
        self._context.clear_cookies()
        self._tools.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
        self.errors.clear()
        self.outside.clear()

    def _note(self, request: Request) -> None:
        address = urlparse(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.hostname not in LOCAL_HOSTS:
            self.outside.add(request.url)


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """Opens pages, each as another user would (own cookies). The test fails if any of them had an uncaught error or
    asked for anything outside this machine."""
    windows = _chromium().windows
    used: list[Window] = []

    def open_page() -> Page:
        if len(used) == len(windows):
            windows.append(Window(browser))
        used.append(windows[len(used)])
        return used[-1].open()

    yield open_page
    errors = [error for window in used for error in window.errors]
    outside = {url for window in used for url in window.outside}
    for window in used:
        window.empty()
    assert errors == []
    assert outside == set()


@pytest.fixture
def page(new_page: Callable[[], Page]) -> Page:
    """One checked page, 1280 x 900."""
    return new_page()
