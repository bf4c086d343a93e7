"""What the plugin registers of its paper."""

from __future__ import annotations

from itertools import pairwise

import bench_bot

(SPEC,) = bench_bot.bench_register_methods()
TRICKS = (
    "warm_up",
    "random_erasing",
    "label_smoothing",
    "last_stride",
    "neck",
    "center_loss",
)


def test_registers_one_method() -> None:
    assert SPEC.id == "bot"
    assert (SPEC.paper.venue, SPEC.paper.year) == ("CVPR Workshops", 2019)


def test_each_row_adds_one_trick_to_the_row_before() -> None:
    full, *rows = SPEC.variants
    tricks = [{trick for trick in TRICKS if trick not in row.values} for row in (*rows, full)]
    assert tricks[0] == set()
    assert [after - before for before, after in pairwise(tricks)] == [{name} for name in TRICKS]
    assert [row.name for row in rows] == [
        "standard", "warm-up", "random-erasing", "label-smoothing", "last-stride", "neck",
    ]  # fmt: skip


def test_the_presets() -> None:
    assert [preset.name for preset in SPEC.presets] == ["paper", "official-code", "quick"]
