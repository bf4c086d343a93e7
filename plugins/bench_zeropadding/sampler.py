"""Batches of shuffled images, whoever they show."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench_core.methods import Deck, Rows, SampledImages
from bench_zeropadding.networks import BOTH


class ShuffledSampler:
    """Deals the shuffled images of each modality, as many of one as of the other.

    Identities play no part. Each image comes once before any of its modality comes again; an epoch
    has as many batches as the larger modality needs, and goes round the smaller more than once.

    Args:
        images: What is drawn from; a batch has P x K images of each modality.
    """

    def __init__(self, images: SampledImages) -> None:
        self.steps_per_epoch = images.steps_per_epoch
        self._counts = images.counts
        self._size = images.sampling.identities * images.sampling.images

    def epoch(self, generator: np.random.Generator) -> Iterator[tuple[Rows, Rows]]:
        """Yield the rows of each batch; see `Sampler`."""
        decks = [Deck(np.arange(self._counts[modality]), generator) for modality in BOTH]
        for _ in range(self.steps_per_epoch):
            visible, infrared = (deck.deal(self._size) for deck in decks)
            yield visible, infrared
