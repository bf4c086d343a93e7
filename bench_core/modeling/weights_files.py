"""Weights files of anybody: read without running code, unwrapped, and held against a network."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load

from bench_core.contracts.errors import CheckpointError
from bench_core.system.escaping import terminal_line

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network")
"""Entries in which training programs keep the state dictionary beside other things."""
PARALLEL_PREFIX = "module."
UNCOUNTED = ".num_batches_tracked"
"""A counter of normalisations that files of older versions of PyTorch lack."""
NAMES_SHOWN = 5
_NUMBERS = re.compile(r"[<>=|]?[biuf](1|2|4|8)")
"""Types of NumPy that stand for plain numbers, as a pickle names them."""
_REFUSED_GLOBAL = re.compile(r"(?:GLOBAL|function) <?([\w.]+)")


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A weights file, read.

    Attributes:
        path: Where it lies.
        form: "safetensors", "PyTorch archive" or "PyTorch stream" (written before version 1.6).
        tensors: Its tensors by name, without what they were wrapped in.
        wrapper: The entry that held them; None where they are the file itself.
        prefix: What was taken off in front of every name; empty where there was nothing.
        others: What stands beside the entry, such as the epoch, each put into words.
    """

    path: Path
    form: str
    tensors: Mapping[str, torch.Tensor]
    wrapper: str | None = None
    prefix: str = ""
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How the tensors of a file fit those of a network, by name and shape.

    Attributes:
        matched: Names of tensors that both have, of one shape.
        missing: Names that the network has and the file lacks; counters of batches do not count.
        unexpected: Names that the file has and the network lacks.
        reshaped: Those of another shape: "name (shape in the file) for (shape in the network)".
        num_expected: Tensors of the network.
        num_found: Tensors of the file.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[str, ...]
    num_expected: int
    num_found: int

    @property
    def difference(self) -> str | None:
        """What does not fit, on one line with a few names of each kind; None where all does."""
        kinds = {
            "missing": (self.missing, self.num_expected),
            "unknown": (self.unexpected, self.num_found),
            "of another shape": (self.reshaped, self.num_expected),
        }
        parts = [
            f"{len(names)} of {number} tensors are {kind}, such as {', '.join(names[:NAMES_SHOWN])}"
            for kind, (names, number) in kinds.items()
            if names
        ]
        return "; ".join(parts) or None


def fit_tensors(
    expected: Mapping[str, torch.Tensor],
    found: Mapping[str, torch.Tensor],
    *,
    unused: Sequence[str] = (),
    missing: Sequence[str] = (),
) -> Fit:
    """Hold tensors from a file against those of a network.

    Args:
        expected: The state of the network.
        found: The tensors of the file.
        unused: Patterns, as of a shell, of names in the file that are left out.
        missing: Patterns of names of the network that the file may lack.
    """
    used = {name: tensor for name, tensor in found.items() if not matches(name, unused)}
    common = [name for name in expected if name in used]
    return Fit(
        matched=tuple(name for name in common if used[name].shape == expected[name].shape),
        missing=tuple(
            name
            for name in expected
            if name not in used and not name.endswith(UNCOUNTED) and not matches(name, missing)
        ),
        unexpected=tuple(name for name in used if name not in expected),
        reshaped=tuple(
            f"{name} {tuple(used[name].shape)} for {tuple(expected[name].shape)}"
            for name in common
            if used[name].shape != expected[name].shape
        ),
        num_expected=len(expected),
        num_found=len(used),
    )


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Say whether a name matches one of some patterns, as of a shell."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def open_weights_file(path: Path, option: str, wrapper: str | None = None) -> WeightsFile:
    """Read a .safetensors, .pth or .t file; no code in it is run.

    What training programs wrap the tensors in is taken off: an entry such as "state_dict" or
    "net", and "module." in front of every name. Beside tensors, a file may hold plain numbers,
    texts, lists and NumPy's arrays and scalars of numbers, as AGW's does.

    Args:
        path: The file.
        option: The option that names it, for the message.
        wrapper: The entry that holds the tensors; None looks for it.

    Raises:
        CheckpointError: It cannot be read, holds Python objects, or no dictionary of tensors.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(512)
    except OSError as error:
        raise CheckpointError(f"{option} {path}: {error.strerror or error}") from error
    try:
        form, content = _read(path, beginning)
    except Exception as error:  # noqa: BLE001  # the reader of .pth raises anything for damaged ones
        raise CheckpointError(f"{option} {path}: {_explain(beginning, error)}") from None
    entry, state = _unwrapped(content, wrapper, f"{option} {path}")
    if not _is_state(state):
        raise CheckpointError(
            f"{option} {path}: expected a dictionary of tensors by name, as "
            "torch.save(model.state_dict(), FILE) writes it"
        )
    prefix = PARALLEL_PREFIX if state and all(n.startswith(PARALLEL_PREFIX) for n in state) else ""
    others = {} if entry is None else {k: v for k, v in content.items() if k != entry}
    return WeightsFile(
        path=path,
        form=form,
        tensors={name.removeprefix(prefix): tensor for name, tensor in state.items()},
        wrapper=entry,
        prefix=prefix,
        others={terminal_line(str(name)): _in_words(value) for name, value in others.items()},
    )


def _read(path: Path, beginning: bytes) -> tuple[str, Any]:
    # By content: a header of JSON behind its length, whatever the file is called.
    if beginning[8:9] == b"{":
        return "safetensors", load(path.read_bytes())
    form = "PyTorch archive" if beginning.startswith(b"PK") else "PyTorch stream"
    with (
        warnings.catch_warnings(action="ignore"),  # about pickles, which are refused anyway
        torch.serialization.safe_globals([*_STAND_INS]),
    ):
        # weights_only: a restricted reader that runs no code from the file.
        return form, torch.load(path, map_location="cpu", weights_only=True)


class _Dtype:
    """Stands for `numpy.dtype` while a file is read: numbers only.

    NumPy's own takes flags from the file, by which bytes could pass for references to objects.
    """

    def __init__(self, name: str, *_: object) -> None:
        if not isinstance(name, str) or not _NUMBERS.fullmatch(name):
            raise pickle.UnpicklingError("an array of something other than numbers")
        self.value = np.dtype(name)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take the order of the bytes, and nothing else."""
        if state[1] == ">":
            self.value = self.value.newbyteorder(">")


