"""An array with a manifest beside it: CSV or Parquet."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench_core.contracts.errors import DataError
from bench_core.features import manifest
from bench_core.features.manifest import read_array_with_manifest

FEATURES = np.arange(8, dtype=np.float32).reshape(4, 2)
IMAGES = pd.DataFrame(
    {
        "identity": [6, 6, 6, 7],
        "camera": [1, 1, 3, 1],
        "modality": ["visible", "visible", "infrared", "visible"],
        "index": [1, 0, 0, 0],
        "remark": ["kept out"] * 4,
    }
)
PATHS = ["b/2.jpg", "b/1.jpg", "a/1.jpg", "b/1.jpg"]


@pytest.fixture
def array(tmp_path: Path) -> Path:
    """Write the array and its manifest; return the array."""
    np.save(tmp_path / "mine.npy", FEATURES)
    IMAGES.to_csv(tmp_path / "mine.csv", index=False)
    return tmp_path / "mine.npy"


def lies_in_file(features: np.ndarray) -> bool:
    base: object = features
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    return isinstance(base, np.memmap)


def test_rows_of_the_manifest_are_rows_of_the_array(array: Path) -> None:
    found = read_array_with_manifest(array)
    np.testing.assert_array_equal(found.features[:, 0], FEATURES)
    pd.testing.assert_frame_equal(found.table, IMAGES.drop(columns="remark"), check_dtype=False)
    assert found.metric == "euclidean"
    assert lies_in_file(found.features)


def test_paths_give_the_index_by_their_order(array: Path) -> None:
    IMAGES.drop(columns="index").assign(path=PATHS).to_csv(array.with_suffix(".csv"), index=False)
    found = read_array_with_manifest(array, "cosine")
    assert found.table["index"].tolist() == [1, 0, 0, 0]
    assert found.metric == "cosine"


def test_a_parquet_manifest_says_the_same(array: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    array.with_suffix(".csv").unlink()
    IMAGES.to_parquet(array.with_suffix(".parquet"))
    assert read_array_with_manifest(array).table["index"].tolist() == [1, 0, 0, 0]
    IMAGES.iloc[:3].to_parquet(array.with_suffix(".parquet"))
    with pytest.raises(DataError, match=r"mine\.parquet has 3 rows for the 4 rows of mine\.npy"):
        read_array_with_manifest(array)
    array.with_suffix(".parquet").write_bytes(b"PAR1 and nothing")
    with pytest.raises(DataError, match=r"mine\.parquet is no Parquet file with a header, or it"):
        read_array_with_manifest(array)


def test_parquet_without_pyarrow_says_how_to_install_it(
    array: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array.with_suffix(".csv").rename(array.with_suffix(".parquet"))
    monkeypatch.setattr(manifest.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"needs pyarrow; install .*'vireid-bench\[parquet\]'"):
        read_array_with_manifest(array)


def test_half_precision_is_widened(array: Path) -> None:
    np.save(array, FEATURES.astype(np.float16))
    found = read_array_with_manifest(array)
    assert found.features.dtype == np.float32
    np.testing.assert_array_equal(found.features[:, 0], FEATURES)


@pytest.mark.parametrize(
    ("rows", "message"),
    [(3, "has 3 rows for the 4 rows"), (8, "has 5 or more rows for the 4 rows")],
)
def test_there_is_a_row_for_each_row(array: Path, rows: int, message: str) -> None:
    pd.concat([IMAGES, IMAGES]).iloc[:rows].to_csv(array.with_suffix(".csv"), index=False)
    with pytest.raises(DataError, match=rf"mine\.csv {message} of mine\.npy"):
        read_array_with_manifest(array)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"camera": None}, r"mine\.csv: no column camera$"),
        ({"index": None, "modality": None}, r"no column modality, index \(or path\)$"),
        ({"identity": [6, 6, "x", 7]}, r"mine\.csv: row 2: identity is 'x', no whole number"),
        ({"index": [1, 0, 0.5, 0]}, r"mine\.csv: row 0: index is '1\.0', no whole number"),
        ({"modality": ["visible"] * 3 + ["rgb"]}, r"row 3 has the modality 'rgb' \(known"),
        ({"index": [0, 0, 0, 0]}, r"1 rows repeat an image, the first is row 1"),
        ({"index": None, "path": ["a"] * 4}, r"1 rows of 'path' name an image again, .* row 1"),
    ],
)
def test_what_is_wrong_in_a_manifest_is_named(
    array: Path, change: dict[str, list[object] | None], message: str
) -> None:
    table = IMAGES.astype(object)
    for name, values in change.items():
        table = table.drop(columns=name) if values is None else table.assign(**{name: values})
    table.to_csv(array.with_suffix(".csv"), index=False)
    with pytest.raises(DataError, match=message):
        read_array_with_manifest(array)


def test_bytes_that_are_no_text_are_refused(array: Path) -> None:
    array.with_suffix(".csv").write_bytes(b"identity,camera\n\xff\xfe,1\n")
    with pytest.raises(DataError, match=r"mine\.csv is no CSV file in UTF-8 with a header, or it"):
        read_array_with_manifest(array)


def test_an_array_without_manifest_says_what_to_write(array: Path) -> None:
    array.with_suffix(".csv").unlink()
    with pytest.raises(DataError, match=r"no manifest lies beside it: write mine\.csv with the"):
        read_array_with_manifest(array)


def test_two_manifests_are_refused(array: Path) -> None:
    array.with_suffix(".parquet").write_bytes(b"")
    with pytest.raises(DataError, match=r"mine\.csv and mine\.parquet are both manifests"):
        read_array_with_manifest(array)


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("an object of an array was loaded",)


def test_an_array_of_objects_is_refused_and_nothing_in_it_runs(array: Path) -> None:
    np.save(array, np.array([[Harmful()]] * 4), allow_pickle=True)
    with pytest.raises(DataError, match=r"mine\.npy: 'features' is an array of Python objects"):
        read_array_with_manifest(array)


def test_a_pickle_under_the_name_of_an_array_is_no_array(array: Path) -> None:
    array.write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(DataError, match=r"mine\.npy: 'features' is no array"):
        read_array_with_manifest(array)


@pytest.mark.parametrize("change", [lambda content: content[:-4], lambda content: content + b"\0"])
def test_an_array_of_another_length_than_it_says_is_refused(array: Path, change: object) -> None:
    array.write_bytes(change(array.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataError, match=r"the array should take 32 bytes but takes \d+; the file"):
        read_array_with_manifest(array)
