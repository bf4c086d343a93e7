"""ViT: its losses, what it trains, what it embeds by, parameters and multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench_core.methods import Batch, PretrainedWeights
from bench_core.testing import stage_of, watch_step
from bench_vit.config import ViTConfig
from bench_vit.method import ViT

Choose = Callable[..., ViTConfig]
Make = Callable[..., ViT]


def test_losses_are_over_all_images_of_both_modalities(make: Make, batch: Batch) -> None:
    """Against loops, in evaluation mode, where an image does not depend on the others."""
    method = make()
    method.networks.eval()
    losses = method.losses(batch)
    features = torch.cat(
        [method.networks["transformer"](method.networks["normalization"](images))
         for images in (batch.visible, batch.infrared)]
    )  # fmt: skip
    _, logits = method.networks["neck"](features)
    labels = [*batch.labels.tolist(), *batch.labels.tolist()]
    chances, gaps = [], []
    for i, label in enumerate(labels):
        logarithms = logits[i].double().log_softmax(0)
        chances.append(-0.9 * logarithms[label] - 0.1 * logarithms.mean())
        distances = [(math.dist(features[i].tolist(), features[j].tolist()), other == label)
                     for j, other in enumerate(labels)]  # fmt: skip
        farthest = max(distance for distance, same in distances if same)
        nearest = min(distance for distance, same in distances if not same)
        gaps.append(max(0.0, 0.3 + farthest - nearest))
    torch.testing.assert_close(losses["identity"].double(), torch.stack(chances).mean())
    assert losses["triplet"].item() == pytest.approx(sum(gaps) / len(gaps), rel=1e-4)


def test_a_step_trains_transformer_and_neck_together(make: Make, batch: Batch) -> None:
    losses, updates = watch_step(make(), "joint", batch)
    assert set(losses) == {"identity", "triplet"}
    (update,) = updates
    assert update.optimizers == ("body", "head")
    assert update.changed == {"transformer", "neck"}
    total = losses["identity"] + losses["triplet"]
    assert update.total == pytest.approx(total.item())


def test_the_stage_is_that_of_the_configuration(make: Make) -> None:
    method = make()
    stage = stage_of(method, "joint")
    assert (stage.epochs, stage.augmentation) == (24, method.config.augmentation)
    assert stage.views == {}
    assert not stage.frozen


@pytest.mark.parametrize("embedding", ["pooled", "pooled-normalized", "neck", "neck-normalized"])
def test_an_image_is_embedded_alike_in_both_modalities(
    embedding: str, make: Make, batch: Batch
) -> None:
    method = make("full", f"embedding={embedding}")
    method.losses(batch)  # so that the neck has statistics
    method.networks.eval()
    features = method.extract(batch.visible, "visible")
    assert features.shape == (6, 1, 16)
    assert torch.equal(features, method.extract(batch.visible, "infrared"))
    expected = method.networks["transformer"](method.networks["normalization"](batch.visible))
    if embedding.startswith("neck"):
        neck = method.networks["neck"].normalization
        expected = (expected - neck.running_mean) / (neck.running_var + neck.eps).sqrt()
    if embedding.endswith("normalized"):
        expected = expected / expected.norm(dim=1, keepdim=True)
    torch.testing.assert_close(features[:, 0], expected)


def test_pretrained_weights_go_to_the_transformer_alone(make: Make, tmp_path: Path) -> None:
    source, method = make().networks["transformer"], make()
    with torch.no_grad():
        for value in source.parameters():
            value.add_(1)
    classifier = method.networks["neck"].classifier.weight.clone()
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    method.load_pretrained(PretrainedWeights("file", tmp_path / "weights.pth"))
    for name, value in method.networks["transformer"].state_dict().items():
        assert torch.equal(value, source.state_dict()[name]), name
    assert torch.equal(method.networks["neck"].classifier.weight, classifier)


@pytest.mark.parametrize(("identities", "head"), [(395, 303_360), (206, 158_208)])
def test_parameters(identities: int, head: int, config_of: Choose) -> None:
    """Patches, tokens, twelve blocks of 7,087,872, the last normalisation; neck and classifier."""
    with torch.device("meta"):
        method = ViT(config_of("paper"), num_identities=identities)
    transformer = method.networks["transformer"]
    numbers = [
        sum(p.numel() for p in network.parameters()) for network in (transformer, method.networks)
    ]
    expected = 590_592 + 768 + 129 * 768 + 12 * 7_087_872 + 1_536
    assert numbers == [expected, expected + 1_536 + head]


def test_multiply_adds(config_of: Choose) -> None:
    """Of 128 patches and the class token: projections, attention's two products, MLPs."""
    with torch.device("meta"):
        transformer = config_of("paper").build_transformer()
        with FlopCounterMode(display=False) as counter:
            transformer(torch.empty(1, 3, 256, 128))
    tokens, width = 129, 768
    block = 12 * tokens * width**2 + 2 * tokens**2 * width
    assert counter.get_total_flops() // 2 == 128 * 768 * width + 12 * block
