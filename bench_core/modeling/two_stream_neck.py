"""The neck of AGW and of what descends from it."""

from __future__ import annotations

from torch import nn

from bench_core.modeling.necks import BNNeck


class TwoStreamNeck(BNNeck):
    """A `BNNeck` whose scale starts at random: normal around 1 with standard deviation 0.01."""

    def __init__(self, num_features: int, num_identities: int) -> None:
        super().__init__(num_features, num_identities)
        nn.init.normal_(self.normalization.weight, mean=1.0, std=0.01)
