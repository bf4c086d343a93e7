"""Opening a dataset: the one door to what a plugin reads from a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench_core.contracts.dataset import Dataset, DatasetReader, DatasetSpec, Splits
from bench_core.contracts.errors import DataError
from bench_core.loading import load_object


def open_dataset(spec: DatasetSpec, root: Path) -> Dataset:
    """Read the images and the split files of a dataset.

    Args:
        spec: Which dataset it is.
        root: Its folder.

    Raises:
        DataError: The root is no such dataset, or something of it may not be read.
    """
    reader: DatasetReader = load_object(spec.reader)()
    with readable(root):
        return reader.read(root)


def open_splits(spec: DatasetSpec, folder: Path) -> Splits:
    """Read split files alone.

    Args:
        spec: Whose they are.
        folder: The folder that holds them, or the root of the dataset.

    Raises:
        DataError: A split file is missing, malformed or may not be read.
    """
    reader: DatasetReader = load_object(spec.reader)()
    with readable(folder):
        return reader.read_splits(folder)


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn what the file system refuses into one line, whatever was asked for.

    Args:
        folder: What is named where the error names nothing.

    Raises:
        DataError: The file system refused something.
    """
    try:
        yield
    except OSError as error:
        raise DataError(
            f"cannot read {error.filename or folder}: {error.strerror or error}"
        ) from error
