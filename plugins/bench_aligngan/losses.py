"""The losses of P and F, by the paper's equations. B: batch, D: dimensions."""

from __future__ import annotations

import torch
from torch.nn import functional

from bench_aligngan.config import Mining
from bench_core.methods import cross_batch_hard_triplet


def cross_triplet(
    first: torch.Tensor, second: torch.Tensor, labels: torch.Tensor, margin: float, mining: Mining
) -> torch.Tensor:
    """L_tri(first, second, second) + L_tri(second, first, first), of Eqs. 2 and 5.

    Args:
        first: Embeddings (B, D).
        second: Embeddings (B, D).
        labels: int64 (B,), of both.
        margin: m.
        mining: See `triplet`.
    """
    forth = triplet(first, second, labels, margin, mining)
    return forth + triplet(second, first, labels, margin, mining)


def triplet(
    anchors: torch.Tensor, others: torch.Tensor, labels: torch.Tensor, margin: float, mining: Mining
) -> torch.Tensor:
    """L_tri(anchors, others, others) of Eq. 3, in float32.

    [m - s(a, p) + s(a, n)]_+ with s the cosine similarity. The paper calls s a distance, for which
    the signs would be the other way round. Within one set an anchor is a positive of its own.

    Args:
        anchors: Embeddings (B, D).
        others: Embeddings (B, D), where positives and negatives come from.
        labels: int64 (B,), of both, of at least two identities.
        margin: m.
        mining: "all" is the mean over all triplets, the expectation that is printed; "hard" is the
            mean over anchors with their least similar positive and their most similar negative.
    """
    if mining == "hard":
        return cross_batch_hard_triplet(anchors, labels, others, labels, margin, distance="cosine")
    with torch.autocast(anchors.device.type, enabled=False):
        similarity = functional.normalize(anchors.float()) @ functional.normalize(others.float()).T
    same = labels[:, None] == labels[None, :]
    triplets = same[:, :, None] & ~same[:, None, :]
    terms = functional.relu(margin - similarity[:, :, None] + similarity[:, None, :])
    return (terms * triplets).sum() / triplets.sum()
