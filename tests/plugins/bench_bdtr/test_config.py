"""The presets of BCTR and BDTR: the facts as numbers; parameters and multiply-adds by hand."""

from __future__ import annotations

import pytest
import torch

from bench_bdtr import PAPER, bench_register_methods
from bench_core import UsageError
from bench_core.configuration import choose_method
from bench_core.pipeline.costs import count_cost
from bench_core.testing import MethodBuilder

OF_BCTR, OF_BDTR = bench_register_methods()
BUILDER = MethodBuilder(OF_BDTR)

CONVOLUTIONS = 2_469_696
PATH = CONVOLUTIONS + 9216 * 4096 + 4096
PATH_MACS = 658_145_280 + 9216 * 4096


def test_one_paper_has_both_methods() -> None:
    assert [spec.id for spec in (OF_BCTR, OF_BDTR)] == ["bctr", "bdtr"]
    assert OF_BCTR.paper == OF_BDTR.paper == PAPER
    assert (PAPER.venue, PAPER.year) == ("IJCAI", 2018)
    assert [variant.name for variant in OF_BDTR.variants] == ["full", "resnet50"]


@pytest.mark.parametrize("builder", [MethodBuilder(OF_BCTR), BUILDER])
def test_paper_holds_the_facts(builder: MethodBuilder) -> None:
    config = builder.choose("paper")
    assert (config.backbone, config.weights) == ("alexnet", "imagenet")
    assert (config.image_size, config.backbone_size) == ((256, 256), (227, 227))
    assert (config.fc6_width, config.fc7_width, config.dropout) == (4096, 1024, 0.5)
    optimizer = config.optimizer
    assert (optimizer.kind, optimizer.learning_rate, optimizer.momentum) == ("sgd", 0.001, 0.9)
    assert optimizer.weight_decay == 0
    assert (config.cross_weight, config.cross_margin) == (1.0, 0.5)
    assert config.augmentation.flip == 0


def test_the_constraint_within_is_bdtrs_alone() -> None:
    config = BUILDER.choose("paper")
    assert (config.intra_weight, config.intra_margin) == (0.1, 0.1)
    with pytest.raises(UsageError, match="intra_weight"):
        MethodBuilder(OF_BCTR).choose("paper", "full", "intra_weight=0.1")


def test_official_code_has_the_slips_of_crop_mean_and_feature() -> None:
    paper, official = BUILDER.choose("paper"), BUILDER.choose("official-code")
    slips = {"crop_offset": "both-axes", "mean_order": "reversed"}
    slips["embedding"] = "fc7-before-relu"
    assert official == paper.model_copy(update=slips)


def test_quick_is_small_and_keeps_the_losses() -> None:
    quick, paper = BUILDER.choose("quick"), BUILDER.choose("paper")
    assert (quick.backbone, quick.weights, quick.image_size) == ("small", "none", (96, 48))
    assert quick.loss_weights == paper.loss_weights
    assert (quick.cross_margin, quick.intra_margin) == (paper.cross_margin, paper.intra_margin)


def test_parameters_and_multiply_adds_of_alexnet() -> None:
    """For the 206 people of RegDB; an image costs its path and fc7, not the classifier."""
    choice = choose_method(OF_BDTR, OF_BDTR.variants[0], "paper", ())
    cost = count_cost(choice, torch.device("cpu"), num_identities=206)
    top = 4096 * 1024 + 1024
    assert cost.inference.parameters == 2 * (PATH + 2 * 4096) + top
    assert cost.inference.training_only_parameters == 1024 * 206 + 206
    assert {*cost.inference.macs.values()} == {PATH_MACS + 4096 * 1024} == {700_088_320}
