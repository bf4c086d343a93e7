from __future__ import annotations

import pytest

from bench_core.profiling.speed_groups import speed_group

VERSIONS = {"python": "3.11.7", "torch": "2.12.1+cu130", "vireid-bench": "0.1.0"}
GROUP = speed_group("NVIDIA H200", "float32", VERSIONS)


@pytest.mark.parametrize(
    "other",
    [
        speed_group("NVIDIA H100", "float32", VERSIONS),
        speed_group("NVIDIA H200", "bfloat16", VERSIONS),
        speed_group("NVIDIA H200", "float32", VERSIONS | {"torch": "2.12.1+cpu"}),
    ],
    ids=["device", "number format", "software"],
)
def test_speeds_of_another_kind_do_not_compare(other: str) -> None:
    assert other != GROUP


def test_what_does_not_compute_may_differ() -> None:
    assert speed_group("NVIDIA H200", "float32", VERSIONS | {"vireid-bench": "0.2.0"}) == GROUP
