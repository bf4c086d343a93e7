"""Split files for scoring alone, the permutation file, and the digest."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from bench_core import DataError
from bench_sysu.dataset import SysuMM01Reader


def change_permutations(folder: Path, change: Callable[[Any], None]) -> None:
    path = folder / "rand_perm_cam.mat"
    cells = loadmat(path)["rand_perm_cam"]
    change(cells)
    savemat(path, {"rand_perm_cam": cells})


def test_test_identities_and_permutations_are_enough(root: Path) -> None:
    for name in ("train", "val"):
        (root / "exp" / f"{name}_id.txt").unlink()
    splits = SysuMM01Reader().read_splits(root / "exp")
    assert (splits.train, splits.val, splits.test) == ((), (), (3, 5, 7))
    permutations = splits.official_permutations()
    assert permutations[5, 7].shape == (10, 12)
    assert permutations[5, 7].dtype == np.int64
    assert (3, 5) not in permutations


def test_a_dataset_root_serves_as_well(root: Path) -> None:
    reader = SysuMM01Reader()
    assert reader.read_splits(root).digest() == reader.read_splits(root / "exp").digest()


def test_a_folder_without_test_identities_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neither test_id\.txt nor test_id\.mat, .* exp of SYSU"):
        SysuMM01Reader().read_splits(tmp_path)


def test_the_digest_is_of_the_content(root: Path, write_splits: Callable[[Path], None]) -> None:
    reader = SysuMM01Reader()
    before = reader.read(root).splits.digest()
    assert len(before) == 64
    write_splits(root / "exp")
    (root / "exp" / "test_id.txt").write_text("7, 5, 3\r\n")
    assert reader.read(root).splits.digest() == before


def test_the_digest_changes_with_identities_and_permutations(root: Path) -> None:
    reader = SysuMM01Reader()

    def swap(cells: Any) -> None:
        first = cells[0, 0][2, 0]
        first[0] = np.roll(first[0], 1)

    digests = [reader.read_splits(root).digest()]
    change_permutations(root / "exp", swap)
    digests.append(reader.read_splits(root).digest())
    (root / "exp" / "val_id.txt").write_text("8")
    digests.append(reader.read_splits(root).digest())
    (root / "exp" / "rand_perm_cam.mat").unlink()
    digests.append(reader.read_splits(root).digest())
    assert len(set(digests)) == 4


def test_the_digest_is_of_these_bytes(root: Path) -> None:
    """Records hold it: identities, then permutations by camera and identity in 64 bits each."""
    splits = SysuMM01Reader().read_splits(root)
    content = b'{"test": [3, 5, 7], "train": [1, 4], "val": [2]}'
    permutations = splits.official_permutations()
    for camera, identity in sorted(permutations):
        permutation = permutations[camera, identity]
        content += f"\n{camera} {identity} (10, {permutation.shape[1]})".encode()
        for number in permutation.flatten().tolist():
            content += number.to_bytes(8, "little")
    expected = hashlib.sha256(content).hexdigest()
    assert splits.digest() == expected
    backwards = dict(reversed(permutations.items()))
    assert replace(splits, permutations=backwards).digest() == expected
    short = {key: value.astype(np.uint8) for key, value in permutations.items()}
    assert replace(splits, permutations=short).digest() == expected


def test_images_are_counted_where_every_camera_has_its_folder(root: Path) -> None:
    (root / "exp" / "rand_perm_cam.mat").unlink()
    counts = SysuMM01Reader().read_splits(root).image_counts()
    assert counts is not None
    assert (counts.images[5, 7], counts.source) == (12, f"{root} has")
    shutil.rmtree(root / "cam4")
    assert SysuMM01Reader().read_splits(root).image_counts() is None


@pytest.mark.parametrize("content", [b"", b"not MATLAB" * 40, b"MATLAB 7.3 MAT-file" + bytes(600)])
def test_a_file_of_another_kind_is_named(root: Path, content: bytes) -> None:
    (root / "exp" / "rand_perm_cam.mat").write_bytes(content)
    with pytest.raises(DataError, match=r"rand_perm_cam\.mat is no MATLAB file of version 7"):
        SysuMM01Reader().read(root)


def test_a_truncated_permutation_file_is_named(root: Path) -> None:
    path = root / "exp" / "rand_perm_cam.mat"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"rand_perm_cam\.mat is no MATLAB file"):
        SysuMM01Reader().read(root)


def test_a_file_without_the_variable_is_named(root: Path) -> None:
    savemat(root / "exp" / "rand_perm_cam.mat", {"perm": np.ones(3)})
    with pytest.raises(DataError, match="holds no variable 'rand_perm_cam'"):
        SysuMM01Reader().read(root)


def test_a_matrix_is_no_cell_of_cameras(root: Path) -> None:
    savemat(root / "exp" / "rand_perm_cam.mat", {"rand_perm_cam": np.ones((6, 3))})
    with pytest.raises(DataError, match="is not a cell of cameras"):
        SysuMM01Reader().read(root)


def test_there_are_six_cameras(root: Path) -> None:
    path = root / "exp" / "rand_perm_cam.mat"
    savemat(path, {"rand_perm_cam": loadmat(path)["rand_perm_cam"][:5]})
    with pytest.raises(DataError, match="has 5 cells, expected one for each of the 6 cameras"):
        SysuMM01Reader().read(root)


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((10, 3), dtype=np.uint8),
        np.tile([1, 2, 4], (10, 1)),
        np.tile([1, 2, 3], (9, 1)),
        np.array([["a"] * 3] * 10, dtype=object),
    ],
)
def test_a_row_that_is_no_permutation_is_named(root: Path, matrix: np.ndarray) -> None:
    def spoil(cells: Any) -> None:
        cells[0, 0][2, 0] = matrix

    change_permutations(root / "exp", spoil)
    with pytest.raises(DataError, match="camera 1, identity 3 is not 10 rows"):
        SysuMM01Reader().read(root)
