"""pytorch_model.bin to safetensors, once, in a process of its own.

A .bin file is a pickle. It is opened here and nowhere else, with torch's restricted unpickler, by a process that has
no secrets in its environment and may use only so much memory, time and disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mednerapp.errors import ModelProblem

CHILD = "mednerapp.ner.converting"
LOOK_EVERY = 0.2  # seconds between two looks at whether the conversion is still wanted
CPU_SECONDS = 1800
SPARE_BYTES = 2**30  # beside the copies of the weights
KEPT_ENVIRONMENT = ("PATH", "HOME", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "OMP_NUM_THREADS")
REFUSED = 3  # exit status for a file that is not what it should be

# Old files call the layer norm's weights after its formula.
_OLD_NAMES = (("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias"))
_ENCODER_PARTS = ("embeddings.", "encoder.", "pooler.")


def convert(files: Sequence[Path], target: Path, *, still_wanted: Callable[[], None]) -> None:
    """Writes the encoder's tensors of the files to one safetensors file, the same bytes on every machine.

    Old names become today's, heads are left out, tensors that share memory get their own. `still_wanted` is called
    while it runs and may raise to end it.

    Raises:
        ModelProblem: if a file is damaged, holds anything but tensors, or needs more memory than it may have.
    """
    environment = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    command = [sys.executable, "-m", CHILD, str(target), *map(str, files)]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        while True:
            try:
                said, _ = process.communicate(timeout=LOOK_EVERY)
                break
            except subprocess.TimeoutExpired:
                still_wanted()
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode == 0:
        return
    name = files[0].name
    reason = said.strip() if process.returncode == REFUSED else f"the conversion ended with {process.returncode}"
    raise ModelProblem(
        f"The weights {name!r} could not be converted: {reason}. They are cut off, damaged, or not the weights of an "
        "encoder. Fetch the file again, or give a folder with model.safetensors."
    )


def encoder_tensors(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors of a BERT- or RoBERTa-type encoder under the names that its plain model has."""
    found: dict[str, Any] = {}
    for name, tensor in tensors.items():
        plain = name.removeprefix("module.").removeprefix("bert.").removeprefix("roberta.")
        for old, new in _OLD_NAMES:
            plain = plain.replace(old, new)
        if plain.startswith(_ENCODER_PARTS) and not plain.endswith("position_ids"):
            found[plain] = tensor.detach().clone().contiguous()
    return found


def join(files: Sequence[Path], target: Path) -> None:
    """Writes the tensors of several safetensors files to one; raises ModelProblem when one is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    tensors: dict[str, Any] = {}
    try:
        for path in files:
            tensors |= load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelProblem(
            f"One of {', '.join(p.name for p in files)} is cut off or damaged. Fetch them again."
        ) from error
    save_file(encoder_tensors(tensors), target, metadata={"format": "pt"})


def _limit(size: int) -> None:
    """Memory for four copies of the weights beside what is mapped already (torch itself), and as much on the disk."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    statm = Path("/proc/self/statm")
    if statm.is_file():
        mapped = int(statm.read_text().split()[0]) * resource.getpagesize()
        most = mapped + 4 * size + SPARE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * size + SPARE_BYTES, 4 * size + SPARE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _main(target: Path, files: Sequence[Path]) -> int:
    import torch
    from safetensors.torch import save_file

    _limit(sum(path.stat().st_size for path in files))
    tensors: dict[str, Any] = {}
    try:
        for path in files:
            loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
            if not isinstance(loaded, dict) or not all(isinstance(value, torch.Tensor) for value in loaded.values()):
                print("it holds something other than named tensors")  # noqa: T201 - the answer to the parent
                return REFUSED
            tensors |= loaded
        found = encoder_tensors(tensors)
        if not found:
            some = ", ".join(sorted(tensors)[:3]) or "nothing"
            print(f"none of its tensors belongs to a BERT or RoBERTa encoder (it holds {some})")  # noqa: T201
            return REFUSED
        save_file(found, target, metadata={"format": "pt"})
    except MemoryError:
        print("it needs more memory than its size explains")  # noqa: T201
        return REFUSED
    except Exception as error:  # noqa: BLE001 - whatever a damaged file does, the parent says it in one sentence
        print(f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}")  # noqa: T201
        return REFUSED
    print(json.dumps({"tensors": len(found)}))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1]), [Path(word) for word in sys.argv[2:]]))
