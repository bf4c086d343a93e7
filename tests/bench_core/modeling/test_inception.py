"""Features of an Inception network come from the weights of a file, and only from such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import inception_v3

from bench_core.contracts.errors import CheckpointError
from bench_core.modeling.inception import InceptionFeatures
from bench_core.system.files import hash_file

CPU = torch.device("cpu")


def test_features_are_those_before_the_classifier(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = inception_v3(weights=None, aux_logits=True, init_weights=False).eval()
    path = tmp_path / "inception.pth"
    torch.save(network.state_dict(), path)
    images = np.random.default_rng(0).integers(0, 256, (2, 299, 299, 3), dtype=np.uint8)
    extractor = InceptionFeatures(path, CPU)
    features = extractor(images)
    network.fc = torch.nn.Identity()
    with torch.inference_mode():
        expected = network(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1)
    assert features.shape == (2, 2048)
    assert features == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-6)
    assert hash_file(path)[:12] in extractor.name


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"conv1.weight": torch.zeros(1)}, tmp_path / "resnet.safetensors")
    with pytest.raises(CheckpointError, match=r"--inception .*resnet.safetensors: these are not"):
        InceptionFeatures(tmp_path / "resnet.safetensors", CPU)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "inception.pth").write_text("no weights")
    with pytest.raises(
        CheckpointError, match=r"--inception .*inception.pth: it is no file of tensors"
    ):
        InceptionFeatures(tmp_path / "inception.pth", CPU)