class _Array:
    """Stands for `numpy.ndarray` while a file is read."""

    value: NDArray[Any] = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take shape, type and bytes, as NumPy's own does for numbers."""
        _, shape, dtype, in_columns, content = state
        flat = np.frombuffer(_bytes(content), dtype=dtype.value)
        self.value = flat.reshape(shape, order="F" if in_columns else "C")


def _reconstruct(*_: object) -> _Array:
    """Stand for NumPy's function that makes an empty array, which is filled afterwards."""
    return _Array()


def _scalar(dtype: _Dtype, content: object) -> object:
    """Stand for NumPy's function that makes a scalar: return it as a number of Python's."""
    return np.frombuffer(_bytes(content), dtype=dtype.value, count=1)[0].item()


def _bytes(content: object) -> bytes:
    if not isinstance(content, bytes):
        raise pickle.UnpicklingError("an array of something other than numbers")
    return content


_STAND_INS: list[tuple[Callable[..., Any], str]] = [
    (_Dtype, "numpy.dtype"),
    (_Array, "numpy.ndarray"),
    *(
        (function, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")  # NumPy 1 and NumPy 2
        for function, name in ((_scalar, "scalar"), (_reconstruct, "_reconstruct"))
    ),
]
"""What of NumPy a file may name beside tensors, and what is called in its place."""


def _unwrapped(content: Any, wrapper: str | None, where: str) -> tuple[str | None, Any]:
    """Return the entry that holds the tensors, and what it holds.

    Raises:
        CheckpointError: The entry that was asked for is not there.
    """
    if not isinstance(content, dict):
        return None, content
    if wrapper is not None:
        if not isinstance(content.get(wrapper), dict):
            found = ", ".join(terminal_line(str(name)) for name in list(content)[:NAMES_SHOWN])
            raise CheckpointError(f"{where}: has no dictionary '{wrapper}', but {found}")
        return wrapper, content[wrapper]
    entries = [name for name in WRAPPERS if isinstance(content.get(name), dict)]
    return (entries[0], content[entries[0]]) if entries else (None, content)


def _is_state(state: Any) -> bool:
    return isinstance(state, dict) and all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    )


def _in_words(value: object) -> str:
    """Put what stands beside the tensors into words: a number as it is, all else by its size."""
    if isinstance(value, bool | int | float | str):
        return terminal_line(str(value), longest=40)
    if isinstance(value, _Array):
        return f"{value.value.dtype} {value.value.shape}"
    if isinstance(value, torch.Tensor):
        return f"tensor {tuple(value.shape)}"
    if isinstance(value, dict | list | tuple):
        return f"{len(value)} entries"
    return type(value).__name__


def _explain(beginning: bytes, error: Exception) -> str:
    start = beginning.lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page and no weights; download the file that the page links to"
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer and no weights; fetch the file itself with git lfs pull"
    if isinstance(error, pickle.UnpicklingError):
        named = _REFUSED_GLOBAL.search(str(error))
        what = f" ({named[1]})" if named else ""
        return (
            f"it is no file of tensors alone{what}, or is damaged; a pickle of Python objects is "
            "never read: save the tensors with torch.save(model.state_dict(), FILE) or as "
            ".safetensors"
        )
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"cannot be read ({reason}); it is damaged, or no .safetensors or .pth file"
