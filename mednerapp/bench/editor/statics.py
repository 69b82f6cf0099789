"""The measured pages that need no product: a plain loopback server for some folders and a few JSON values."""

from __future__ import annotations

import json
import mimetypes
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

mimetypes.add_type("text/javascript", ".js")


@contextmanager
def static_server(folders: Mapping[str, Path], values: Mapping[str, Any]) -> Generator[str]:
    """Serves `/name/file` from the folder of that name and `/values/name` as JSON; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = _find(unquote(urlsplit(self.path).path), folders, values)
            self.send_response(200 if found else 404)
            kind, body = found or ("text/plain", b"")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _find(path: str, folders: Mapping[str, Path], values: Mapping[str, Any]) -> tuple[str, bytes] | None:
    name, _, rest = path.removeprefix("/").partition("/")
    if name == "values" and rest in values:
        return "application/json", json.dumps(values[rest]).encode()
    folder = folders.get(name)
    if folder is None:
        return None
    file = (folder / rest).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        return None
    return mimetypes.guess_type(file.name)[0] or "application/octet-stream", file.read_bytes()
