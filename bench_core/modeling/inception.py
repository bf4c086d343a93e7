"""Features of an Inception network, over which FID is defined (Heusel et al. 2017)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from bench_core.contracts.errors import CheckpointError
from bench_core.modeling.pretrained import read_weights_file
from bench_core.system.files import hash_file

SIDE = 299
"""Height and width of the network's input, in pixels."""
UNUSED = ("fc.", "AuxLogits.")
"""Layers behind the features."""
BATCH = 32


class InceptionFeatures:
    """Torchvision's Inception-v3 up to its last pooling, with the weights of a file.

    Args:
        path: State of torchvision's `inception_v3`, .pth or .safetensors; never unpickled.
        device: Where to compute.

    Attributes:
        name: What a report calls it, with the hash of the weights.

    Raises:
        CheckpointError: The file cannot be read, or is of another network.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        from torchvision.models import inception_v3

        self._network = inception_v3(weights=None, aux_logits=False, init_weights=False)
        self._network.fc = nn.Identity()
        state = {
            name: tensor
            for name, tensor in read_weights_file(path, "--inception").items()
            if not name.startswith(UNUSED)
        }
        try:
            self._network.load_state_dict(state)
        except RuntimeError as error:
            detail = " ".join(str(error).split())[:200]
            raise CheckpointError(
                f"--inception {path}: these are not the weights of torchvision's inception_v3: "
                f"{detail}"
            ) from None
        self._network.to(device).eval()
        self._device = device
        self.name = f"Inception-v3 of torchvision, weights sha256:{hash_file(path)[:12]}"

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed images.

        Args:
            images: uint8 (N, H, W, 3); resized to `SIDE` x `SIDE`, bilinear.

        Returns:
            float32 (N, 2048).
        """
        parts = []
        for start in range(0, len(images), BATCH):
            pixels = torch.from_numpy(images[start : start + BATCH]).to(self._device)
            signed = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
            resized = functional.interpolate(signed, (SIDE, SIDE), mode="bilinear")
            parts.append(self._network(resized).float().cpu().numpy())
        return np.concatenate(parts)
