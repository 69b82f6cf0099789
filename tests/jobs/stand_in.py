"""Stands in for the web process (`stand_in.py web PORT`) or the worker (`stand_in.py worker`) under the supervisor."""

from __future__ import annotations

import http.server
import os
import sys
import time
from pathlib import Path


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
        pass


if __name__ == "__main__":
    with (Path(os.environ["MEDNER_DATA_DIR"]) / "started").open("a", encoding="utf-8") as started:
        started.write(f"{sys.argv[1]} {os.getpid()} {os.environ['MEDNER_IDLE_MINUTES']}\n")
    if sys.argv[1] == "web":
        http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Health).serve_forever()
    while True:
        time.sleep(60)
