"""The configuration of DDAG; the defaults are the published method's values."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from bench_core.methods import AfterTraining, Embedding, TwoStreamRecipe

ScoredBy: TypeAlias = Literal["attended", "global"]


class DDAGConfig(TwoStreamRecipe):
    """Settings of DDAG, beside the recipe that it shares with AGW.

    Attributes:
        weighted_parts: Whether there is a second feature, with parts of the image aggregated
            (IWPA).
        num_parts: Horizontal stripes of the image that IWPA compares.
        graph_attention: Whether the images of a batch attend to each other in training (CGSA).
        graph_heads: Heads of the first layer of CGSA; each makes its share of the feature's length.
        graph_dropout: Share of features and of attention weights that CGSA drops.
        triplet_margin: Of the batch-hard triplet loss, in units of distance.
        scored_by: The feature that images are ranked by: the one with its parts aggregated, or the
            pooled one alone. No other training.
        embedding: What distances are taken between: that feature before or behind its batch
            normalisation; as it is, or at unit length. No other training.
    """

    weighted_parts: bool = True
    num_parts: int = Field(default=3, ge=1)
    graph_attention: bool = True
    graph_heads: int = Field(default=4, ge=1, le=64)
    graph_dropout: float = Field(default=0.2, ge=0, lt=1)
    triplet_margin: float = Field(default=0.3, ge=0)
    scored_by: Annotated[ScoredBy, AfterTraining()] = "attended"
    embedding: Annotated[Embedding, AfterTraining()] = "neck-normalized"

    @model_validator(mode="after")
    def _attended_feature_is_there(self) -> Self:
        if self.scored_by == "attended" and not self.weighted_parts:
            raise ValueError(
                "scored_by=attended needs weighted_parts=true; without them set scored_by=global"
            )
        return self
