"""What the words above a column say of its numbers."""

from __future__ import annotations

import pytest

from bench_core.table_lint.scopes import metrics_in, protocols_of, scope_of


@pytest.mark.parametrize(
    ("text", "protocols"),
    [
        ("All Search", ["sysu-all-single"]),
        ("Indoor-search, single-shot", ["sysu-indoor-single"]),
        ("SYSU-MM01 all search multi-shot", ["sysu-all-multi"]),
        ("SYSU-MM01", ["sysu-all-single"]),
        ("Indoor 10-shot", ["sysu-indoor-multi"]),
        ("sysu-indoor-multi", ["sysu-indoor-multi"]),
        ("Visible to Thermal", ["regdb-visible-to-thermal"]),
        ("Thermal-to-Visible", ["regdb-thermal-to-visible"]),
        ("visible2thermal", ["regdb-visible-to-thermal"]),
        ("V2T", ["regdb-visible-to-thermal"]),
        ("RegDB (V \u2192 T)", ["regdb-visible-to-thermal"]),
        ("RegDB Infrared to Visible", ["regdb-thermal-to-visible"]),
        ("LLCM IR to VIS", ["llcm-infrared-to-visible"]),
        ("LLCM VIS to IR", ["llcm-visible-to-infrared"]),
        ("RegDB", ["regdb-visible-to-thermal", "regdb-thermal-to-visible"]),
        ("SYSU-MM01 and RegDB", []),
        ("Market-1501", []),
        ("", []),
    ],
)
def test_headings_name_protocols(text: str, protocols: list[str]) -> None:
    assert list(protocols_of(scope_of(text))) == protocols


def test_a_caption_fills_what_the_heading_leaves_open() -> None:
    caption = scope_of("Results on SYSU-MM01, multi-shot")
    assert protocols_of(scope_of("Indoor").or_else(caption)) == ("sysu-indoor-multi",)
    assert protocols_of(scope_of("RegDB V2T").or_else(caption)) == ("regdb-visible-to-thermal",)


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("R1", ["rank-1"]),
        ("r=10", ["rank-10"]),
        ("Rank-20 (%)", ["rank-20"]),
        ("rank 1", ["rank-1"]),
        ("R@5", ["rank-5"]),
        ("top-1", ["rank-1"]),
        ("CMC-1", ["rank-1"]),
        ("mAP", ["mAP"]),
        ("mINP (%)", ["mINP"]),
        ("R1 / mAP", ["rank-1", "mAP"]),
        ("R100", []),
        ("Params (M)", []),
        ("mapping", []),
    ],
)
def test_headings_name_metrics(text: str, metrics: list[str]) -> None:
    assert list(metrics_in(text)) == metrics
