"""`mednerapp serve`: the web process and one worker, started together, restarted when they die, stopped together."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TextIO

import mednerapp
from mednerapp.errors import MedNerError
from mednerapp.settings import Settings, environment

TICK = 0.1  # seconds
FIRST_DELAY, LONGEST_DELAY = 0.5, 10.0  # seconds before a child that died is started again; doubles each time
HEALTHY_AFTER = 30.0  # seconds alive after which the delay is the first one again
STOP_WITHIN = 7.0  # seconds that children have to end before they are killed
LOCK, STATE = "serve.lock", "serve.json"
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 -- names them, binds nothing


def serve(
    settings: Settings,
    *,
    open_browser: bool = False,
    web: Sequence[str] | None = None,
    worker: Sequence[str] | None = None,
) -> int:
    """Run until SIGTERM or SIGINT; the exit status. Call it in the main thread, on a prepared data folder.

    web, worker: the children as arguments of Python (`-m module ...` or a script); None: the real ones. `{port}` in
        them stands for the port, which matters when the setting is 0: any free one.
    """
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    try:
        with _only_one(settings.data_dir):
            _wait_for_former_children(settings.data_dir / STATE)
            port = _free_port(settings.host, settings.port)
            children = {
                "web": Child("web process", web or _web_command(settings.host), settings, port),
                "worker": Child(
                    "worker", worker or ("-m", "mednerapp.cli", "worker", "--id", _worker_id(settings)), settings, port
                ),
            }
            _watch(children, settings, port, stopping, open_browser=open_browser)
    except MedNerError as error:
        _say(str(error), sys.stderr)
        return 1
    return 0


def _watch(children: dict[str, Child], settings: Settings, port: int, stopping: Event, *, open_browser: bool) -> None:
    state = settings.data_dir / STATE
    announced = False
    try:
        while not stopping.is_set():
            changed = [child.keep_alive() for child in children.values()]
            if any(changed):
                pids = {f"{name}_pid": child.pid for name, child in children.items()}
                _write(state, {"pid": os.getpid(), "port": port, **pids})
            if not announced and _healthy(settings.host, port):
                announced = True
                address = (
                    settings.public_url or f"http://{_in_url(ANY_ADDRESS.get(settings.host, settings.host))}:{port}"
                )
                _say(f"MedNER is ready: {address}  (Ctrl+C stops it)", sys.stdout)
                if open_browser:
                    webbrowser.open(address)
            stopping.wait(TICK)
    finally:
        _stop(list(children.values()))
        state.unlink(missing_ok=True)


class Child:
    """One process that is started again when it dies, later and later if it keeps dying."""

    def __init__(self, name: str, command: Sequence[str], settings: Settings, port: int) -> None:
        self._name = name
        arguments = [argument.replace("{port}", str(port)) for argument in command]
        self._command = [sys.executable, "-m", "mednerapp.jobs.lifeline", *arguments]
        self._environment = environment(settings.model_copy(update={"port": port}))
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._start_at = 0.0
        self._delay = FIRST_DELAY

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def keep_alive(self) -> bool:
        """Start the process if it is time to; True when which process it is (or that there is none) has changed."""
        if self._process is None:
            if time.monotonic() < self._start_at:
                return False
            self._start()
            return True
        status = self._process.poll()
        if status is None:
            return False
        self._close()
        if time.monotonic() - self._started > HEALTHY_AFTER:
            self._delay = FIRST_DELAY
        _say(f"The {self._name} ended (status {status}); it is started again in {self._delay:g} s.", sys.stderr)
        self._start_at = time.monotonic() + self._delay
        self._delay = min(self._delay * 2, LONGEST_DELAY)
        return True

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.PIPE,  # the lifeline
            start_new_session=True,  # Ctrl+C reaches us alone; we stop the children in order
        )
        self._started = time.monotonic()

    def terminate(self) -> None:
        if self._process:
            self._process.terminate()

    def wait(self, until: float) -> None:
        """Wait for the end; kill at `until` (monotonic seconds)."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.close()
        self._process = None


def _stop(children: Sequence[Child]) -> None:
    until = time.monotonic() + STOP_WITHIN
    for child in children:
        child.terminate()
    for child in children:
        child.wait(until)


def _worker_id(settings: Settings) -> str:
    """The same after each start, so that a worker knows its former self, and no other's on a shared database."""
    folder = hashlib.sha256(str(settings.data_dir.absolute()).encode()).hexdigest()[:6]
    return f"{socket.gethostname()[:60]}-{folder}"


def _web_command(host: str) -> tuple[str, ...]:
    app = Path(mednerapp.__file__).parent.parent / "app.py"
    if not app.is_file():
        raise MedNerError(f"The web application is not where it should be: {app}. Install MedNER again.")
    options = {
        "server.address": host,
        "server.port": "{port}",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    return ("-m", "streamlit", "run", str(app), *(f"--{name}={value}" for name, value in options.items()))


def _free_port(host: str, port: int) -> int:
    """`port` itself, or a free one for 0.

    Raises:
        MedNerError: if somebody listens there or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # elsewhere the option means that a busy port may be taken
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise MedNerError(
                f"Cannot listen on {host} port {port} ({error.strerror}). "
                "Stop the program that uses it or choose another: --port, MEDNER_PORT, make app PORT=..."
            ) from error
        return int(probe.getsockname()[1])


def _healthy(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(ANY_ADDRESS.get(host, host), port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def _only_one(data_dir: Path) -> Generator[None]:
    """Hold the data folder's lock, which the system drops with the process.

    Raises:
        MedNerError: if another process holds it.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / LOCK
    try:
        if sys.platform == "win32":  # a file that can be created once and disappears with its owner
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_TEMPORARY)
        else:
            import fcntl

            handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, FileExistsError) as error:
        raise MedNerError(f"MedNER already runs on the data folder {data_dir.absolute()}. Stop it first.") from error
    try:
        yield
    finally:
        os.close(handle)


def _wait_for_former_children(state: Path) -> None:
    """After a supervisor that was killed, its children take some seconds to notice; until then they hold the port."""
    try:
        former = json.loads(state.read_text(encoding="utf-8"))
        pids = [int(former[name]) for name in ("web_pid", "worker_pid") if former.get(name)]
    except (OSError, ValueError, TypeError):
        return  # the usual case: the last supervisor took the file with it
    until = time.monotonic() + STOP_WITHIN
    while any(_alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(TICK)


def _alive(pid: int) -> bool:
    if sys.platform == "win32":  # signal 0 would end it there
        return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _write(path: Path, values: dict[str, int | None]) -> None:
    """Whole or not at all: others read the file while we run."""
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(values), encoding="utf-8")
    draft.replace(path)


def _say(message: str, where: TextIO) -> None:
    where.write(message + "\n")
    where.flush()
