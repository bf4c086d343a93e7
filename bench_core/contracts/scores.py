"""The scores of a result record, in the form that `bench eval --json` prints.

Fractions lie in [0, 1].
"""

# Annotations are evaluated when the classes are made, so this module does not postpone them.
import math
from collections.abc import Sequence
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MEAN_TOLERANCE = 1e-9

Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]
PositiveCount: TypeAlias = Annotated[int, Field(ge=1, lt=2**63)]

CameraName: TypeAlias = Annotated[str, Field(pattern=r"^-?[0-9]{1,18}$")]
"""A camera's number, as JSON spells the key of an object."""


def _ends_in_order(interval: tuple[float, float]) -> tuple[float, float]:
    if interval[0] > interval[1]:
        raise ValueError("the low end of the interval is above the high end")
    return interval


Interval: TypeAlias = Annotated[
    tuple[Fraction, Fraction], Field(strict=False), AfterValidator(_ends_in_order)
]
"""(low, high)."""


class RecordPart(BaseModel):
    """A part of a record: immutable, finite, without unknown keys, without silent conversions."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True
    )


class TrialScores(RecordPart):
    """The scores of one trial.

    Attributes:
        cmc: Element k - 1 is the fraction of valid queries with a match among the first k.
        mean_average_precision: mAP ("mAP" in files).
        mean_inverse_negative_penalty: mINP ("mINP" in files).
    """

    cmc: Annotated[tuple[Fraction, ...], Field(min_length=20, strict=False)]
    mean_average_precision: Fraction = Field(validation_alias="mAP", serialization_alias="mAP")
    mean_inverse_negative_penalty: Fraction = Field(
        validation_alias="mINP", serialization_alias="mINP"
    )

    @model_validator(mode="after")
    def _cmc_never_falls(self) -> Self:
        if any(later < earlier for earlier, later in zip(self.cmc, self.cmc[1:], strict=False)):
            raise ValueError("cmc falls from one rank to the next")
        return self

    def as_metrics(self) -> "Metrics":
        """Return the figures that tables show."""
        return Metrics(
            rank_1=self.cmc[0],
            rank_5=self.cmc[4],
            rank_10=self.cmc[9],
            rank_20=self.cmc[19],
            mean_average_precision=self.mean_average_precision,
            mean_inverse_negative_penalty=self.mean_inverse_negative_penalty,
        )


class Metrics(RecordPart):
    """One figure for each metric of a table; files spell them "rank-1", "mAP" and so on."""

    rank_1: Fraction = Field(validation_alias="rank-1", serialization_alias="rank-1")
    rank_5: Fraction = Field(validation_alias="rank-5", serialization_alias="rank-5")
    rank_10: Fraction = Field(validation_alias="rank-10", serialization_alias="rank-10")
    rank_20: Fraction = Field(validation_alias="rank-20", serialization_alias="rank-20")
    mean_average_precision: Fraction = Field(validation_alias="mAP", serialization_alias="mAP")
    mean_inverse_negative_penalty: Fraction = Field(
        validation_alias="mINP", serialization_alias="mINP"
    )

    def by_name(self) -> dict[str, float]:
        """Return the figures under the names that files and tables use, such as "rank-1"."""
        return self.model_dump(by_alias=True)


class Intervals(RecordPart):
    """One interval for each metric, under the names of `Metrics`."""

    rank_1: Interval = Field(validation_alias="rank-1", serialization_alias="rank-1")
    rank_5: Interval = Field(validation_alias="rank-5", serialization_alias="rank-5")
    rank_10: Interval = Field(validation_alias="rank-10", serialization_alias="rank-10")
    rank_20: Interval = Field(validation_alias="rank-20", serialization_alias="rank-20")
    mean_average_precision: Interval = Field(validation_alias="mAP", serialization_alias="mAP")
    mean_inverse_negative_penalty: Interval = Field(
        validation_alias="mINP", serialization_alias="mINP"
    )

    def by_name(self) -> dict[str, tuple[float, float]]:
        """Return the intervals under the names that files and tables use, such as "rank-1"."""
        return self.model_dump(by_alias=True)


class CameraScores(RecordPart):
    """The scores of the queries of one camera.

    Attributes:
        queries: Query images of a trial; the least, where trials differ.
        valid_queries: Those with a match that they may see; the least, where trials differ.
        mean: Mean over the trials in which one of them has a match.
        std: Standard deviation over these trials (population).
    """

    queries: PositiveCount
    valid_queries: PositiveCount
    mean: Metrics
    std: Metrics


class Scores(RecordPart):
    """The scores of all trials, in the form that `bench eval --json` prints.

    Attributes:
        queries: Query images of a trial; the least, where trials differ.
        valid_queries: Those with a match in the gallery that they may see (only they count); the
            least, where trials differ.
        gallery: Gallery images of each trial.
        trials: The scores of each trial.
        mean: Mean over trials.
        std: Standard deviation over trials (population: divided by the number of trials).
        interval: 95 % interval of the mean by bootstrap over identities.
        similarity: Intra-class cosine similarity, mean over trials ("iccs" in files); None in
            earlier records.
        by_query_camera: The scores of the queries of each camera that has a match; none in earlier
            records.
    """

    queries: PositiveCount
    valid_queries: PositiveCount
    gallery: Annotated[tuple[PositiveCount, ...], Field(min_length=1, strict=False)]
    trials: Annotated[tuple[TrialScores, ...], Field(min_length=1, strict=False)]
    mean: Metrics
    std: Metrics
    interval: Intervals
    similarity: Annotated[float, Field(ge=-1, le=1)] | None = Field(
        default=None, validation_alias="iccs", serialization_alias="iccs"
    )
    by_query_camera: dict[CameraName, CameraScores] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _trials_agree(self) -> Self:
        if len(self.gallery) != len(self.trials):
            raise ValueError(
                f"gallery has {len(self.gallery)} entries for {len(self.trials)} trials"
            )
        if len({len(trial.cmc) for trial in self.trials}) > 1:
            raise ValueError("the cmc lists of the trials differ in length")
        if self.valid_queries > self.queries:
            raise ValueError(f"valid_queries {self.valid_queries} exceeds queries {self.queries}")
        return self

    @model_validator(mode="after")
    def _summary_follows_from_trials(self) -> Self:
        trials = [trial.as_metrics().by_name() for trial in self.trials]
        mean, std = self.mean.by_name(), self.std.by_name()
        for name in mean:
            expected_mean, expected_std = _mean_and_std([trial[name] for trial in trials])
            _require_close(f"mean {name}", mean[name], expected_mean)
            _require_close(f"std {name}", std[name], expected_std)
        return self


def _mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def _require_close(name: str, value: float, expected: float) -> None:
    if abs(value - expected) > MEAN_TOLERANCE:
        raise ValueError(f"{name} is {value!r}, but the trials give {expected!r}")
