"""The presets of LOMO, and what they refuse."""

from __future__ import annotations

import pytest

from bench_core import UsageError
from bench_core.testing import MethodBuilder
from bench_lomo import bench_register_methods

BUILDER = MethodBuilder(*bench_register_methods())


def test_paper_is_the_authors_descriptor() -> None:
    config = BUILDER.choose("paper")
    assert (config.image_size, config.weights) == ((128, 48), "none")
    assert (config.retinex, config.texture_threshold) == ("msr", 0.3)
    assert config.learner == "none"
    assert set(config.after_training) == {"extraction_batch"}


def test_xqda_learns_of_all_dimensions_and_cdfe_of_components() -> None:
    xqda, cdfe = BUILDER.choose("paper", "xqda"), BUILDER.choose("paper", "cdfe")
    assert (xqda.learner, cdfe.learner) == ("xqda", "cdfe")
    assert (xqda.xqda.pca_dimensions, xqda.xqda.ridge) == (None, 0.001)
    assert cdfe.cdfe.pca_dimensions == 600


def test_quick_describes_as_paper_does() -> None:
    quick, paper = BUILDER.choose("quick").model_dump(), BUILDER.choose("paper").model_dump()
    assert {key for key in quick if quick[key] != paper[key]} == {"xqda", "cdfe"}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("image_height=15", "--set image_height=15: "),
        ("texture_threshold=1", "--set texture_threshold=1: "),
        ("retinex=ssr", "--set retinex="),
        ("xqda.ridge=0", "--set xqda.ridge=0: "),
        ("cdfe.separation=-1", "--set cdfe.separation=-1: "),
    ],
)
def test_what_cannot_be_is_refused(assignment: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BUILDER.choose("paper", "full", assignment)
