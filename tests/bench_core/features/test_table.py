"""Feature tables: what they accept, and their files."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bench_core.contracts.errors import BenchError, DataError, UsageError
from bench_core.features import arrays
from bench_core.features.table import FeatureTable, read_features, write_features
from bench_core.system import foreign_files

ROWS = 4


def make_table(**columns: object) -> pd.DataFrame:
    default = {
        "identity": [1, 1, 2, 2],
        "camera": [1, 3, 1, 3],
        "modality": ["visible", "infrared", "visible", "infrared"],
        "index": [0, 0, 0, 0],
    }
    return pd.DataFrame({**default, **columns})


def make_arrays(**changes: object) -> dict[str, Any]:
    table = make_table()
    arrays: dict[str, Any] = {
        name: table[name].to_numpy() for name in ("identity", "camera", "index")
    }
    arrays["modality"] = np.array(table["modality"], dtype=np.str_)
    arrays["features"] = np.arange(ROWS * 3, dtype=np.float32).reshape(ROWS, 3)
    arrays.update(changes)
    return {name: array for name, array in arrays.items() if array is not None}


def saved(folder: Path, **changes: object) -> Path:
    path = folder / "features.npz"
    np.savez(path, **make_arrays(**changes))
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    features = np.random.default_rng(0).standard_normal((ROWS, 2, 5)).astype(np.float32)
    written = FeatureTable(features=features, table=make_table(), metric="cosine")
    write_features(tmp_path / "new" / "features.npz", written)
    read = read_features(tmp_path / "new" / "features.npz")
    np.testing.assert_array_equal(read.features, features)
    assert read.features.dtype == np.float32
    pd.testing.assert_frame_equal(read.table, written.table)
    assert read.metric == "cosine"


def test_the_training_split_is_kept_where_it_is_known(tmp_path: Path) -> None:
    features = np.ones((ROWS, 1, 2))
    for split in ("trial-3", None):
        written = FeatureTable(
            features=features, table=make_table(), metric="cosine", training_split=split
        )
        write_features(tmp_path / "features.npz", written)
        assert read_features(tmp_path / "features.npz").training_split == split


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    table = FeatureTable(features=np.ones((ROWS, 1, 2)), table=make_table(), metric="euclidean")
    write_features(tmp_path / "features.npz", table)
    write_features(tmp_path / "features.npz", table)
    assert [path.name for path in tmp_path.iterdir()] == ["features.npz"]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    table = FeatureTable(features=np.ones((ROWS, 1, 2)), table=make_table(), metric="euclidean")
    with pytest.raises(BenchError, match="cannot write"):
        write_features(tmp_path / "file" / "features.npz", table)


def test_features_without_views_have_one(tmp_path: Path) -> None:
    assert read_features(saved(tmp_path)).features.shape == (ROWS, 1, 3)


def test_a_file_without_metric_is_euclidean(tmp_path: Path) -> None:
    assert read_features(saved(tmp_path)).metric == "euclidean"


def test_a_file_without_metric_takes_the_one_that_is_given(tmp_path: Path) -> None:
    assert read_features(saved(tmp_path), "cosine").metric == "cosine"


def test_a_metric_that_repeats_the_file_is_accepted(tmp_path: Path) -> None:
    path = saved(tmp_path, metric=np.array("cosine"))
    assert read_features(path, "cosine").metric == "cosine"


def test_a_metric_that_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, metric=np.array("cosine"))
    with pytest.raises(UsageError, match=r"--metric euclidean contradicts .*npz.* are cosine"):
        read_features(path, "euclidean")


@pytest.mark.parametrize(
    ("stored", "read"), [(np.float16, np.float32), (np.float32, np.float32), (np.float64,) * 2]
)
def test_half_precision_is_widened(tmp_path: Path, stored: type, read: type) -> None:
    path = saved(tmp_path, features=np.ones((ROWS, 3), dtype=stored))
    assert read_features(path).features.dtype == read


@pytest.mark.parametrize("name", ["features", "identity", "camera", "modality", "index"])
def test_a_missing_array_is_named(tmp_path: Path, name: str) -> None:
    needed = "features, identity, camera, modality, index, with a row for each image"
    with pytest.raises(DataError, match=rf"features\.npz: no array {name}.*{needed}"):
        read_features(saved(tmp_path, **{name: None}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": np.ones((ROWS, 3), dtype=np.int64)}, "must be floating-point, not int64"),
        ({"features": np.ones(ROWS)}, r"has shape \(4,\)"),
        ({"features": np.ones((ROWS, 1, 1, 1))}, r"has shape \(4, 1, 1, 1\)"),
        ({"features": np.ones((ROWS, 0))}, r"not empty.*\(4, 1, 0\)"),
        ({"features": np.ones((3, 2))}, "'identity' has shape .4,., but 'features' has 3 rows"),
        ({"features": np.float32(1)}, r"has shape \(\)"),
        ({"identity": np.ones(ROWS)}, "'identity' must be integers, not float64"),
        ({"camera": np.ones((ROWS, 1), dtype=int)}, r"'camera' has shape \(4, 1\)"),
        ({"modality": np.zeros(ROWS, dtype=int)}, "'modality' must be text, not int64"),
        ({"modality": np.array(["thermal"] * ROWS)}, "row 0 has the modality 'thermal'"),
        ({"metric": np.array("manhattan")}, "unknown metric 'manhattan'"),
        ({"metric": np.array("x\nError: y")}, r"unknown metric 'x\\nError: y'"),
        ({"metric": np.array("")}, "unknown metric ''"),
        ({"metric": np.array(["cosine"])}, r"'metric' must be one text.*shape \(1,\)"),
        ({"training_split": np.array(3)}, "'training_split' must be one text"),
        ({"modality": np.array(["x" * 5000] * ROWS)}, r"row 0 has the modality 'x{57}\.\.\.'"),
        ({"modality": np.array([b"visible"] * ROWS)}, "'modality' must be text, not |S7"),
        (
            {"identity": np.full(ROWS, 2**63, dtype=np.uint64)},
            "'identity' holds 92233720368547",
        ),
        (
            {"index": np.array([0] * ROWS, dtype=object)},
            r"'index' is .*save index\.astype\(int\)",
        ),
        ({"features": np.zeros(ROWS, dtype="f4,f4")}, "'features' holds neither numbers nor text"),
        (
            {"identity": np.array([1, 1, 2, 1])},
            "1 rows repeat an image, the first is row 3: identity 1, camera 3",
        ),
    ],
)
def test_a_wrong_array_is_an_error_that_names_the_file(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=rf"features\.npz: .*{message}"):
        read_features(saved(tmp_path, **changes))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_counted(tmp_path: Path, value: float) -> None:
    features = np.ones((ROWS, 3))
    features[[1, 3], 2] = value
    with pytest.raises(DataError, match="values in 2 of 4 rows, the first is row 1"):
        read_features(saved(tmp_path, features=features))


def test_a_table_in_memory_is_checked_as_well() -> None:
    with pytest.raises(DataError, match="4 rows for 3 images"):
        FeatureTable(
            features=np.ones((ROWS, 1, 2)), table=make_table().iloc[:3], metric="euclidean"
        )
    with pytest.raises(DataError, match="no column index"):
        FeatureTable(
            features=np.ones((ROWS, 1, 2)),
            table=make_table().drop(columns="index"),
            metric="euclidean",
        )


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*none\.npz: No such file"):
        read_features(tmp_path / "none.npz")


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut short"])
def test_a_file_of_another_kind_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "features.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"features\.npz (is no \.npz of|holds no features)"):
        read_features(path)


def test_a_single_array_is_an_error(tmp_path: Path) -> None:
    np.save(tmp_path / "features.npy", np.ones((2, 2)))
    with pytest.raises(DataError, match="is a single array"):
        read_features(tmp_path / "features.npy")


def test_a_truncated_or_damaged_file_is_an_error(tmp_path: Path) -> None:
    path = saved(tmp_path, features=np.ones((ROWS, 300)))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"is no \.npz of plain arrays"):
        read_features(path)
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"is no \.npz of plain arrays"):
        read_features(path)


@pytest.fixture
def mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave arrays of any size in their file."""
    monkeypatch.setattr(arrays, "_MAPPED_BYTES", 1)


