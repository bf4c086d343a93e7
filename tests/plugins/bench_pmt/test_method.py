"""The training of PMT: stages, rates, losses by stage, batches; parameters and multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench_core.methods import Batch, Moment, SampledImages
from bench_core.testing import batch_of, enter_stage, stage_of, take_step, watch_step
from bench_pmt.config import PMTConfig
from bench_pmt.losses import (
    discriminative_center,
    modality_identity,
    modality_shared_enhancement,
    modality_triplet,
)
from bench_pmt.method import PMT

Choose = Callable[..., PMTConfig]
Make = Callable[..., PMT]

TOGETHER = {"identity", "triplet"}
BATCHES = ("sampling.identities=3", "sampling.images=2")


@pytest.mark.parametrize(
    ("variant", "options", "stages"),
    [
        ("full", (), {"gray": 6, "joint": 18}),
        ("full", ("epochs=36",), {"gray": 6, "joint": 30}),
        ("full", ("epochs=4", "gray_epochs=4"), {"gray": 4}),
        ("baseline", (), {"joint": 24}),
        ("progressive", (), {"gray": 6, "joint": 18}),
        ("without-progressive", (), {"joint": 24}),
    ],
)
def test_the_stages(
    variant: str, options: tuple[str, ...], stages: Mapping[str, int], make: Make
) -> None:
    method = make(variant, *options)
    assert {stage.name: stage.epochs for stage in method.stages()} == stages


def test_rates_by_group_and_epoch_over_both_stages(make: Make) -> None:
    """From epoch 1 on the line from 3e-6, from epoch 3 on a cosine that ends at 3e-6."""
    rates: dict[str, list[float]] = {"body": [], "head": []}
    for stage in make().stages():
        for name, plan in stage.optimizers.items():
            (group,) = plan.build().param_groups
            rates[name] += [
                group["base_lr"] * plan.schedule.rate(
                    Moment(epoch=epoch, step=0, steps=2, epochs=stage.epochs)
                )
                for epoch in range(stage.epochs)
            ]  # fmt: skip
    for name, base in (("head", 3e-4), ("body", 1.5e-4)):
        way = base - 3e-6
        expected = [3e-6 + way / 3, 3e-6 + way * 2 / 3]
        expected += [3e-6 + way * (1 + math.cos(math.pi * n / 24)) / 2 for n in range(3, 25)]
        assert rates[name] == pytest.approx(expected), name
    assert rates["head"][:2] == pytest.approx([1.02e-4, 2.01e-4])
    assert rates["head"][-1] == rates["body"][-1] == pytest.approx(3e-6)


@pytest.mark.parametrize("name", ["gray", "joint"])
def test_all_networks_train_in_both_stages_and_the_shift_of_the_neck_stays(
    name: str, make: Make
) -> None:
    method = make("full", *BATCHES)
    updates = enter_stage(method, name)
    assert all(module.training for module in method.networks.modules())
    for _ in range(2):
        take_step(method, name, batch_of(method, stage_of(method, name), (32, 16)), updates)
    assert not bool(method.networks["neck"].normalization.bias.any())


@pytest.mark.parametrize(
    ("variant", "losses"),
    [
        ("full", TOGETHER | {"enhancement", "center"}),
        ("baseline", TOGETHER),
        ("progressive", TOGETHER),
        ("msel", TOGETHER | {"enhancement"}),
        ("dcl", TOGETHER | {"center"}),
        ("without-progressive", TOGETHER | {"enhancement", "center"}),
    ],
)
def test_a_joint_step_minimises_the_weighted_losses_of_the_variant(
    variant: str, losses: set[str], make: Make, batch: Batch
) -> None:
    logged, (update,) = watch_step(make(variant), "joint", batch)
    assert set(logged) == losses
    weights = {"enhancement": 0.5, "center": 0.5}
    total = sum(weights.get(name, 1) * loss.item() for name, loss in logged.items())
    assert update.total == pytest.approx(total, rel=1e-5)
    assert update.optimizers == ("body", "head")
    assert update.changed == {"transformer", "neck"}


def test_the_losses_of_both_stages_are_those_of_their_features(make: Make, batch: Batch) -> None:
    """Without dropout features are the same in training; the neck takes the whole batch."""
    method = make("full", "transformer.dropout=0", "transformer.stochastic_depth=0")
    images = torch.cat([batch.visible, batch.infrared])
    features = method.networks["transformer"](method.networks["normalization"](images))
    normalized = (features - features.mean(0)) / (features.var(0, unbiased=False) + 1e-5).sqrt()
    logits = normalized @ method.networks["neck"].classifier.weight.T
    labels, both = batch.labels, batch.labels.repeat(2)
    of_all = {"identity": modality_identity(logits, labels)}
    gray, _ = watch_step(make("full", "transformer.dropout=0", "transformer.stochastic_depth=0"),
                         "gray", batch)  # fmt: skip
    joint, _ = watch_step(method, "joint", batch)
    expected = {
        "gray": of_all | {"triplet": modality_triplet(features, labels, 0.1)},
        "joint": of_all
        | {
            "triplet": _brute_triplet(features, both),
            "enhancement": modality_shared_enhancement(*features.chunk(2), labels),
            "center": discriminative_center(features, both),
        },
    }
    for name, found in (("gray", gray), ("joint", joint)):
        assert set(found) == set(expected[name])
        for loss, value in expected[name].items():
            torch.testing.assert_close(found[loss], value.detach(), rtol=1e-4, atol=1e-5)


def _brute_triplet(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    gaps = []
    for anchor, label in zip(features, labels, strict=True):
        distances = (features - anchor).norm(dim=1)
        gap = 0.1 + distances[labels == label].max() - distances[labels != label].min()
        gaps.append(gap.clamp(min=0))
    return torch.stack(gaps).mean()


def test_the_first_stage_sees_grey_visible_images_and_the_second_coloured_ones(make: Make) -> None:
    method = make("full", *BATCHES, "augmentation.erasing=0")
    seen = {stage.name: batch_of(method, stage, (32, 16)).visible for stage in method.stages()}
    gray, color = ((images[:, 0] == images[:, 1]).all() for images in seen.values())
    assert list(seen) == ["gray", "joint"]
    assert bool(gray)
    assert not bool(color)


def test_a_batch_has_images_without_replacement_and_an_epoch_one_batch_more(make: Make) -> None:
    """floor(N / 32) + 1 batches of 8 identities, N being the images of the larger modality."""
    method = make()
    stage = stage_of(method, "joint")
    labels = {"visible": np.repeat(np.arange(10), 9), "infrared": np.repeat(np.arange(10), 4)}
    assert stage.sampler is not None
    sampler = stage.sampler(
        SampledImages(
            labels=labels,  # type: ignore[arg-type]
            cameras={},
            counts={"visible": 22_258, "infrared": 11_909},
            sampling=stage.sampling,
        )
    )
    assert sampler.steps_per_epoch == 696
    visible, infrared = next(iter(sampler.epoch(np.random.default_rng(0))))
    assert len(visible) == len(set(visible.tolist())) == len(set(infrared.tolist())) == 32
    assert np.array_equal(labels["visible"][visible], labels["infrared"][infrared])
    assert len(set(labels["visible"][visible].tolist())) == 8


@pytest.mark.parametrize(("identities", "parameters"), [(395, 86_114_304), (206, 85_969_152)])
def test_parameters_are_those_of_the_authors_network(
    identities: int, parameters: int, config_of: Choose
) -> None:
    """Of SYSU-MM01's 395 identities and of RegDB's 206."""
    with torch.device("meta"):
        method = PMT(config_of("paper"), num_identities=identities)
    assert sum(value.numel() for value in method.networks.parameters()) == parameters
    transformer = method.networks["transformer"]
    assert sum(value.numel() for value in transformer.parameters()) == 85_809_408


def test_multiply_adds(config_of: Choose) -> None:
    """Of 210 patches and the class token: projections, attention's two products, MLPs."""
    with torch.device("meta"):
        transformer = config_of("paper").build_transformer()
        with FlopCounterMode(display=False) as counter:
            transformer(torch.empty(1, 3, 256, 128))
    tokens, width = 211, 768
    block = 12 * tokens * width**2 + 2 * tokens**2 * width
    assert counter.get_total_flops() // 2 == 210 * 768 * width + 12 * block


@pytest.mark.parametrize("modality", ["visible", "infrared"])
def test_an_image_is_embedded_behind_the_neck_at_unit_length(
    modality: str, make: Make, batch: Batch
) -> None:
    method = make()
    watch_step(method, "joint", batch)
    method.networks.eval()
    found = method.extract(batch.visible, modality)  # type: ignore[arg-type]
    features = method.networks["transformer"](method.networks["normalization"](batch.visible))
    neck = method.networks["neck"].normalization
    behind = (features - neck.running_mean) / (neck.running_var + neck.eps).sqrt() * neck.weight
    torch.testing.assert_close(found, (behind / behind.norm(dim=1, keepdim=True))[:, None])
