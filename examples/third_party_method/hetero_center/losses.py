"""The hetero-centre loss. B: batch, D: dimensions."""

import torch
from torch.nn import functional


def hetero_center_loss(
    visible: torch.Tensor, infrared: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Squared distances between the centres of a person in both modalities, summed over people.

    Args:
        visible: (B, D) features of visible images.
        infrared: (B, D) features of infrared images, entry i of the same person.
        labels: int64 (B,).

    Returns:
        A scalar, float32 whatever the precision of the features.
    """
    belongs = functional.one_hot(labels).float()
    belongs = belongs[:, belongs.any(0)]  # people of this batch
    with torch.autocast(visible.device.type, enabled=False):
        means = (belongs / belongs.sum(0)).T
        return (means @ (visible.float() - infrared.float())).square().sum()
