from __future__ import annotations

import subprocess
import sys

import pytest

_HOLES = """
from mednerapp.ner.memory import give_back_free_memory, in_use

kept = [(bytes(9_000), bytes(9_000)) for _ in range(10_000)]
kept = [first for first, _ in kept]  # holes between what is kept
before = in_use("cpu")
give_back_free_memory()
print((before - in_use("cpu")) >> 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="another C library")
def test_holes_in_the_memory_are_given_back_to_the_system() -> None:
    found = subprocess.run([sys.executable, "-c", _HOLES], capture_output=True, text=True, check=True)
    assert int(found.stdout) > 30  # megabytes, of 90 in holes: pages that lie wholly in one
