"""The configuration of DEEN; the defaults are the values of the authors' code for SYSU-MM01."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bench_core.methods import (
    AfterTraining,
    AugmentationConfig,
    FlipUse,
    SamplingConfig,
    ScheduleConfig,
    TwoStreamRecipe,
)

Share = Annotated[float, Field(gt=0, le=1)]


class DEENConfig(TwoStreamRecipe):
    """Settings of DEEN.

    Attributes:
        backbone: Its stem is there for each modality, its stages are for both.
        last_stage: The last stage that there is; with 3, as on RegDB, features are half as long.
        feature_aggregation: Whether there is MFA behind each stage but the last.
        embedding_expansion: Whether there is DEE before the last stage. Without it there is one
            feature an image, and neither pair mining nor orthogonality.
        expansion_dropout: Probability that DEE drops a value of its three maps.
        triplet_margin: Of the triplet loss over all features of all images.
        pair_margin: Of the center-guided pair mining loss (CPM).
        pair_mining_weight: Of CPM, summed over both branches.
        orthogonality_weight: Of the orthogonal loss between the branches.
        embedding: Features are compared at unit length, those behind the neck and those before it;
            how much each counts is said by the next two.
        pooled_weight: Of the inner products of features before the neck. No other training.
        neck_weight: Of those behind it. The authors' second line has 0.1 and 0.9. Likewise.
        flip_at_test: What becomes of the mirror image's features. Likewise.
        sampling: 6 identities x 4 images.
        schedule: Ten epochs of warm-up; a tenth after 20 and after 80 epochs.
        augmentation: Of both modalities.
        grayscale: Probability that an image becomes grey.
        erased_area: Least and greatest share of the image that is erased.
    """

    backbone: Literal["resnet50", "small"] = "resnet50"
    image_height: int = Field(default=384, ge=16)
    image_width: int = Field(default=144, ge=16)
    last_stage: Literal[3, 4] = 4
    feature_aggregation: bool = True
    embedding_expansion: bool = True
    expansion_dropout: float = Field(default=0.01, ge=0, lt=1)
    triplet_margin: float = Field(default=0.3, ge=0)
    pair_margin: float = Field(default=0.2, ge=0)
    pair_mining_weight: float = Field(default=0.8, ge=0)
    orthogonality_weight: float = Field(default=0.01, ge=0)
    embedding: Annotated[Literal["neck-normalized"], AfterTraining()] = "neck-normalized"
    pooled_weight: Annotated[float, AfterTraining(), Field(ge=0)] = 1.0
    neck_weight: Annotated[float, AfterTraining(), Field(ge=0)] = 1.0
    flip_at_test: Annotated[FlipUse, AfterTraining()] = "sum"
    epochs: int = Field(default=151, ge=1)
    sampling: SamplingConfig = SamplingConfig(identities=6, images=4)
    schedule: ScheduleConfig = ScheduleConfig(
        warmup_epochs=10, warmup_factor=0.0, milestones=(21, 81), told="start"
    )
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.5, padding=10, erasing=0.5)
    grayscale: float = Field(default=0.5, ge=0, le=1)
    erased_area: tuple[Share, Share] = (0.2, 0.8)

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Weight of each loss by its name in the log."""
        return {
            "identity": 1.0,
            "triplet": 1.0,
            "pair-mining": self.pair_mining_weight,
            "orthogonality": self.orthogonality_weight,
        }

    @model_validator(mode="after")
    def _something_is_compared(self) -> Self:
        if self.pooled_weight == self.neck_weight == 0:
            raise ValueError("pooled_weight and neck_weight cannot both be 0: set one above it")
        return self

    @model_validator(mode="after")
    def _least_area_comes_first(self) -> Self:
        least, greatest = self.erased_area
        if least > greatest:
            raise ValueError(
                f"erased_area=[{least:g}, {greatest:g}]: the first must not be above the second"
            )
        return self

    @model_validator(mode="after")
    def _last_stride_is_there(self) -> Self:
        if self.last_stage == 3 and self.last_stride != 1:
            raise ValueError(
                "last_stride is the stride of stage 4, which last_stage=3 leaves out; leave it at 1"
            )
        return self

    @model_validator(mode="after")
    def _maps_have_halves(self) -> Self:
        if self.feature_aggregation:
            for height, width in self._grids():
                if height * width % 2:
                    size = "x".join(map(str, self.image_size))
                    raise ValueError(
                        f"images of {size} have maps of {height}x{width} places, which "
                        "feature_aggregation cannot part into halves; a height or width that is a "
                        "multiple of 32 can be"
                    )
        return self

    def _grids(self) -> Iterator[tuple[int, int]]:
        """Yield the sizes of maps that are aggregated: behind the stem and stages but the last."""
        halvings = [2 if self.backbone == "resnet50" else 1]
        halvings += [stage + 1 for stage in range(1, self.last_stage)]
        height, width = self.image_size
        for number in halvings:
            yield -(-height // 2**number), -(-width // 2**number)
