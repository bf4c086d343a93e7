"""Parquet holds the rows of the CSV, with their types."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.flat import FLAT_TABLE_COLUMNS
from bench_core.leaderboard.parquet import (
    COUNTS,
    FLAGS,
    FRACTIONS,
    LISTS,
    NUMBER_LISTS,
    parquet_rows,
    parquet_table,
)
from bench_core.leaderboard.render import check, render_bytes
from bench_core.leaderboard.rows import flat_rows, sections
from bench_core.published.reading import read_published, shipped_folder

MakeRecord = Callable[..., ResultRecord]


def never(first: ResultRecord, second: ResultRecord) -> bool:
    return False


def test_every_named_column_is_one_of_the_rows() -> None:
    assert set(FLAT_TABLE_COLUMNS) >= FLAGS | LISTS | NUMBER_LISTS | COUNTS | FRACTIONS


def test_types_are_those_of_the_values(make_record: MakeRecord) -> None:
    (row,) = flat_rows(sections([make_record()], never))
    lists = LISTS | NUMBER_LISTS
    kinds: dict[type, frozenset[str]] = {bool: FLAGS, list: lists, int: COUNTS, float: FRACTIONS}
    for name, value in row.items():
        if value is not None:
            named = [kind for kind, names in kinds.items() if name in names]
            assert named == ([] if isinstance(value, str) else [type(value)]), name


def test_without_pyarrow_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"needs pyarrow; install it with pip .*\[parquet\]"):
        parquet_table([])


def test_rows_are_read_back_as_they_were(make_record: MakeRecord, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    records = [
        make_record(0.4, method__overrides=["epochs"]),
        make_record(cost__images_per_second=None),
    ]
    content = render_bytes(records, "parquet", never)
    found = parquet_rows(content)
    told_apart = flat_rows(sections(records, never))
    for row, expected in zip(found["rows"], told_apart, strict=True):
        assert row["kind"] == "measured"
        assert expected.items() <= row.items()
    assert found["columns"] == parquet_rows(parquet_table([]))["columns"]
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    assert check(records, "parquet", never, path) is None
    told = check([make_record(0.6), records[1]], "parquet", never, path)
    assert told is not None
    assert "rows[0]" in told
    path.write_text("PAR1")
    assert "it is no Parquet table" in (check(records, "parquet", never, path) or "")


def test_published_rows_are_behind_measured_ones_with_numbers_and_nulls(
    make_record: MakeRecord,
) -> None:
    pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    published = read_published(shipped_folder()).published
    content = render_bytes([make_record(0.4872)], "parquet", never, (), published)
    found = parquet_rows(content)
    assert found["columns"] == parquet_rows(parquet_table([]))["columns"]
    measured, *others = found["rows"]
    assert (measured["kind"], measured["paper-rank-1"]) == ("measured", 0.4992)
    assert {row["kind"] for row in others} == {"published"}
    (xiv,) = [r for r in others if (r["method"], r["protocol"]) == ("xiv", "sysu-all-single")]
    assert (xiv["rank-1"], xiv["rank"], xiv["convention"]) == (0.4992, None, None)
    assert xiv["source"] == "XIV, Table 1; XIV, Table 4"
