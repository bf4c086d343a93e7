"""The batch-normalisation neck and the normalisation of images."""

from __future__ import annotations

import torch

from bench_core.modeling.necks import BNNeck
from bench_core.modeling.normalization import ImageNormalization


def features(batch: int = 6, dimensions: int = 8) -> torch.Tensor:
    return 3 + 2 * torch.randn(batch, dimensions, generator=torch.Generator().manual_seed(0))


def num_parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_neck_of_resnet_50_has_the_parameters_of_the_fact_sheet() -> None:
    """4,096 of the normalisation (its frozen shift counts), 808,960 of the classifier."""
    neck = BNNeck(2048, 395)
    assert num_parameters(neck.normalization) == 4_096
    assert num_parameters(neck.classifier) == 808_960


def test_the_neck_of_densenet_121_has_the_parameters_of_the_fact_sheet() -> None:
    neck = BNNeck(1024, 395)
    assert num_parameters(neck.normalization) == 2_048
    assert num_parameters(neck.classifier) == 404_480


def test_in_training_features_are_normalised_over_the_batch() -> None:
    normalized, _ = BNNeck(8, 3)(features())
    torch.testing.assert_close(normalized.mean(0), torch.zeros(8), atol=1e-6, rtol=0)
    torch.testing.assert_close(normalized.var(0, correction=0), torch.ones(8), atol=1e-4, rtol=0)


def test_logits_are_products_with_the_normalised_feature_and_nothing_more() -> None:
    neck = BNNeck(8, 3)
    normalized, logits = neck(features())
    assert logits.shape == (6, 3)
    torch.testing.assert_close(logits, normalized @ neck.classifier.weight.T)


def test_the_shift_stays_zero_when_all_else_learns() -> None:
    torch.manual_seed(0)
    neck = BNNeck(8, 3)
    trainable = [parameter for parameter in neck.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trainable, lr=1.0, weight_decay=0.1)
    before = [parameter.clone() for parameter in trainable]
    neck(features())[1].square().sum().backward()
    optimizer.step()
    assert not any(torch.equal(old, new) for old, new in zip(before, trainable, strict=True))
    assert torch.equal(neck.normalization.bias, torch.zeros(8))


def test_the_classifier_starts_small() -> None:
    torch.manual_seed(0)
    assert 0.0009 < BNNeck(512, 400).classifier.weight.std().item() < 0.0011


def test_in_evaluation_a_feature_does_not_depend_on_the_batch() -> None:
    neck = BNNeck(8, 3)
    neck(features())
    neck.eval()
    together = neck(features())[0]
    torch.testing.assert_close(torch.cat([neck(row[None])[0] for row in features()]), together)


def test_images_are_normalised_by_the_statistics_of_imagenet() -> None:
    images = torch.zeros(1, 3, 1, 2)
    images[..., 1] = 1
    result = ImageNormalization()(images)
    low, high = result[0, :, 0, 0].tolist(), result[0, :, 0, 1].tolist()
    torch.testing.assert_close(low, [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225])
    torch.testing.assert_close(high, [0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225])


def test_the_statistics_are_no_part_of_a_checkpoint() -> None:
    assert ImageNormalization().state_dict() == {}
    assert num_parameters(ImageNormalization()) == 0
