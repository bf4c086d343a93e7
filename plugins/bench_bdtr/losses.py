"""The ranking losses of BCTR and BDTR. M: images of a modality, D: dimensions.

Image i of either modality shows the same person. d is the Euclidean distance of features at unit
length, and j*(i) is the image of the other modality that is nearest to i and shows another person.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from bench_core.methods import euclidean_distances


@dataclass(frozen=True)
class NearestOthers:
    """What the losses are made of, with an image of one modality as the query, i.

    Attributes:
        to_person: d (M,) from i to image i of the other modality.
        to_other: d (M,) from i to j*(i).
        between: d (M,) from image i to j*(i), both of the other modality.
    """

    to_person: torch.Tensor
    to_other: torch.Tensor
    between: torch.Tensor


def nearest_others(
    visible: torch.Tensor, infrared: torch.Tensor, labels: torch.Tensor
) -> tuple[NearestOthers, NearestOthers]:
    """Find the nearest image of another person, in both directions.

    Args:
        visible: Features (M, D).
        infrared: Features (M, D).
        labels: int64 (M,), of both.

    Returns:
        With visible images as queries, and with infrared ones.
    """
    with torch.autocast(visible.device.type, enabled=False):
        features = [functional.normalize(each.float()) for each in (visible, infrared)]
    across = euclidean_distances(*features)
    others = labels[:, None] != labels[None, :]
    within = [euclidean_distances(each, each) for each in features]
    return _nearest(across, within[1], others), _nearest(across.T, within[0], others)


def _nearest(
    across: torch.Tensor, within_other: torch.Tensor, others: torch.Tensor
) -> NearestOthers:
    nearest = across.detach().masked_fill(~others, torch.inf).argmin(1, keepdim=True)
    return NearestOthers(
        to_person=across.diagonal(),
        to_other=across.gather(1, nearest)[:, 0],
        between=within_other.gather(1, nearest)[:, 0],
    )


def cross_modality_ranking(
    pairs: tuple[NearestOthers, NearestOthers], margin: float
) -> torch.Tensor:
    """Cross-modality constraint: mean of [margin + d(x_i, z_i) - d(x_i, z_j*)]_+, in both ways."""
    terms = [(margin + each.to_person - each.to_other).clamp(min=0).mean() for each in pairs]
    return terms[0] + terms[1]


def intra_modality_ranking(
    pairs: tuple[NearestOthers, NearestOthers], margin: float
) -> torch.Tensor:
    """Intra-modality constraint: mean of [margin - d(z_i, z_j*)]_+, both ways added."""
    terms = [(margin - each.between).clamp(min=0).mean() for each in pairs]
    return terms[0] + terms[1]
