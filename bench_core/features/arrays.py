"""Arrays of an .npz file, read without trusting it: nothing is unpickled, no size believed."""

from __future__ import annotations

import math
import struct
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.system.foreign_files import HEAD_BYTES, is_bomb, open_given, quoted, recognise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

INTEGER_COLUMNS = ("identity", "camera", "index")
_TEXT = ("modality", "metric", "training_split", "notes", "role")
_MAPPED_BYTES = 2**28
"""Arrays of so many bytes stay in their file, where they are not packed."""
_BYTES_PER_CHECK = 2**22
_LOCAL_HEADER = struct.Struct("<26xHH")
"""What comes before the name of a member of a ZIP archive; it ends with the lengths of the name and
of what follows it."""
_MOST_NAMES = 5
_ARCHIVE = "a ZIP archive"
_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""Readers of the headers that arrays of numbers and text have, by version."""


def read_arrays(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read those of some arrays that an .npz has; each is one of numbers or of text.

    Args:
        path: The file.
        wanted: Names of the arrays, features first; one of them must be there.

    Raises:
        DataError: The file is unreadable or damaged, or an array holds Python objects.
    """
    with open_given(path) as file:
        try:
            kind = recognise(file.read(HEAD_BYTES))
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                return _named_arrays(archive, wanted)
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from error
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        # A malformed archive surfaces in zipfile, zlib or numpy as nearly any exception.
        except Exception as error:
            if kind not in (None, _ARCHIVE):
                raise DataError(f"{path} holds no features: it is {kind}") from error
            reason = _shown(error)
            if kind == _ARCHIVE:
                reason = (
                    f"the archive is cut short or damaged ({_shown(error)}); copy or download it "
                    "again"
                )
            raise DataError(f"{path} is no .npz of plain arrays: {reason}") from error


def _named_arrays(archive: zipfile.ZipFile, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    members = set(archive.namelist())
    found = [name for name in wanted if f"{name}.npy" in members]
    if not found:
        raise DataError(f"no array {', '.join(wanted[:_MOST_NAMES])}{_describe_archive(members)}")
    return {name: _read_array(archive, name) for name in found}


def _describe_archive(members: set[str]) -> str:
    if any(name.rpartition("/")[2] == "data.pkl" for name in members):
        return (
            ": it is a PyTorch file (torch.save), which is never loaded because it could run code; "
            "where you trust it, load it yourself and save its arrays with numpy.savez"
        )
    shown = ", ".join(quoted(name) for name in sorted(members)[:_MOST_NAMES])
    return f"; it holds {shown}" if shown else "; it holds nothing"


def _read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Read one member, whose size must be what its header says before any memory is taken."""
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"'{name}' is packed as numpy.savez never does; write the file with it")
    if is_bomb(member.compress_size, member.file_size):
        raise DataError(
            f"'{name}' would unpack from {member.compress_size} to {member.file_size} bytes: no "
            "features do; write the file again"
        )
    with archive.open(member) as file:
        layout = read_header(file, name)
        num_bytes = math.prod(layout.shape) * layout.dtype.itemsize
        if num_bytes != member.file_size - file.tell():
            raise DataError(
                f"'{name}' should take {num_bytes} bytes but takes {member.file_size - file.tell()}"
                "; the file is damaged: write or copy it again"
            )
    stored = member.compress_type == zipfile.ZIP_STORED
    if stored and num_bytes >= _MAPPED_BYTES and layout.is_plain:
        return _map_array(archive, member, layout)
    with archive.open(member) as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _map_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, layout: Layout) -> NDArray[Any]:
    """Map a large array that lies in the file as it is, so that memory need not hold it.

    It is read once, without being kept, to compare its checksum.
    """
    with archive.open(member) as file:
        while file.read(_BYTES_PER_CHECK):
            pass
    source: Any = archive.fp
    source.seek(member.header_offset)
    name, extra = _LOCAL_HEADER.unpack(source.read(_LOCAL_HEADER.size))
    first = member.header_offset + _LOCAL_HEADER.size + name + extra + layout.header_bytes
    mapped = np.memmap(source, layout.dtype, "r", first, layout.shape)
    return mapped.view(np.ndarray)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How an array lies in a file.

    Attributes:
        shape: Its shape.
        dtype: Its type.
        is_plain: Whether its numbers are floating-point, and lie as this processor has them.
        header_bytes: Where they start.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_plain: bool
    header_bytes: int


def read_header(file: IO[bytes], name: str) -> Layout:
    """Read shape and type of an array; numbers and text alone are let through.

    Args:
        file: At the start of the array, as numpy.save writes it; afterwards at its first number.
        name: What it is called in messages.

    Raises:
        DataError: It is no array, or one of something else.
    """
    try:
        version = np.lib.format.read_magic(file)
        read = _READERS[version]
        shape, is_transposed, dtype = read(file)
    # numpy evaluates the header as a literal, which fails in nearly any way.
    except Exception as error:
        raise DataError(f"'{name}' is no array as numpy.savez writes it") from error
    if dtype.hasobject:
        into = "str" if name in _TEXT else "int" if name in INTEGER_COLUMNS else "'float32'"
        raise DataError(
            f"'{name}' is an array of Python objects, which are never loaded because they could "
            f"run code; save {name}.astype({into})"
        )
    if dtype.kind not in "biufcSU":
        raise DataError(f"'{name}' holds neither numbers nor text")
    return Layout(
        shape=shape,
        dtype=dtype,
        is_plain=dtype.kind == "f" and dtype.isnative and not is_transposed,
        header_bytes=file.tell(),
    )


def _shown(error: Exception) -> str:
    return quoted((str(error) or type(error).__name__).splitlines()[0])
