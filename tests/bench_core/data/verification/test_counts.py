"""Counting images and people, beside what is published."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench_core.contracts.dataset import PublishedCount
from bench_core.contracts.errors import PluginError
from bench_core.data.verification.counts import (
    check_counts,
    count_cameras,
    count_subsets,
    repeats_real_counts,
)

IMAGES = pd.DataFrame(
    [
        ("a", 4, 1, "visible"),
        ("b", 4, 1, "visible"),
        ("c", 5, 1, "visible"),
        ("d", 4, 1, "infrared"),
        ("e", 6, 3, "infrared"),
    ],
    columns=["path", "identity", "camera", "modality"],
    index=[10, 11, 12, 13, 14],  # rows are positions, whatever the table's index
)
SUBSETS = {"training": np.array([0, 1, 2, 3]), "query": np.array([4]), "nobody": np.array([], int)}


def published(images: int, identities: int | None = None, note: str = "") -> PublishedCount:
    return PublishedCount(
        subset="training", modality="visible", images=images, identities=identities, note=note
    )


def test_images_and_people_of_each_subset_and_modality() -> None:
    counts = count_subsets(IMAGES, SUBSETS, ())
    assert [(c.subset, c.modality, c.images, c.identities) for c in counts] == [
        ("training", "visible", 3, 2),
        ("training", "infrared", 1, 1),
        ("query", "infrared", 1, 1),
    ]
    assert {count.agrees for count in counts} == {None}
    assert list(check_counts(counts)) == []


@pytest.mark.parametrize(
    ("expected", "agrees"),
    [
        (published(3), True),
        (published(3, 2), True),
        (published(4), False),
        (published(3, 3), False),
    ],
)
def test_a_published_count_agrees_or_not(expected: PublishedCount, agrees: bool) -> None:
    first, *others = count_subsets(IMAGES, SUBSETS, [expected])
    assert (first.published, first.agrees) == (expected, agrees)
    assert {count.agrees for count in others} == {None}
    assert len(list(check_counts([first]))) == (not agrees)


def test_a_difference_is_told_with_what_is_known_of_it() -> None:
    note = "the first release had 2,000"
    (finding,) = check_counts(count_subsets(IMAGES, SUBSETS, [published(2000, 100, note)]))
    assert (finding.kind, finding.severity) == ("counts", "problem")
    assert finding.examples == (
        f"training visible: 3 images of 2 people, published are 2,000 of 100 people; {note}",
    )


def test_both_modalities_may_be_published_together() -> None:
    together = PublishedCount(subset="training", modality=None, images=4, identities=2)
    counts = count_subsets(IMAGES, SUBSETS, [together])
    assert [(count.modality, count.images) for count in counts if count.agrees] == [(None, 4)]


def test_a_published_subset_that_is_empty_is_a_difference() -> None:
    expected = PublishedCount(subset="nobody", modality="visible", images=1)
    (finding,) = check_counts(count_subsets(IMAGES, SUBSETS, [expected]))
    assert finding.examples == ("nobody visible: 0 images of 0 people, published are 1",)


def test_a_published_subset_that_the_reader_does_not_know_is_the_plugins_fault() -> None:
    expected = PublishedCount(subset="trainning", modality="visible", images=1)
    with pytest.raises(PluginError, match="'trainning' is a published count, but the reader has"):
        count_subsets(IMAGES, SUBSETS, [expected])


def test_cameras_are_counted_by_modality_and_subset() -> None:
    counts = count_cameras(IMAGES, SUBSETS)
    assert [(c.camera, c.modality, c.images, c.identities) for c in counts] == [
        (1, "visible", 3, 2),
        (1, "infrared", 1, 1),
        (3, "infrared", 1, 1),
    ]
    assert [count.subsets for count in counts] == [
        {"training": 3, "query": 0, "nobody": 0},
        {"training": 1, "query": 0, "nobody": 0},
        {"training": 0, "query": 1, "nobody": 0},
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (json.dumps({"scale": "full", "sizes": {"real_counts": True}}), True),
        (json.dumps({"scale": "full", "sizes": {"real_counts": False}}), False),
        (json.dumps({"scale": "tiny", "sizes": {"real_counts": False}}), False),
        (json.dumps({"scale": "full"}), False),
        ("[]", False),
        ("{", False),
        (None, False),
    ],
)
def test_only_a_rendered_dataset_of_full_scale_has_the_real_counts(
    tmp_path: Path, content: str | None, expected: bool
) -> None:
    if content is not None:
        (tmp_path / "synthetic.json").write_text(content)
    assert repeats_real_counts(tmp_path) is expected
