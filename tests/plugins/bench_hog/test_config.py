"""The presets of HOG, and what they refuse."""

from __future__ import annotations

import pytest

from bench_core import UsageError
from bench_core.testing import MethodBuilder
from bench_hog import bench_register_methods

BUILDER = MethodBuilder(*bench_register_methods())


def test_paper_is_the_detector_of_pedestrians() -> None:
    config = BUILDER.choose("paper")
    assert (config.image_size, config.weights) == ((128, 64), "none")
    assert (config.gamma, config.block_sigma, config.clipping) == ("none", 8.0, 0.2)
    assert config.learner == "none"
    assert set(config.after_training) == {"extraction_batch"}


@pytest.mark.parametrize("learner", ["kissme", "lfda"])
def test_a_variant_learns_of_components(learner: str) -> None:
    config = BUILDER.choose("paper", learner)
    assert config.learner == learner
    assert getattr(config, learner).pca_dimensions == 200


def test_quick_describes_as_paper_does() -> None:
    quick, paper = BUILDER.choose("quick").model_dump(), BUILDER.choose("paper").model_dump()
    assert {key for key in quick if quick[key] != paper[key]} == {"kissme", "lfda"}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("image_width=15", "--set image_width=15: "),
        ("block_sigma=0", "--set block_sigma=0: "),
        ("gamma=log", "--set gamma="),
        ("lfda.neighbours=0", "--set lfda.neighbours=0: "),
        ("kissme.pca_dimensions=0", "--set kissme.pca_dimensions=0: "),
        ("kissme.dimensions=3", "unknown configuration key 'kissme.dimensions'"),
    ],
)
def test_what_cannot_be_is_refused(assignment: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BUILDER.choose("paper", "full", assignment)
