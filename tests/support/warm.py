"""Python processes that start in a moment: forked from one that has loaded what takes seconds to load.

The fixture `warm` makes `subprocess.Popen` do so for the commands of `kind_of`, in the test and in what it starts. They
are processes of their own in every way that a test can see (pid, signals, pipes, environment, kill -9) but one: their
parent is the process they are forked from. A test of how a command itself starts takes no such fixture.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest

ROOT = Path(__file__).parents[2]
Kind = Literal["models", "web"]
# A process of the web never loads torch, so there are two of them to fork from, each made when it is first needed.
PRELOAD: dict[Kind, tuple[str, ...]] = {
    "models": (
        "mednerapp.cli.main",
        "mednerapp.jobs.peer",
        "mednerapp.jobs.trials.preload",
        "mednerapp.ner.converting",
        "mednerapp.ner.identifying",
        "peft.tuners.lora",
        "transformers.models.bert.modeling_bert",
        "transformers.models.roberta.modeling_roberta",
    ),
    "web": (
        "mednerapp.http.application",
        "mednerapp.ui.charts",
        "mednerapp.ui.process",
        "pandas",
        "pyarrow",
        "streamlit.web.bootstrap",
        "streamlit.web.cli",
        "uvicorn.protocols.http.auto",
        "uvicorn.protocols.websockets.auto",
    ),
}
LIFELINE = "mednerapp.jobs.lifeline"
MODULES = (
    "mednerapp.cli",
    "mednerapp.jobs.peer",
    "mednerapp.ner.converting",
    "mednerapp.ner.identifying_server",
    LIFELINE,
)
LARGEST = 2**17  # bytes of a command with its environment
LAST_FILE = 1024

_addresses: dict[Kind, str] = {}


def kind_of(command: object) -> Kind | None:
    """What to fork the command from; None: it is started as ever."""
    words = [str(word) for word in command] if isinstance(command, Sequence) and not isinstance(command, str) else []
    if words[:1] != [sys.executable]:
        return None
    if words[1:4] == ["-m", "streamlit", "run"] or words[1:6] == ["-m", LIFELINE, "-m", "streamlit", "run"]:
        return "web"
    ours = words[1:2] == ["-m"] and words[2] in MODULES
    return "models" if ours or (words[1:2] and words[1].startswith(str(ROOT / "tests"))) else None


_Popen = subprocess.Popen


class Popen(subprocess.Popen[Any]):
    """`subprocess.Popen`, of which the server does the forking and the waiting where the command is a warm one."""

    def _execute_child(self, args: Any, *rest: Any) -> None:  # what the base class calls to start the process
        self._server: socket.socket | None = None
        kind = kind_of(args)
        address = prepare(kind) if kind else None
        if address is None:
            super()._execute_child(args, *rest)
            return
        _, _, _, _, cwd, env, _, _, _, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *_, new_session, _ = (
            rest
        )
        order = {
            "words": [str(word) for word in args[1:]],
            "folder": str(cwd or Path.cwd()),
            "environment": dict(os.environ if env is None else env),
            "new_session": new_session,
            "addresses": _addresses,
        }
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._server.connect(address)
        ends = [own if own >= 0 else i for i, own in enumerate((p2cread, c2pwrite, errwrite))]
        socket.send_fds(self._server, [json.dumps(order).encode()], ends)
        self.pid = int(self._server.recv(64))
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if self._server is None:
            return super()._try_wait(wait_flags)
        ready, _, _ = select.select([self._server], [], [], 0 if wait_flags & os.WNOHANG else None)
        if not ready:
            return 0, 0
        status = int(self._server.recv(64) or signal.SIGKILL)
        self._server.close()
        return self.pid, status

    def _internal_poll(self, _deadstate: int | None = None, **more: Any) -> int | None:
        if self._server is None:
            return super()._internal_poll(_deadstate, **more)
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):
            try:
                if self.returncode is None:
                    pid, status = self._try_wait(os.WNOHANG)
                    if pid:
                        self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode

    def __del__(self, *args: Any, **more: Any) -> None:
        """Somebody else may have waited for the process by its number, as psutil does, and heard first."""
        if getattr(self, "_server", None):
            if self.returncode is None:
                select.select([self._server], [], [], 1)
            self._internal_poll()
            self._server.close()
        super().__del__(*args, **more)


def _serve(listener: socket.socket) -> dict[str, Any] | None:
    """Forks until our standard input is closed, then kills what is left. In the fork: what it is to do."""
    children: dict[int, socket.socket] = {}
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    while True:
        ready, _, _ = select.select([0, listener, woken], [], [])
        if woken in ready:
            os.read(woken, 1024)
            _tell_ends(children)
        if listener in ready and (order := _fork(listener, children)):
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.closerange(3, LAST_FILE)  # ours, such as the pipes of other children
            return order
        if 0 in ready:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
            return None


def _fork(listener: socket.socket, children: dict[int, socket.socket]) -> dict[str, Any] | None:
    """Adds a child. In the child: what it is to do, with its standard input, output and errors in place."""
    caller, _ = listener.accept()
    message, ends, _, _ = socket.recv_fds(caller, LARGEST, 3)
    pid = os.fork()
    if pid == 0:
        for i, end in enumerate(ends):
            os.dup2(end, i)
        for ours in (listener, caller, *children.values()):
            ours.close()
        return json.loads(message)
    for end in ends:
        os.close(end)
    children[pid] = caller
    caller.send(str(pid).encode())
    return None


def _tell_ends(children: dict[int, socket.socket]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with children.pop(pid) as caller, suppress(OSError):  # unless whoever started it is gone
            caller.send(str(status).encode())


def main(kind: Kind, address: str, listening: int) -> None:
    _addresses[kind] = address
    with socket.socket(fileno=listening) as listener:
        for name in PRELOAD[kind]:
            importlib.import_module(name)
        order = _serve(listener)
    if order is None:
        return
    subprocess.Popen = Popen
    _addresses.update(order["addresses"])
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    if order["new_session"]:
        os.setsid()
    words: list[str] = order["words"]
    sys.orig_argv = [sys.executable, *words]
    sys.path.pop(0)
    if words[0] == "-m":
        sys.argv = words[1:]
        sys.path.insert(0, order["folder"])
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        sys.path.insert(0, str(Path(words[0]).parent))
        runpy.run_path(words[0], run_name="__main__")


def prepare(kind: Kind) -> str | None:
    """Where the one to fork from listens. In a test it is started; it answers once it has loaded everything.

    What is itself forked knows those that were there then, and starts everything else as ever.
    """
    if kind in _addresses or __name__ == "__main__":
        return _addresses.get(kind)
    folder = tempfile.mkdtemp(prefix="medner-warm-")
    address = str(Path(folder) / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen(64)
        process = _Popen(
            [sys.executable, "-m", "tests.support.warm", kind, address, str(listener.fileno())],
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )

    def end() -> None:
        process.communicate()
        shutil.rmtree(folder)

    atexit.register(end)
    _addresses[kind] = address
    return address


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of the product start warm in this test."""
    monkeypatch.setattr(subprocess, "Popen", Popen)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))  # type: ignore[arg-type]
