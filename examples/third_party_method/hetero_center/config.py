"""What can be set; `bench show hetero-center` lists it with what is said here."""

from bench_core.methods import OptimizerConfig, ReIDConfig
from pydantic import Field


class HeteroCenterConfig(ReIDConfig):
    """The settings of Hetero Center, beside those of every method with a backbone.

    Attributes:
        optimizer: It trains all networks.
        center_weight: What the hetero-centre loss is multiplied by.
        triplet_weight: What the triplet loss is multiplied by.
        margin: By how much another person must be farther than the same one.
    """

    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-3)
    center_weight: float = Field(default=0.5, ge=0)
    triplet_weight: float = Field(default=1.0, ge=0)
    margin: float = Field(default=0.3, ge=0)
