"""What Ray does is looked at in a process of its own: it warns, starts others and listens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from mednerapp.domain.exchange import Document, Unreadable
from mednerapp.domain.spans import ScoredSpan, Span
from mednerapp.errors import MedNerError, ModelProblem
from mednerapp.formats.table import FORMATS
from mednerapp.services import bulk_annotating, bulk_on_ray
from mednerapp.services.bulk_annotating import BulkProgress
from mednerapp.services.bulk_on_ray import found_on_ray
from mednerapp.services.predicting import Predictor

CANARY = "Quillfeather"
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="the extra is not installed")


def rows() -> Iterator[Document | Unreadable]:
    for number in range(23):
        yield Document(f"Fever of {CANARY}, day {number}.", id=str(number), submitted=False)
    yield Unreadable("row 24", "The note is empty.")
    yield Document("Fever again.", id="3", submitted=False)


def find(texts: Sequence[str], /) -> Sequence[Sequence[ScoredSpan]]:
    return [(ScoredSpan(Span(0, 5, "Symptom"), 0.1 + 0.2),) for _ in texts]


def load() -> Predictor:
    return find


def load_nothing() -> Predictor:
    raise ModelProblem("The model is not there.")


def load_what_fails() -> Predictor:
    def fail(texts: Sequence[str], /) -> Sequence[Sequence[ScoredSpan]]:
        raise ValueError(texts[0])

    return fail


def here(documents: Iterator[Document | Unreadable], out: Path) -> BulkProgress:
    return bulk_annotating.annotate(documents, out, row=FORMATS["jsonl"], predictor=find, model="Starter", part=5)


def on_ray(out: Path, how: str = "load") -> BulkProgress:
    loads = {"load": load, "nothing": load_nothing, "fails": load_what_fails}
    work = partial(found_on_ray, read=rows, load=loads[how], part=5, actors=1, gpus=0)
    return bulk_annotating.write(work, out, row=FORMATS["jsonl"], model="Starter", part=5, on_progress=tell)


def tell(now: BulkProgress) -> None:
    """While Ray runs: addresses on which any of its processes listens, and what it has written."""
    if now.parts != 3:
        return
    me = psutil.Process()
    listens = {
        c.laddr.ip for p in [me, *me.children(recursive=True)] for c in p.net_connections() if c.status == "LISTEN"
    }
    folder = next(Path(os.environ["TMPDIR"]).glob("medner-*"))
    files = [path for path in folder.rglob("*") if path.is_file()]
    quoted = [path.name for path in files if CANARY.encode() in path.read_bytes()]
    print(json.dumps([sorted(listens), oct(folder.stat().st_mode & 0o777), len(files), quoted]))


def in_a_process(out: Path, temporary: Path, how: str = "load") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, __file__, str(out), how],
        env=os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def short() -> Iterator[Path]:
    """Sockets are made below it, whose paths have to be short."""
    with TemporaryDirectory(prefix="r") as name:
        yield Path(name)


@needs_ray
def test_what_one_engine_begins_ray_ends_with_the_same_files(tmp_path: Path, short: Path) -> None:
    whole = here(rows(), tmp_path / "here")
    here(islice(rows(), 10), tmp_path / "both")
    ended = in_a_process(tmp_path / "both", short)
    assert ended.returncode == 0, ended.stderr
    told, both = (json.loads(line) for line in ended.stdout.splitlines())
    assert BulkProgress(*both) == whole
    assert {p.name: p.read_bytes() for p in (tmp_path / "both").iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "here").iterdir()
    }
    listens, mode, files, quoted = told
    assert listens
    assert {address.removeprefix("::ffff:") for address in listens} == {"127.0.0.1"}
    assert mode == "0o700"
    assert files > 0
    assert quoted == []
    assert not list(short.glob("medner-*"))


@needs_ray
@pytest.mark.parametrize(("how", "said"), [("nothing", "The model is not there."), ("fails", "ValueError")])
def test_what_fails_on_ray_is_said_without_a_word_of_a_note(tmp_path: Path, short: Path, how: str, said: str) -> None:
    ended = in_a_process(tmp_path / "out", short, how)
    assert ended.returncode == 1
    assert f"MedNerError: The work on Ray ended early: {said}" in ended.stderr
    assert CANARY not in ended.stderr + ended.stdout
    assert not list(short.glob("medner-*"))


def test_what_a_killed_run_left_of_ray_goes_with_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    of_ended, of_running = tmp_path / f"medner-{ended.pid}-a", tmp_path / f"medner-{os.getppid()}-a"
    for folder in (of_ended, of_running):
        (folder / "r").mkdir(parents=True)
    with bulk_on_ray._folder() as ours:
        assert ours.parent.stat().st_mode & 0o777 == 0o700
        assert sorted(tmp_path.iterdir()) == sorted([of_running, ours.parent])
    assert list(tmp_path.iterdir()) == [of_running]


def test_without_ray_it_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in ("RAY_USAGE_STATS_ENABLED", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, "")
    with pytest.raises(MedNerError, match=r"mednerapp\[ray\]"):
        next(found_on_ray(0, read=rows, load=load, part=5, actors=1, gpus=0))


if __name__ == "__main__":
    done = on_ray(Path(sys.argv[1]), sys.argv[2])
    print(json.dumps([done.notes, done.spans, done.rejected, done.parts]))
