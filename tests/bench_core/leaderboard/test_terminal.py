"""The table of a terminal: 80 columns, whatever the names, and nothing that a text could forge."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.rows import sections
from bench_core.leaderboard.terminal import leaderboard_text
from bench_core.plugins import Registry
from bench_core.system.text_layout import COLUMNS_OF_TERMINAL

MakeRecord = Callable[..., ResultRecord]


def table(*records: ResultRecord) -> list[str]:
    text = leaderboard_text(sections(records, lambda _first, _second: True))
    assert text.endswith("\n")
    lines = text.splitlines()
    assert all(len(line) <= COLUMNS_OF_TERMINAL for line in lines)
    return lines


def rows(lines: Sequence[str]) -> list[list[str]]:
    return [line.split() for line in lines if line.split(" ")[0].isdecimal()]


def test_a_row_is_a_line_of_percent_and_cost(make_record: MakeRecord) -> None:
    lines = table(make_record(1 / 3, 1 / 4))
    assert "#  method  rank-1       95 %    mAP   mINP  GMAC  Mpar" in lines
    assert "1  xiv      33.33  16.7-33.3  25.00  25.00  4.05  23.5" in lines


def test_every_built_in_name_has_one_line(make_record: MakeRecord, registry: Registry) -> None:
    for spec in registry.methods.values():
        for variant in spec.variants[1:]:
            record = make_record(method__id=spec.id, method__variant=variant.name)
            (row,) = [line for line in table(record) if line.startswith("1 ")]
            assert row.split()[1:3] == [f"{spec.id}:{variant.name}", "30.00"]


def test_a_long_name_goes_on_below_and_loses_nothing(make_record: MakeRecord) -> None:
    record = make_record(
        method__id="jsia",
        method__variant="il-without-disentanglement",
        method__overrides=["epochs"],
        protocol__rerank=True,
        provenance__selection="validation",
    )
    lines = table(record, make_record())
    start = next(place for place, line in enumerate(lines) if line.startswith("r1 "))
    assert [line.split("  30.00")[0].strip() for line in lines[start : start + 3]] == [
        "r1  jsia:il-without-disentanglement",
        "+ validation selection +",
        "re-ranking, epochs=3",
    ]


def test_a_name_wider_than_its_column_breaks_at_a_hyphen(make_record: MakeRecord) -> None:
    lines = table(make_record(method__id="a-very-long-name", method__variant="without-any-of-it"))
    start = next(place for place, line in enumerate(lines) if line.startswith("1 "))
    assert lines[start + 1].strip() == "it"


def test_real_data_stands_first_and_synthetic_data_is_called_so(make_record: MakeRecord) -> None:
    lines = table(make_record(), make_record(dataset__synthetic=True))
    real, synthetic = (
        next(place for place, line in enumerate(lines) if line.startswith(title))
        for title in ("REAL DATA", "SYNTHETIC DATA: rendered people.")
    )
    assert lines[real + 2].startswith("SYSU-MM01: sysu-all-single, official galleries")
    assert real < synthetic
    assert any(line.startswith("Synthetic SYSU-MM01: ") for line in lines[synthetic:])


def test_synthetic_results_never_stand_under_real_data(make_record: MakeRecord) -> None:
    title = "x\n\nREAL DATA\n\nSYSU-MM01: sysu-all-single\x1b[2J"
    lines = table(make_record(dataset__synthetic=True, dataset__title=title))
    assert "REAL DATA" not in lines
    assert any(line.startswith("Synthetic x REAL DATA SYSU-MM01") for line in lines)
    assert "\x1b" not in "".join(lines)


def test_given_galleries_have_a_table_of_their_own(make_record: MakeRecord) -> None:
    lines = table(make_record(0.2), make_record(0.9, origin="given"))
    assert "SYSU-MM01: sysu-all-single, given galleries" in lines
    assert [row[0] for row in rows(lines)] == ["1", "1"]


def test_of_features_alone_no_cost_is_claimed(make_record: MakeRecord) -> None:
    nothing = ("parameters", "macs", "flops", "macs_visible", "macs_infrared")
    record = make_record(origin="features", **{f"cost__{name}": 0 for name in nothing})
    (row,) = [line for line in table(record) if line.startswith("1 ")]
    assert row.split()[-2:] == ["-", "-"]


def test_without_results_it_says_which_command_makes_one() -> None:
    assert "bench run --method xiv --protocol sysu-all-single" in "\n".join(table())


TEXT = st.text(max_size=120)


@pytest.mark.slow
@given(title=TEXT, finding=TEXT, key=TEXT, value=TEXT, macs=st.integers(0, 2**62 - 1))
@pytest.mark.parametrize("synthetic", [True, False])
def test_any_text_and_any_cost_fit(
    make_record: MakeRecord,
    title: str,
    finding: str,
    key: str,
    value: str,
    macs: int,
    synthetic: bool,
) -> None:
    record = make_record(
        dataset__synthetic=synthetic,
        dataset__title=title,
        dataset__findings=[" ".join(finding.splitlines()) or "x"],
        method__overrides=[key],
        method__config={key: value},
        cost__macs=macs,
        cost__flops=2 * macs,
        cost__macs_visible=macs,
        cost__macs_infrared=0,
    )
    lines = table(record, make_record())
    assert [line for line in lines if line in ("REAL DATA", "SYNTHETIC DATA")] == ["REAL DATA"]
    assert all(line.isprintable() for line in lines)
