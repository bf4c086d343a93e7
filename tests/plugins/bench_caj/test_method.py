"""The training of CAJ: its streams and losses, what learns, and the warning of a stuck loss."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench_caj import bench_register_methods
from bench_caj.config import CAJConfig
from bench_caj.losses import difference_triplet
from bench_caj.method import CAJ, LEARNER
from bench_core import Modality
from bench_core.methods import Batch, weighted_gaps
from bench_core.testing import enter_stage, random_data, take_step, training_run

Choose = Callable[..., CAJConfig]
Make = Callable[..., CAJ]

(SPEC,) = bench_register_methods()
VARIANTS = [variant.name for variant in SPEC.variants]
EXCHANGED = {"full", "exchange", "exchange-erasing"}
SQUARED = {"full", "squared-triplet"}
TRAINED = ("epochs=1", "sampling.identities=3", "sampling.images=2", "sampling.steps_per_epoch=2")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_losses_are_over_all_images_of_all_streams(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant)
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    neck = method.networks["network"].neck
    neck.register_forward_hook(lambda *args: seen.append((args[1][0], args[2][1])))
    losses = method.losses(batch)
    ((features, logits),) = seen
    streams = 3 if variant in EXCHANGED else 2
    labels = batch.labels.tolist() * streams
    assert len(features) == len(labels) == 6 * streams
    rows = zip(logits.tolist(), labels, strict=True)
    entropies = [math.log(sum(map(math.exp, row))) - row[label] for row, label in rows]
    gaps = weighted_gaps(features, torch.tensor(labels))
    triplet = difference_triplet(gaps, 1.0, squared=variant in SQUARED)
    assert losses["identity"].item() == pytest.approx(sum(entropies) / len(labels), rel=1e-4)
    assert losses["triplet"].item() == pytest.approx(triplet.item(), rel=1e-4)
    total = method.step(batch, enter_stage(method, "joint"))["total"]
    assert total.item() == pytest.approx(sum(loss.item() for loss in losses.values()), rel=1e-4)


def test_both_copies_of_a_visible_image_pass_the_visible_stem_together(
    make: Make, batch: Batch
) -> None:
    method = make()
    passed: list[tuple[str, torch.Tensor]] = []
    for name, stem in method.networks["network"].backbone.two_stream.stems.items():
        stem.register_forward_hook(
            lambda *args, name=name: passed.append((name, args[1][0].clone()))
        )
    method.losses(batch)
    (first, visible), (second, infrared) = passed
    assert (first, second) == ("visible", "infrared")
    normalize = method.networks["network"].normalization
    views = batch.views
    assert torch.equal(visible, normalize(torch.cat([views["visible"], views["exchanged"]])))
    assert torch.equal(infrared, normalize(views["infrared"]))


@pytest.mark.parametrize("variant", ["full", "baseline"])
def test_two_steps_move_every_parameter_that_can_learn(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant)
    before = {name: value.clone() for name, value in method.networks.named_parameters()}
    updates = enter_stage(method, "joint")
    take_step(method, "joint", batch, updates)
    take_step(method, "joint", batch, updates)
    unmoved = {
        name
        for name, value in method.networks.named_parameters()
        if torch.equal(value, before[name])
    }
    assert unmoved == {"network.neck.normalization.bias"}


def test_there_is_one_stage_as_configured(make: Make) -> None:
    method = make("full", "clipping.norm=2")
    (stage,) = method.stages()
    assert (stage.name, stage.epochs, stage.frozen) == ("joint", 100, ())
    assert stage.sampling == method.config.sampling
    assert stage.sampler is not None
    assert set(stage.views) == {"visible", "exchanged", "infrared"}
    assert stage.optimizers[LEARNER].clipping.norm == 2


def test_features_of_unit_length_can_be_compared(make: Make, batch: Batch) -> None:
    plain, unit = (
        make("full", f"triplet_feature={feature}").losses(batch)["triplet"].item()
        for feature in ("pooled", "pooled-normalized")
    )
    assert plain != pytest.approx(unit, rel=1e-3)
    assert unit < math.log1p(math.exp(4))


def trained(method: CAJ, folder: Path) -> dict[str, object]:
    method.train(random_data((32, 16)), training_run(folder))
    line: dict[str, object] = json.loads((folder / "log.jsonl").read_text())
    return line


@pytest.mark.parametrize(("variant", "warned"), [("full", True), ("exchange-erasing", False)])
def test_a_loss_that_is_stuck_at_its_limit_is_warned_of(
    variant: str, warned: bool, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With so large a gamma every wrong anchor is beyond the limit."""
    method = make(variant, *TRAINED, "triplet_scale=1e6", "optimizer.learning_rate=1e-9")
    trained(method, tmp_path)
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Warning:")]
    assert bool(told) == warned
    if warned:
        (line,) = told
        assert "in epoch 1 the triplet loss of CAJ was at its limit" in line
        assert "--set clipping.norm=10" in line


def test_a_loss_within_its_limit_is_not_warned_of(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(make("full", *TRAINED, "triplet_feature=pooled-normalized"), tmp_path)
    assert "Warning" not in capsys.readouterr().err


def test_the_parameters_are_those_of_agw(config_of: Choose) -> None:
    """ResNet-50, a second stem, five non-local blocks, neck and 395 identities."""
    with torch.device("meta"):
        method = CAJ(config_of("paper"), num_identities=395)
    expected = 23_508_032 + 9_536 + 7_358_464 + 2 * 2048 + 395 * 2048
    assert sum(value.numel() for value in method.networks.parameters()) == expected


@pytest.mark.parametrize("modality", ["visible", "infrared"])
def test_the_feature_is_the_mean_of_both_sides_at_unit_length(
    modality: Modality, make: Make, batch: Batch
) -> None:
    method, images = make(), batch.visible
    method.losses(batch)
    method.networks.eval()
    embed = method.networks["network"].embed
    sides = [embed(each, modality, "neck-normalized") for each in (images, images.flip(3))]
    expected = torch.nn.functional.normalize(sides[0] + sides[1])
    torch.testing.assert_close(method.extract(images, modality)[:, 0], expected)
