"""What the pages sent and what was acknowledged to them, seen from outside the pages."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, Error, Response, WebSocket

_EDITS = re.compile(r"/api/annotations/(\d+)/edits$")
_BULK = re.compile(r"/api/bulk/([^/]+)/(undo|redo)$")
_CHANNEL = "/api/saves"
_HOOK = """(() => {
  const { fetch } = window;
  const { send } = WebSocket.prototype;
  const channels = new Set();
  window.fetch = (url, options) => {
    if (options?.method === 'POST' && typeof options.body === 'string') window.__fuzzSent(String(url), options.body);
    return fetch(url, options);
  };
  let swallow = false;
  WebSocket.prototype.send = function (data) {
    if (new URL(this.url).pathname === '/api/saves') {
      const { to, body } = JSON.parse(data);
      channels.add(this);
      window.__fuzzSent(to, JSON.stringify(body));
      if (swallow) {
        swallow = false;
        this.close();
        return;
      }
    }
    send.call(this, data);
  };
  window.__fuzzCut = (before) => {
    const open = [...channels].filter((channel) => channel.readyState === WebSocket.OPEN);
    if (before) swallow = open.length > 0;
    else for (const channel of open) channel.close();
    return open.length;
  };
})();"""
Number = tuple[int, str, int]  # annotation, client, the client's own number
Edits = list[tuple[Number, dict[str, Any]]]


@dataclass
class Traffic:
    """sent: the edit that a page sent under each number. bulk: steps of changes over several notes.

    altered: numbers under which two different edits were sent. refused: what the server said no to. over_channel: how
    many answers came over the websocket.
    """

    sent: dict[Number, dict[str, Any]] = field(default_factory=dict[Number, dict[str, Any]])
    acknowledged: set[Number] = field(default_factory=set[Number])
    bulk: set[str] = field(default_factory=set[str])
    altered: list[Number] = field(default_factory=list[Number])
    refused: list[str] = field(default_factory=list[str])
    conflicts: int = 0
    over_channel: int = 0

    def watch(self, context: BrowserContext) -> None:
        """What is sent is told by the page itself: the browser reports no request that a page makes as it goes."""
        context.expose_binding("__fuzzSent", self._told)
        context.add_init_script(_HOOK)
        context.on("response", self._answered)
        context.on("page", lambda page: page.on("websocket", self._watch_channel))

    def _told(self, _source: object, url: str, body: str) -> None:
        self._sent(url, body)

    def _sent(self, url: str, body: str) -> None:
        for number, edit in _edits(url, body):
            if self.sent.setdefault(number, edit) != edit:
                self.altered.append(number)
        if url.endswith("/bulk/apply"):
            self.bulk.add(str(json.loads(body).get("step", "")))
        elif found := _BULK.search(url):
            self.bulk.add(found[1])

    def _answered(self, response: Response) -> None:
        request = response.request
        if request.method != "POST" or not _EDITS.search(request.url):
            return
        answer = _answer(response) if response.status in (200, 422) else {}
        self._answered_with(response.status, answer, _edits(request.url, request.post_data or "{}"))

    def _answered_with(self, status: int, answer: dict[str, Any], edits: Edits) -> None:
        if status == 409:
            self.conflicts += 1
        elif status == 422:
            self.refused.append(f"{answer.get('message')} in {[edit for _, edit in edits][:3]}")
        elif status == 200:
            ack = answer.get("ack", 0)
            self.acknowledged |= {number for number, _ in edits if number[2] <= ack}

    def _watch_channel(self, socket: WebSocket) -> None:
        if not socket.url.endswith(_CHANNEL):
            return
        asked: dict[int, Edits] = {}

        def sent(data: str | bytes) -> None:
            message = json.loads(data)
            asked[message["n"]] = _edits(message["to"], json.dumps(message["body"]))

        def received(data: str | bytes) -> None:
            message = json.loads(data)
            self.over_channel += 1
            self._answered_with(message["status"], message["body"], asked.pop(message["n"], []))

        socket.on("framesent", sent)
        socket.on("framereceived", received)


def _edits(url: str, body: str) -> Edits:
    found = _EDITS.search(url)
    if not found:
        return []
    given = json.loads(body)
    return [((int(found[1]), given["client"], edit["seq"]), edit) for edit in given.get("edits", [])]


def _answer(response: Response) -> dict[str, Any]:
    """Nothing where the page has gone before its answer came: it was not told, so nothing was acknowledged."""
    try:
        return response.json()
    except Error:
        return {}
