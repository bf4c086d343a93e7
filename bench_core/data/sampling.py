"""Identity-balanced batches: P identities, K images of each in each modality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import MODALITIES, Modality

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class BatchRows:
    """The images of one batch; entry i of all three arrays belongs together.

    Attributes:
        visible: Row positions of P x K visible images, int64.
        infrared: Row positions of P x K infrared images of the same identities, int64.
        labels: Training labels (P x K), int64.
    """

    visible: IntArray
    infrared: IntArray
    labels: IntArray


@dataclass(frozen=True)
class IdentityBalancedSampler:
    """Draws the batches of an epoch; the same epoch always gives the same batches.

    Identities come in a random order, each once before any comes again. The images of an identity
    come in a random order as well, each once before any comes again.

    Attributes:
        visible: Row positions of the visible images of each label (0, 1, ...).
        infrared: Row positions of the infrared images of each label.
        num_identities: P, identities in a batch.
        num_images: K, images of each identity and modality in a batch.
        steps_per_epoch: Batches in an epoch.
    """

    visible: tuple[IntArray, ...]
    infrared: tuple[IntArray, ...]
    num_identities: int
    num_images: int
    steps_per_epoch: int

    def epoch(self, generator: np.random.Generator) -> Iterator[BatchRows]:
        """Yield the batches of one epoch, in an order that the generator alone decides."""
        identities = Deck(np.arange(len(self.visible)), generator)
        visible = [Deck(rows, generator) for rows in self.visible]
        infrared = [Deck(rows, generator) for rows in self.infrared]
        for _ in range(self.steps_per_epoch):
            chosen = identities.deal(self.num_identities)
            yield BatchRows(
                visible=np.concatenate([visible[i].deal(self.num_images) for i in chosen]),
                infrared=np.concatenate([infrared[i].deal(self.num_images) for i in chosen]),
                labels=np.repeat(chosen, self.num_images),
            )


def balanced_sampler(
    rows: Mapping[Modality, IntArray],
    labels: Mapping[Modality, IntArray],
    identities: Sequence[int],
    *,
    num_identities: int,
    num_images: int,
    steps_per_epoch: int | None,
) -> IdentityBalancedSampler:
    """Make a sampler over the training images.

    Args:
        rows: Row positions of the images of "visible" and "infrared".
        labels: Training label of each of them, from 0.
        identities: The dataset's number of each training label, for messages.
        num_identities: P; at most the number of training identities.
        num_images: K.
        steps_per_epoch: Batches in an epoch; by default as many as the larger modality needs.

    Returns:
        The sampler.

    Raises:
        DataError: An identity lacks a modality, or there are fewer than P identities.
    """
    total = len(identities)
    if num_identities > total:
        raise DataError(
            f"a batch takes {num_identities} identities but the training split has {total}; "
            f"lower it with --set sampling.identities={total}"
        )
    grouped = {
        modality: tuple(rows[modality][labels[modality] == label] for label in range(total))
        for modality in MODALITIES
    }
    for modality, groups in grouped.items():
        empty = [label for label, group in enumerate(groups) if not len(group)]
        if empty:
            raise DataError(
                f"{len(empty)} training identities have no {modality} image, the first is "
                f"identity {identities[empty[0]]}; restore its images or remove it from the split"
            )
    largest = max(len(values) for values in rows.values())
    return IdentityBalancedSampler(
        visible=grouped["visible"],
        infrared=grouped["infrared"],
        num_identities=num_identities,
        num_images=num_images,
        steps_per_epoch=steps_per_epoch or -(-largest // (num_identities * num_images)),
    )


class Deck:
    """Deals cards; none twice in one hand where it can, and reshuffles when it runs out.

    Args:
        cards: What is dealt, int64.
        generator: Shuffles.
    """

    def __init__(self, cards: IntArray, generator: np.random.Generator) -> None:
        self._cards = cards
        self._generator = generator
        self._left: list[int] = []

    def deal(self, count: int) -> IntArray:
        """Return the next cards, int64."""
        hand: list[int] = []
        while len(hand) < count:
            if not self._left:
                self._left = self._generator.permutation(self._cards).tolist()
            # A card already in the hand waits for the next one, unless nothing else is left.
            position = next((i for i, card in enumerate(self._left) if card not in hand), None)
            hand.append(self._left.pop(position or 0))
        return np.asarray(hand, dtype=np.int64)
