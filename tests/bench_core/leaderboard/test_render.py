"""Each format holds all rows, and the same records always give the same bytes."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.contracts.errors import UsageError
from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard import render as rendering
from bench_core.leaderboard.flat import FLAT_TABLE_COLUMNS
from bench_core.leaderboard.render import FORMATS

MakeRecord = Callable[..., ResultRecord]


def close(first: ResultRecord, second: ResultRecord) -> bool:
    """Tell rows apart whose rank-1 differs by more than a quarter."""
    return first.scores.mean.rank_1 - second.scores.mean.rank_1 > 0.25


def render(records: Sequence[ResultRecord], output_format: str) -> str:
    return rendering.render(records, output_format, close)


def check(records: Sequence[ResultRecord], output_format: str, path: Path) -> str | None:
    return rendering.check(records, output_format, close, path)


FRACTIONS = st.sampled_from([0.0, 0.25, 0.5])  # few values, so that ties are common


@pytest.mark.parametrize("output_format", FORMATS)
@given(
    runs=st.lists(
        st.tuples(
            FRACTIONS,
            FRACTIONS,
            st.sampled_from(["xiv", "jsia"]),
            st.sampled_from([None, "baseline"]),
            st.integers(0, 2),
            st.booleans(),
            st.booleans(),
            st.sampled_from(["a" * 64, "0" * 64]),
        ),
        max_size=8,
    ),
    shuffle=st.randoms(use_true_random=False),
)
def test_the_order_of_the_records_changes_nothing(
    make_record: MakeRecord,
    output_format: str,
    runs: list[tuple[object, ...]],
    shuffle: Random,
) -> None:
    names = (
        "method__id",
        "method__variant",
        "method__seed",
        "protocol__rerank",
        "dataset__synthetic",
        "dataset__fingerprint",
    )
    records = [
        make_record(rank_1, mean_ap, **dict(zip(names, values, strict=True)))
        for rank_1, mean_ap, *values in runs
    ]
    expected = render(records, output_format)
    shuffle.shuffle(records)
    assert render(records, output_format) == expected


def test_an_unknown_format_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="leaderboard format 'markdwn'; did you mean 'markdown'"):
        render([], "markdwn")


def test_csv_is_one_flat_table_of_raw_fractions(make_record: MakeRecord) -> None:
    records = [
        make_record(1 / 3),
        make_record(0.5, protocol__convention="agw"),
        make_record(
            0.9,
            dataset__synthetic=True,
            protocol__rerank=True,
            provenance__selection="validation",
        ),
    ]
    rows = list(csv.DictReader(io.StringIO(render(records, "csv"))))
    assert [float(row["rank-1"]) for row in rows] == [0.5, 1 / 3, 0.9]
    assert [row["convention"] for row in rows] == ["agw", "official", "official"]
    assert [row["synthetic"] for row in rows] == ["False", "False", "True"]
    assert [row["rerank"] for row in rows] == ["False", "False", "True"]
    assert [row["selection"] for row in rows] == ["last", "last", "validation"]
    assert rows[0]["fingerprint"] == "a" * 64


def test_csv_leaves_what_was_not_measured_empty(make_record: MakeRecord) -> None:
    text = render([make_record(cost__images_per_second=None)], "csv")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["images_per_second"] == ""


def test_csv_and_json_have_values_of_changes_origins_and_formats(make_record: MakeRecord) -> None:
    record = make_record(
        origin="features",
        method__overrides=["epochs", "decay_at"],
        dataset__findings=["=1+1", "two"],
        provenance__training_format="tf32",
        provenance__training_threads=2,
    )
    (row,) = csv.DictReader(io.StringIO(render([record], "csv")))
    assert row["overrides"] == "epochs=3; decay_at=[40, 70]"
    assert (row["origin"], row["origin_files"]) == ("features", "e" * 64)
    assert row["findings"] == "'=1+1; two"
    assert (row["training_format"], row["training_threads"]) == ("tf32", "2")
    (section,) = json.loads(render([record], "json"))["sections"]
    assert section["rows"][0]["findings"] == ["=1+1", "two"]
    assert section["rows"][0]["overrides"] == ["epochs=3", "decay_at=[40, 70]"]


def test_no_text_of_a_record_is_a_formula_of_a_spreadsheet(make_record: MakeRecord) -> None:
    record = make_record(method__title="=HYPERLINK(A1)", cost__device="@x\n=1")
    (row,) = csv.DictReader(io.StringIO(render([record], "csv")))
    assert row["title"] == "'=HYPERLINK(A1)"
    assert row["device"] == "'@x =1"


def test_csv_without_results_is_its_heading() -> None:
    assert render([], "csv") == ",".join(FLAT_TABLE_COLUMNS) + "\n"


def test_json_holds_sections_with_their_rows(make_record: MakeRecord) -> None:
    records = [make_record(0.1), make_record(0.4, method__seed=1)]
    (section,) = json.loads(render(records, "json"))["sections"]
    assert section["protocol"] == "sysu-all-single"
    assert section["synthetic"] is False
    assert [(row["rank"], row["rank-1"]) for row in section["rows"]] == [(1, 0.4), (2, 0.1)]


def test_json_without_results_has_no_sections() -> None:
    assert json.loads(render([], "json")) == {"sections": []}


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_file_that_shows_the_results_passes_the_check(
    make_record: MakeRecord, tmp_path: Path, output_format: str
) -> None:
    path = tmp_path / "leaderboard"
    path.write_bytes(render([make_record()], output_format).encode())
    assert check([make_record()], output_format, path) is None


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_file_that_is_out_of_date_is_named_with_the_difference_and_the_remedy(
    make_record: MakeRecord, tmp_path: Path, output_format: str
) -> None:
    path = tmp_path / "leaderboard"
    path.write_text(render([make_record(0.3)], output_format))
    message = check([make_record(0.4)], output_format, path)
    assert message is not None
    assert message.startswith(f"{path} does not show the results as they are: ")
    assert message.endswith(
        f"; regenerate it with bench leaderboard --format {output_format} --output {path}"
    )
    assert re.search(r"(0\.3|30\.00).* and should be .*(0\.4|40\.00)", message)


@pytest.mark.parametrize(
    "change",
    [lambda text: text[:-1], lambda text: text + "\n", lambda text: text.replace("\n", "\r\n")],
)
def test_the_check_is_byte_for_byte(
    make_record: MakeRecord, tmp_path: Path, change: Callable[[str], str]
) -> None:
    path = tmp_path / "leaderboard.md"
    path.write_bytes(change(render([make_record()], "markdown")).encode())
    assert check([make_record()], "markdown", path) is not None


def test_a_file_that_does_not_exist_fails_the_check(tmp_path: Path) -> None:
    message = check([], "markdown", tmp_path / "leaderboard.md")
    assert message is not None
    assert "does not exist; regenerate it with bench leaderboard" in message
