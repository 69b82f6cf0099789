"""What a user relies on of `mednerapp serve`: both processes run, come back when they die, and never stay behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from job_bench import HERE, ROOT, wait_for


class Served:
    def __init__(self, data: Path, port: int = 0) -> None:
        self.data = data
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MEDNER_DATA_DIR": str(data),
            "MEDNER_PORT": str(port),
            "MEDNER_IDLE_MINUTES": "7.5",
        }
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "supervised.py")],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def started(self, *, children: int = 2) -> dict[str, int]:
        """Wait until so many children have been started in all; who runs now."""
        wait_for(lambda: len(self.log()) >= children, f"{children} children are started")
        wait_for(lambda: self.state().get("web_pid") and self.state().get("worker_pid"), "both children run")
        return self.state()

    def log(self) -> list[str]:
        path = self.data / "started"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def state(self) -> dict[str, int]:
        path = self.data / "serve.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def runs(pid: int) -> bool:
    """Whether the process exists and is not a zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "data")
    yield served
    served.process.kill()
    served.process.communicate()


def test_children_that_die_come_back_and_a_stop_ends_everything(served: Served) -> None:
    assert served.process.stdout
    assert served.process.stderr
    before = served.started()
    ready = served.process.stdout.readline()
    assert ready.strip() == f"MedNER is ready: http://127.0.0.1:{before['port']}  (Ctrl+C stops it)"
    assert {line.split()[2] for line in served.log()} == {"7.5"}

    os.kill(before["worker_pid"], signal.SIGKILL)
    assert "The worker ended (status -9); it is started again in 0.5 s." in served.process.stderr.readline()
    between = served.started(children=3)
    assert between["worker_pid"] != before["worker_pid"]
    assert between["web_pid"] == before["web_pid"]
    os.kill(between["web_pid"], signal.SIGKILL)
    assert "The web process ended" in served.process.stderr.readline()
    after = served.started(children=4)
    assert after["web_pid"] != between["web_pid"]
    assert after["worker_pid"] == between["worker_pid"]

    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(timeout=20) == 0
    assert not runs(after["web_pid"])
    assert not runs(after["worker_pid"])
    assert served.state() == {}
    assert served.process.stdout.read() == ""


def test_nothing_stays_behind_when_the_supervisor_is_killed_and_it_can_start_again(served: Served) -> None:
    before = served.started()
    served.process.kill()
    served.process.wait()
    wait_for(lambda: not runs(before["web_pid"]) and not runs(before["worker_pid"]), "the children are gone")

    again = Served(served.data)
    after = again.started(children=4)
    again.process.send_signal(signal.SIGINT)
    again.process.communicate(timeout=20)
    assert again.process.returncode == 0
    assert not runs(after["worker_pid"])


def test_a_second_supervisor_on_one_data_folder_and_a_busy_port_are_refused_in_words(served: Served) -> None:
    served.started()
    second = Served(served.data)
    _, message = second.process.communicate(timeout=30)
    assert second.process.returncode == 1
    assert message == f"MedNER already runs on the data folder {served.data}. Stop it first.\n"

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        third = Served(served.data.parent / "elsewhere", port)
        _, message = third.process.communicate(timeout=30)
    assert third.process.returncode == 1
    assert message.startswith(f"Cannot listen on 127.0.0.1 port {port} (Address already in use). ")
    assert third.log() == []


def test_without_help_from_the_system_the_pipe_alone_ends_a_child(tmp_path: Path) -> None:
    """Where there is no parent-death signal: the parent lives, only the pipe is closed."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MEDNER_DATA_DIR": str(tmp_path),
        "MEDNER_IDLE_MINUTES": "1",
    }
    command = [sys.executable, "-m", "mednerapp.jobs.lifeline", str(HERE / "stand_in.py"), "worker"]
    child = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE)
    wait_for((tmp_path / "started").exists, "the child runs")
    assert child.poll() is None
    assert child.stdin
    child.stdin.close()
    assert child.wait(timeout=20) == -signal.SIGTERM
