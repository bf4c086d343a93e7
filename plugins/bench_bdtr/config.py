"""The configurations of BCTR and BDTR; the defaults are those of the authors' code for RegDB."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from bench_core.methods import TwoPathRecipe


class BCTRConfig(TwoPathRecipe):
    """Settings of BCTR: the cross-modality constraint alone.

    Attributes:
        fc7_width: Outputs of the shared layer, the feature.
        cross_weight: Of the cross-modality ranking loss, against the identity loss.
        cross_margin: How much farther the nearest other person must be than the person itself.
        epochs: 50 of 100 steps.
    """

    fc7_width: int = Field(default=1024, ge=1)
    cross_weight: float = Field(default=1.0, ge=0)
    cross_margin: float = Field(default=0.5, ge=0)
    epochs: int = Field(default=50, ge=1)

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Weight of each loss by its name in the log."""
        return {"identity": 1.0, "cross-modality": self.cross_weight}


class BDTRConfig(BCTRConfig):
    """Settings of BDTR: those of BCTR, and of the intra-modality constraint.

    Attributes:
        intra_weight: Of the intra-modality ranking loss.
        intra_margin: How far the nearest other person must be from the person, within a modality.
    """

    intra_weight: float = Field(default=0.1, ge=0)
    intra_margin: float = Field(default=0.1, ge=0)

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Weight of each loss by its name in the log."""
        return {**super().loss_weights, "intra-modality": self.intra_weight}