def lies_in_file(array: np.ndarray) -> bool:
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base  # type: ignore[assignment]
    return False


@pytest.mark.usefixtures("mapped")
@pytest.mark.parametrize("stored", [np.float32, np.float64])
def test_large_features_stay_in_their_file(tmp_path: Path, stored: type) -> None:
    features = np.random.default_rng(0).standard_normal((ROWS, 2, 300)).astype(stored)
    path = saved(tmp_path, features=features)
    read = read_features(path).features
    assert lies_in_file(read)
    path.unlink()
    np.testing.assert_array_equal(read, features)
    assert not read.flags.writeable


@pytest.mark.usefixtures("mapped")
@pytest.mark.parametrize(
    "features",
    [
        np.ones((ROWS, 3), dtype=np.float16),
        np.asfortranarray(np.arange(12.0).reshape(ROWS, 3)),
        np.arange(12.0).reshape(ROWS, 3).astype(">f8"),
    ],
    ids=["half", "transposed", "other bytes"],
)
def test_features_that_must_be_converted_are_read_as_they_are(
    tmp_path: Path, features: np.ndarray
) -> None:
    read = read_features(saved(tmp_path, features=features)).features
    np.testing.assert_array_equal(read[:, 0], features)
    assert not lies_in_file(read)


@pytest.mark.usefixtures("mapped")
def test_compressed_features_are_unpacked_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    np.savez_compressed(path, **make_arrays())
    read = read_features(path).features
    np.testing.assert_array_equal(read[:, 0], make_arrays()["features"])
    assert not lies_in_file(read)


