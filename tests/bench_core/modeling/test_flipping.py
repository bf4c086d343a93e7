"""Features of an image and of its mirror image."""

from __future__ import annotations

import pytest
import torch

from bench_core.methods import embed_with_flip


def embed(images: torch.Tensor) -> torch.Tensor:
    """Take the left half: no two mirror images have the same feature."""
    return torch.nn.functional.normalize(images[..., :2].flatten(1))


@pytest.mark.parametrize("use", ["none", "sum", "mean-normalized"])
def test_mirror_images_are_used_as_asked(use: str) -> None:
    images = torch.rand(3, 3, 4, 4)
    plain, mirrored = embed(images), embed(images.flip(3))
    wanted = {
        "none": plain,
        "sum": plain + mirrored,
        "mean-normalized": torch.nn.functional.normalize((plain + mirrored) / 2),
    }
    found = embed_with_flip(embed, images, use)  # type: ignore[arg-type]
    torch.testing.assert_close(found, wanted[use])
