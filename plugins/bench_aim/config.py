"""What can be set, as the authors name it."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from bench_core.rerankers import RerankerConfig


class AimConfig(RerankerConfig):
    """The settings of AIM; the defaults are those of the authors' evaluation.

    Attributes:
        k1: Gallery images that an image keeps its affinity to.
        k2: Of them, those whose affinities are averaged for a gallery image, itself included; 1 is
            without. At most k1.
    """

    k1: int = Field(default=30, ge=1)
    k2: int = Field(default=6, ge=1)

    @model_validator(mode="after")
    def _averages_over_kept_ones(self) -> Self:
        if self.k2 > self.k1:
            raise ValueError(
                f"k2 is {self.k2}, above k1, which is {self.k1}: affinities are averaged over some "
                "of the images that they are kept to; set both, such as k1=8 and k2=2"
            )
        return self
