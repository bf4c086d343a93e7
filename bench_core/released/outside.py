"""Somebody's interpreter runs an extraction script, and hands features back by a file.

It runs in a session of its own, which is ended with all its children whatever happens here. What
it prints is kept off our output; the end of its standard error is told where it fails.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.contracts.errors import BenchError, DataError, UsageError
from bench_core.system.child_processes import ended_with_us, heard
from bench_core.system.escaping import terminal_line

SCRIPT = Path(__file__).with_name("extraction_script.py")
"""Extracts by a declared network; it imports Python, NumPy and torch alone."""
_POLL_SECONDS = 0.05
_LINES_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """How a script is run.

    Attributes:
        python: The interpreter.
        script: The script; called with the path of a job, as `SCRIPT` explains.
        timeout_seconds: It is ended when its progress stands still for so long.
    """

    python: Path
    script: Path = SCRIPT
    timeout_seconds: float = 600

    def check(self) -> None:
        """Find out before anything is decoded what cannot be run.

        Raises:
            UsageError: There is no such interpreter or script.
        """
        if not (self.python.is_file() and os.access(self.python, os.X_OK)):
            raise UsageError(f"--python {self.python}: no such program; name an interpreter")
        if not self.script.is_file():
            raise UsageError(f"--script {self.script}: no such file")


@dataclass(frozen=True)
class HandedBack:
    """What a script handed back.

    Attributes:
        features: (N, views, dimensions), float32.
        versions: What it says that it ran with; empty where it says nothing.
    """

    features: NDArray[np.float32]
    versions: Mapping[str, str]


def extract_outside(
    interpreter: Interpreter,
    job: Mapping[str, Any],
    weights: Mapping[str, torch.Tensor] | None,
) -> HandedBack:
    """Let a script extract features.

    Args:
        interpreter: How it is run.
        job: What it is told, but for the names of files that it writes and of the weights.
        weights: Tensors by name, handed over as arrays: nobody unpickles a file.

    Raises:
        BenchError: It fails, or makes no progress.
        DataError: What it hands back are no finite features, one a row of the job.
    """
    with tempfile.TemporaryDirectory(prefix="bench-extract-") as name:
        folder = Path(name)
        written = {key: str(folder / key) for key in ("progress", "versions")}
        output = folder / "features.npy"
        script = folder / interpreter.script.name  # apart from modules that lie beside it
        whole = {
            **job,
            **written,
            "output": str(output),
            "weights": None if weights is None else str(write_weights(folder, weights)),
        }
        shutil.copyfile(interpreter.script, script)
        (folder / "job.json").write_text(json.dumps(whole), encoding="utf-8")
        _run(interpreter, script, folder)
        features = _read_features(interpreter, output, len(job["rows"]))
        return HandedBack(features, _read_versions(folder / "versions"))


def write_weights(folder: Path, weights: Mapping[str, torch.Tensor]) -> Path:
    """Write tensors as arrays, which every version of NumPy reads, into a new folder."""
    target = folder / "weights"
    target.mkdir()
    for number, tensor in enumerate(weights.values()):
        array = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
        np.save(target / f"{number}.npy", array.contiguous().numpy())
    (target / "names.json").write_text(json.dumps(list(weights)), encoding="utf-8")
    return target


def _run(interpreter: Interpreter, script: Path, folder: Path) -> None:
    """Run the script until it ends.

    Raises:
        BenchError: It cannot be started, fails, or stands still.
    """
    try:
        process = subprocess.Popen(
            [str(interpreter.python.absolute()), "-B", str(script), str(folder / "job.json")],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise BenchError(
            f"--python {interpreter.python} cannot be run: {error.strerror or error}"
        ) from error
    with ended_with_us(process), heard(process.stderr, process) as printed:
        code = wait_while_it_goes_on(process, folder / "progress", interpreter.timeout_seconds)
    if code == 0:
        return
    if code is None:
        what = (
            f"made no progress for {interpreter.timeout_seconds:g} s and was ended; give it longer "
            "with --timeout"
        )
    else:
        what = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    raise BenchError(f"{_name(interpreter)} {what}{_last_lines(printed.end)}")


def wait_while_it_goes_on(
    process: subprocess.Popen[bytes], progress: Path, timeout_seconds: float
) -> int | None:
    """Wait for a process while the content of a file changes.

    Args:
        process: It.
        progress: The file, which need not exist.
        timeout_seconds: The longest that the file may stand still.

    Returns:
        The exit code; None where the file stood still for longer.
    """
    seen, changed = b"", time.monotonic()
    while True:
        try:
            return process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            content = progress.read_bytes() if progress.is_file() else b""
            if content != seen:
                seen, changed = content, time.monotonic()
            elif time.monotonic() - changed > timeout_seconds:
                return None


def _last_lines(printed: str) -> str:
    # Of a traceback the lines that point at a place within a line are left out.
    lines = [line.strip() for line in printed.splitlines() if line.strip(" ^~\t")][-_LINES_SHOWN:]
    return (
        f"; the last it printed: {terminal_line(' | '.join(lines), longest=400)}" if lines else ""
    )


def _name(interpreter: Interpreter) -> str:
    return f"{interpreter.script.name} under {interpreter.python}"


def _read_features(interpreter: Interpreter, path: Path, num_rows: int) -> NDArray[np.float32]:
    """Read what was handed back.

    Raises:
        DataError: It is not what was asked for.
    """
    name = _name(interpreter)
    if not path.is_file():
        raise DataError(f"{name} ended well, but wrote no features")
    try:
        features = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise DataError(f"{name} wrote no readable .npy file: {error}") from error
    found = f"{features.dtype} of shape {features.shape}"
    if features.ndim not in (2, 3) or features.dtype.kind != "f" or 0 in features.shape[1:]:
        raise DataError(f"{name}: expected floats (images, dimensions), but got {found}")
    if len(features) != num_rows:
        raise DataError(f"{name} handed back {len(features)} rows for {num_rows} images")
    values: NDArray[np.float32] = features.astype(np.float32).reshape(
        num_rows, -1, features.shape[-1]
    )
    finite = np.isfinite(values).all(axis=(1, 2))
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        raise DataError(
            f"{name}: features of {int((~finite).sum())} images are not finite, the first of row "
            f"{first}"
        )
    return values


def _read_versions(path: Path) -> Mapping[str, str]:
    """Return what the script says that it ran with, as far as that can be read."""
    try:
        said = json.loads(path.read_bytes()[: 1 << 16])
    except (OSError, ValueError, RecursionError):  # it need not say anything
        return {}
    return (
        {str(k): terminal_line(str(v)) for k, v in said.items()} if isinstance(said, dict) else {}
    )
