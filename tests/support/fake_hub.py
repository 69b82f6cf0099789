"""A hub on this machine that answers as the real one does, from folders; it knows one commit of each repository."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest


class FakeHub:
    """`repositories`: hub id → (commit, folder). `gated`: ids that say no. `short`: files whose end never comes.
    `changed`: files that arrive as long as they are, and otherwise than they are.

    asked: method and file. tokens: what came with the requests to say who asks.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, tuple[str, Path]] = {}
        self.gated: set[str] = set()
        self.short: set[str] = set()
        self.changed: set[str] = set()
        self.asked: list[str] = []
        self.tokens: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: ClassVar[FakeHub]

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        """/api/models/OWNER/NAME/revision/REVISION or /OWNER/NAME/resolve/REVISION/FILE."""
        parts = self.path.partition("?")[0].strip("/").removeprefix("api/models/").split("/")
        hub_id, revision = "/".join(parts[:2]), parts[3]
        self.hub.tokens += [self.headers["Authorization"]] if "Authorization" in self.headers else []
        if hub_id in self.hub.gated:
            self._refuse(HTTPStatus.FORBIDDEN, "GatedRepo")
        elif hub_id not in self.hub.repositories:
            self._refuse(HTTPStatus.NOT_FOUND, "RepoNotFound")
        elif revision not in (self.hub.repositories[hub_id][0], "main"):
            self._refuse(HTTPStatus.NOT_FOUND, "RevisionNotFound")
        elif self.path.startswith("/api/"):
            self._list(hub_id)
        else:
            self._file(hub_id, parts[4])

    def _list(self, hub_id: str) -> None:
        commit, folder = self.hub.repositories[hub_id]
        files = [_listed(path) for path in sorted(folder.iterdir())]
        data = json.dumps({"id": hub_id, "modelId": hub_id, "sha": commit, "siblings": files}).encode()
        self._send(data, {"Content-Type": "application/json"}, send=len(data))

    def _file(self, hub_id: str, name: str) -> None:
        commit, folder = self.hub.repositories[hub_id]
        data = (folder / name).read_bytes()
        self.hub.asked.append(f"{self.command} {name}")
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": commit}
        if name in self.hub.changed:
            data = data[:-1] + bytes([data[-1] ^ 1])
        self._send(data, headers, send=len(data) // (2 if name in self.hub.short else 1))

    def _refuse(self, status: HTTPStatus, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, data: bytes, headers: dict[str, str], *, send: int) -> None:
        self.send_response(HTTPStatus.OK)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data[:send])
            self.close_connection = send < len(data)


def _listed(path: Path) -> dict[str, object]:
    """As the hub lists a file: with its SHA-256 where it is one of the large ones."""
    size = path.stat().st_size
    listed: dict[str, object] = {"rfilename": path.name, "size": size}
    if path.suffix in (".safetensors", ".bin"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        listed["lfs"] = {"sha256": digest, "size": size, "pointerSize": 134}
    return listed


@contextmanager
def fake_hub(monkeypatch: pytest.MonkeyPatch) -> Generator[FakeHub]:
    """Runs one, and makes huggingface_hub talk to it."""
    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    from huggingface_hub import constants

    for name in ("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY"):  # the product sets them; as they were afterwards
        monkeypatch.setattr(constants, name, getattr(constants, name))
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, hub.url)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