@pytest.mark.usefixtures("mapped")
def test_damage_in_large_features_is_an_error(tmp_path: Path) -> None:
    test_a_truncated_or_damaged_file_is_an_error(tmp_path)
    test_no_damage_ends_in_anything_but_an_error_of_one_line(tmp_path)


class Payload:
    """An object whose unpickling would leave a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    modality = np.array([Payload(trace)] * ROWS, dtype=object)
    with pytest.raises(DataError, match=r"'modality' is an array of Python objects.*astype\(str\)"):
        read_features(saved(tmp_path, modality=modality))
    plain = tmp_path / "plain.npz"
    plain.write_bytes(pickle.dumps(Payload(trace)))
    with pytest.raises(DataError, match="it is a Python pickle, which is never loaded"):
        read_features(plain)
    assert not trace.exists()


def rewritten(path: Path, change: Callable[[str, bytes], bytes], **options: Any) -> Path:
    """Write the members of an archive anew, each changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, change(name, content))
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"junk", "'features' is no array as numpy.savez writes it"),
        (b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16, "'features' is no array as numpy.savez"),
        (b"", "'features' is no array as numpy.savez writes it"),
    ],
)
def test_a_member_that_is_no_array_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = rewritten(saved(tmp_path), lambda name, old: content if name == "features.npy" else old)
    with pytest.raises(DataError, match=rf"features\.npz: {message}"):
        read_features(path)


def test_a_member_is_as_large_as_its_shape_says(tmp_path: Path) -> None:
    """Before any memory is taken: this header asks for 320 terabytes."""

    def grow(name: str, old: bytes) -> bytes:
        return old.replace(b"(4, 3), }", b"(40000000000000, 2), }") if "features" in name else old

    with pytest.raises(DataError, match=r"'features' should take 320000000000000 bytes but takes"):
        read_features(rewritten(saved(tmp_path), grow))


def test_what_unpacks_to_far_more_than_it_is_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "features.npz"
    monkeypatch.setattr(foreign_files, "_BOMB_BYTES", 2**20)
    np.savez_compressed(path, **make_arrays(features=np.zeros((2**10, 2**9))))
    with pytest.raises(DataError, match=r"'features' would unpack from .* to 4194432 bytes"):
        read_features(path)


def test_members_that_numpy_does_not_pack_so_are_refused(tmp_path: Path) -> None:
    path = rewritten(saved(tmp_path), lambda _, old: old, compression=zipfile.ZIP_LZMA)
    with pytest.raises(DataError, match=r"'features' is packed as numpy\.savez never does"):
        read_features(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!doctype html><title>x</title>", "it is a web page; download the file itself"),
        (b"version https://git-lfs.github.com/spec/v1\noid x", "it is a Git LFS pointer; fetch"),
        (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file"),
        (b"\x1f\x8b\x08", "it is compressed with gzip; unpack it"),
        (bytes(100), "it is nothing but zero bytes"),
        (b"", "it is empty"),
    ],
)
def test_what_a_file_is_instead_is_said(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "features.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"features\.npz holds no features: {what}"):
        read_features(path)


def test_an_archive_that_is_cut_short_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    path.write_bytes(b"PK\x03\x04 cut short")
    reason = (
        r"no \.npz of plain arrays: the archive is cut short or damaged \(.*\); copy or download"
    )
    with pytest.raises(DataError, match=reason):
        read_features(path)


def test_a_pytorch_file_is_named_and_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    torch.save({"features": torch.ones(2)}, path)
    with pytest.raises(DataError, match=r"it is a PyTorch file .* never loaded"):
        read_features(path)


def test_another_archive_says_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    np.savez(path, feats=np.ones(3))
    with pytest.raises(DataError, match=r"no array features, .*; it holds 'feats\.npy'"):
        read_features(path)


def test_text_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    modality = np.full((ROWS, 7), 0x7FFFFFFF, dtype=np.uint32).view("<U7")[:, 0]
    with pytest.raises(DataError, match="'modality' holds what is no text"):
        read_features(saved(tmp_path, modality=modality))


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(DataError, match=r"pipe\.npz: It is a named pipe, not a regular file"):
        read_features(tmp_path / "pipe.npz")
    with pytest.raises(DataError, match="/dev/zero: It is a device, not a regular file"):
        read_features(Path("/dev/zero"))


def test_a_name_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*: File name too long"):
        read_features(tmp_path / ("x" * 300))


def test_no_damage_ends_in_anything_but_an_error_of_one_line(tmp_path: Path) -> None:
    path = saved(tmp_path, metric=np.array("cosine"))
    content, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        changed = bytearray(content)
        for place in rng.integers(0, len(changed), rng.integers(1, 5)):
            changed[place] = rng.integers(0, 256)
        path.write_bytes(changed[: rng.integers(1, 2 * len(changed))])
        try:
            read_features(path)
        except DataError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 100
