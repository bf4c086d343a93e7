"""The scores of each query survive the way through their file."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench_core.contracts.errors import DataError
from bench_core.evaluation.query_table import QueryTable
from bench_core.results.query_scores import encode_query_table, load_query_table
from bench_core.results.store import query_scores_path, read_result
from bench_core.system.files import hash_file

MakeTable = Callable[..., QueryTable]
StoreResult = Callable[..., Path]


def point_at(beside: Path, path: Path) -> None:
    """Let the record name the file beside it as it is now."""
    document = json.loads(path.read_text()) | {"query_scores": hash_file(beside)}
    path.write_text(json.dumps(document))


def test_what_was_written_is_read_back(make_table: MakeTable, store_result: StoreResult) -> None:
    table = make_table()
    path = store_result(table)
    found = load_query_table(path, read_result(path))
    assert found.same_queries(table)
    np.testing.assert_array_equal(found.scores[:, :4], table.scores[:, :4])
    np.testing.assert_allclose(found.scores[:, 4:], table.scores[:, 4:], rtol=1e-7)


def test_groups_of_trials_and_invalid_queries_are_kept(
    make_table: MakeTable, store_result: StoreResult
) -> None:
    table = make_table(num_identities=4)
    valid = np.arange(20) % 3 > 0
    parts = np.where(np.arange(20) < 12, 2 / 3, 5 / 7) * valid
    changed = replace(
        table,
        group=np.repeat([0, 1], [12, 8]),
        group_trials=np.array([3, 7]),
        valid=valid,
        scores=np.column_stack([parts] * 6),
    )
    path = store_result(changed)
    found = load_query_table(path, read_result(path))
    assert found.same_queries(changed)
    np.testing.assert_array_equal(found.scores[:, :4], changed.scores[:, :4])


def test_the_same_scores_give_the_same_bytes(make_table: MakeTable) -> None:
    assert encode_query_table(make_table()) == encode_query_table(make_table())


def test_a_file_of_the_size_of_sysu_mm01_is_small(make_table: MakeTable) -> None:
    assert len(encode_query_table(make_table(num_identities=96, shots=40))) < 100_000


def test_arrays_have_the_documented_names_and_types(make_table: MakeTable) -> None:
    with np.load(io.BytesIO(encode_query_table(make_table())), allow_pickle=False) as arrays:
        types = {name: str(array.dtype) for name, array in arrays.items()}
    assert types == {
        **dict.fromkeys(("identity", "camera", "index", "group", "group_trials"), "int64"),
        "valid": "bool",
        **dict.fromkeys(("rank-1", "rank-5", "rank-10", "rank-20"), "uint16"),
        **dict.fromkeys(("AP", "INP"), "float32"),
    }


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04"])
def test_a_file_of_another_form_is_named(
    make_table: MakeTable, store_result: StoreResult, content: bytes
) -> None:
    path = store_result(make_table())
    beside = query_scores_path(path)
    beside.write_bytes(content)
    point_at(beside, path)
    with pytest.raises(DataError, match=r"queries\.npz does not hold the scores of queries: "):
        load_query_table(path, read_result(path))


def test_a_file_without_an_array_is_named(make_table: MakeTable, store_result: StoreResult) -> None:
    path = store_result(make_table())
    beside = query_scores_path(path)
    np.savez(beside, identity=np.arange(3))
    point_at(beside, path)
    with pytest.raises(DataError, match=r"does not hold the scores of queries: .*camera"):
        load_query_table(path, read_result(path))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("group", np.full(200, 7), "'group' does not number"),
        ("group", np.zeros(200), "'group' is float64"),
        ("group", np.zeros(199, dtype=np.int64), r"has 200 rows for 199 queries"),
        ("valid", np.zeros(200, dtype=np.bool_), "'group' does not number"),
        ("group_trials", np.array([0]), "'group_trials' is no number"),
        ("group_trials", np.array([], dtype=np.int64), "'group' does not number"),
        ("AP", np.full(200, np.nan, dtype=np.float32), r"'AP' is not in \[0, 1\]"),
        ("AP", np.zeros((200, 1), dtype=np.float32), r"'AP' is float32 of shape \(200, 1\)"),
    ],
)
def test_an_array_of_another_form_is_named(
    make_table: MakeTable, store_result: StoreResult, name: str, value: Any, message: str
) -> None:
    path = store_result(make_table())
    beside = query_scores_path(path)
    with np.load(beside) as arrays:
        changed = {**arrays, name: value}
    np.savez(beside, **changed)
    point_at(beside, path)
    with pytest.raises(DataError, match=f"does not hold the scores of queries: .*{message}"):
        read_result(path)
