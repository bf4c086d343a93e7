"""Opening a dataset: whatever the file system refuses is one line, whoever reads it."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from bench_core.contracts.dataset import DatasetSpec
from bench_core.contracts.errors import DataError
from bench_core.data import opening
from bench_core.data.opening import open_dataset, open_splits
from bench_core.plugins import Registry


class ClosedReader:
    """Meets a folder that may not be read, and knows nothing of errors for users."""

    def read(self, root: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(root / "lists"))

    def read_splits(self, directory: Path) -> NoReturn:
        raise OSError("no number")


@pytest.fixture
def spec(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> DatasetSpec:
    monkeypatch.setattr(opening, "load_object", lambda _: ClosedReader)
    return replace(registry.dataset("sysu-mm01"), reader="somewhere:Reader")


def test_what_may_not_be_read_is_named(spec: DatasetSpec, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"^cannot read {tmp_path}/lists: Permission denied$"):
        open_dataset(spec, tmp_path)


def test_without_a_name_the_folder_is_named(spec: DatasetSpec, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"^cannot read {tmp_path}: no number$"):
        open_splits(spec, tmp_path)
