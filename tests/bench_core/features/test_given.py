"""Features as given: what they must be, and their file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench_core.contracts.errors import DataError, UsageError
from bench_core.features.given import GivenFeatures, read_given_features, write_given_features

FEATURES = np.arange(10, dtype=np.float32).reshape(5, 1, 2)
TABLE = pd.DataFrame(
    {
        "identity": [6, 6, 6, 6, 7],
        "camera": [3, 3, 1, 1, 1],
        "role": ["query", "query", "gallery", "gallery", "gallery"],
    }
)


def make(**changes: Any) -> GivenFeatures:
    return GivenFeatures(**({"features": FEATURES, "table": TABLE, "metric": "cosine"} | changes))


def test_the_index_is_a_place_among_rows_alone() -> None:
    table, trial = make(notes=("a note",)).as_table({"query": "infrared", "gallery": "visible"})
    assert table.table.to_dict("list") == {
        "identity": [6, 6, 6, 6, 7],
        "camera": [3, 3, 1, 1, 1],
        "modality": ["infrared", "infrared", "visible", "visible", "visible"],
        "index": [0, 1, 0, 1, 0],
    }
    assert trial.query.tolist() == [0, 1]
    assert trial.gallery.tolist() == [2, 3, 4]
    assert table.notes == ("a note",)


def test_an_image_may_be_query_and_gallery_within_one_modality() -> None:
    both = make(table=TABLE.assign(camera=1))
    table, trial = both.as_table({"query": "visible", "gallery": "visible"})
    assert not table.table.duplicated().any()
    assert trial.gallery.tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": FEATURES[:4]}, "'features' has 4 rows for 5 images"),
        ({"features": FEATURES + np.nan}, "NaN or infinite values in 5 of 5 rows"),
        ({"metric": "dot"}, "unknown metric 'dot'"),
        ({"table": TABLE.assign(role="query")}, "there is no gallery image"),
        ({"table": TABLE.assign(role=["query", "gallery", "a", "b", "b"])}, "unknown role 'a'"),
    ],
)
def test_what_no_features_may_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make(**changes)


@pytest.mark.parametrize("notes", [(), ("one", "two")])
def test_a_file_keeps_everything(tmp_path: Path, notes: tuple[str, ...]) -> None:
    path = tmp_path / "given.npz"
    write_given_features(path, make(notes=notes))
    read = read_given_features(path)
    np.testing.assert_array_equal(read.features, FEATURES)
    pd.testing.assert_frame_equal(read.table, TABLE, check_dtype=False)
    assert (read.metric, read.notes, read.source) == ("cosine", notes, path)
    with pytest.raises(UsageError, match="--metric euclidean contradicts"):
        read_given_features(path, "euclidean")


def test_a_file_without_an_array_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", features=FEATURES, role=["query"] * 5)
    with pytest.raises(DataError, match=r"a\.npz: no array identity, camera; needed are"):
        read_given_features(tmp_path / "a.npz")


@pytest.mark.parametrize("note", ["", "two\nlines", "x" * 401, "\x1b[2J"])
def test_notes_must_be_lines_that_can_be_printed(tmp_path: Path, note: str) -> None:
    write_given_features(tmp_path / "a.npz", make(notes=("fine", note)))
    with pytest.raises(DataError, match=r"a\.npz: 'notes' must be printable lines"):
        read_given_features(tmp_path / "a.npz")
