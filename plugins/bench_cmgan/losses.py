"""The losses of cmGAN. M: images a modality, D: dimensions."""

from __future__ import annotations

import torch
from torch.nn import functional

from bench_cmgan.config import Mining
from bench_core.methods import cross_batch_hard_triplet, euclidean_distances, identity_loss

VISIBLE_CLASS, INFRARED_CLASS = 0, 1


def cross_modality_triplet(
    visible: torch.Tensor,
    infrared: torch.Tensor,
    labels: torch.Tensor,
    margin: float,
    mining: Mining,
) -> torch.Tensor:
    """L_tri: anchors of one modality, positive and negative of the other, in both directions.

    Args:
        visible: Features (M, D).
        infrared: Features (M, D).
        labels: int64 (M,), of both.
        margin: In units of Euclidean distance.
        mining: Which triplets.

    Returns:
        The sum of both directions, each the mean over anchors of [margin + d(a,p) - d(a,n)]_+.
    """
    if mining == "hard":
        forth = cross_batch_hard_triplet(visible, labels, infrared, labels, margin)
        back = cross_batch_hard_triplet(infrared, labels, visible, labels, margin)
        return forth + back
    forth = random_cross_triplet(visible, infrared, labels, margin)
    return forth + random_cross_triplet(infrared, visible, labels, margin)


def random_cross_triplet(
    anchors: torch.Tensor, candidates: torch.Tensor, labels: torch.Tensor, margin: float
) -> torch.Tensor:
    """Triplet loss with a positive and a negative that are drawn for each anchor.

    Args:
        anchors: Features (M, D) of one modality.
        candidates: Features (M, D) of the other.
        labels: int64 (M,), of both; at least two identities.
        margin: In units of Euclidean distance.

    Returns:
        Mean over anchors; draws are uniform and from torch's generator.
    """
    distances = euclidean_distances(anchors, candidates)
    same = labels[:, None] == labels[None, :]
    positive, negative = (
        distances.gather(1, torch.multinomial(wanted.float(), 1)) for wanted in (same, ~same)
    )
    return functional.relu(margin + positive - negative).mean()


def modality_loss(scores: torch.Tensor) -> torch.Tensor:
    """L_D: cross-entropy of which modality each feature is of.

    Args:
        scores: Logits (2M, 2), of visible images first.
    """
    number = len(scores) // 2
    classes = torch.full((len(scores),), INFRARED_CLASS, device=scores.device)
    classes[:number] = VISIBLE_CLASS
    return identity_loss(scores, classes)
