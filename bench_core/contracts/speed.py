"""What a measurement of speed is: one device, and how fast methods extract and train on it.

A record loads without torch. Rates are those of a second; FLOPs are two for a multiply-add.
"""

# Annotations are evaluated when the classes are made, so this module does not postpone them.
from collections.abc import Hashable, Iterable
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import AwareDatetime, Field, model_validator

from bench_core.contracts.images import Modality
from bench_core.contracts.method import Precision
from bench_core.contracts.result import Count, Name, PositiveNumber, Sha256
from bench_core.contracts.scores import PositiveCount, RecordPart

SPEED_SCHEMA_VERSION: Final = 1

Text: TypeAlias = Annotated[str, Field(min_length=1, pattern=r"^[^\r\n]*$")]
"""A text on one line."""
MethodLabel: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]+(:[A-Za-z0-9._+-]+)?$")]
"""A method as the command line names it: "xiv" or "xiv:baseline"."""
ImageSize: TypeAlias = Annotated[tuple[PositiveCount, PositiveCount], Field(strict=False)]
"""Height and width in pixels."""
Quartiles: TypeAlias = Annotated[tuple[PositiveNumber, PositiveNumber], Field(strict=False)]


class MeasuredDevice(RecordPart):
    """What was measured on.

    Attributes:
        name: Such as "NVIDIA H200", or a processor with its number of threads.
        kind: "cpu" or "cuda".
        driver: Version of NVIDIA's driver, where it could be read.
        readings: Clocks in MHz and power in watts, right after work; None for what could not be
            read.
        versions: Of Python, torch and, on CUDA, of CUDA and cuDNN.
    """

    name: Text
    kind: Literal["cpu", "cuda"]
    driver: str | None = None
    readings: dict[str, float | None]
    versions: dict[str, str]

    @model_validator(mode="after")
    def _torch_is_named(self) -> Self:
        if "torch" not in self.versions:
            raise ValueError("versions does not name torch, and speeds of other builds differ")
        return self


class MatrixRate(RecordPart):
    """The fastest product of two large matrices.

    Attributes:
        dtype: Of the factors.
        matrix_size: Rows and columns of each.
        flops_per_second: What was reached.
    """

    dtype: Precision
    matrix_size: PositiveCount
    flops_per_second: PositiveNumber


class Rate(RecordPart):
    """What all rates of methods have in common.

    Attributes:
        method: The method.
        preset: Its preset.
        image_size: Height and width of its images.
        dtype: Number format.
        images_per_second: By the median of the timed calls.
        images_per_second_quartiles: Between which the middle half of them lies.
        num_timed: Calls that were timed.
        stable: Whether their times agreed before the time for them was spent.
    """

    method: MethodLabel
    preset: Name
    image_size: ImageSize
    dtype: Precision
    images_per_second: PositiveNumber
    images_per_second_quartiles: Quartiles
    num_timed: PositiveCount
    stable: bool


class ExtractionRate(Rate):
    """How fast a method extracts features of images that lie on the device.

    Attributes:
        mode: How extraction is run; see `bench_core.profiling.modes`.
        modality: Of the images.
        batch: Images of a batch.
        flops_per_second: By the multiply-adds that were counted.
    """

    mode: Name
    modality: Modality
    batch: PositiveCount
    flops_per_second: PositiveNumber


class TrainingRate(Rate):
    """How fast a stage of a method trains on batches that lie on the device.

    Attributes:
        stage: Name of the stage.
        images: Images of a batch, both modalities together.
        peak_memory_bytes: Of a step.
    """

    stage: Text
    images: PositiveCount
    peak_memory_bytes: Count


class SpeedRecord(RecordPart):
    """Speeds of methods on one device, as a file of `results/speeds` holds them.

    Attributes:
        schema_version: Of the file's form.
        created: When the measurement began, in UTC.
        git_commit: Commit of the source tree, where the program ran from a git checkout.
        git_dirty: Whether that tree's Python sources differed from the commit.
        device: What was measured on.
        peaks: Matrix products in each number format.
        extraction: Rates of extraction.
        training: Rates of training steps.
        digest: SHA-256 of all the rest, from `bench_core.results.speeds`.
    """

    schema_version: Literal[1]
    created: AwareDatetime
    git_commit: str | None
    git_dirty: bool | None
    device: MeasuredDevice
    peaks: Annotated[tuple[MatrixRate, ...], Field(strict=False)] = ()
    extraction: Annotated[tuple[ExtractionRate, ...], Field(strict=False)] = ()
    training: Annotated[tuple[TrainingRate, ...], Field(strict=False)] = ()
    digest: Sha256 | None = None

    @model_validator(mode="after")
    def _created_is_utc(self) -> Self:
        if self.created.utcoffset() != timedelta(0):
            raise ValueError("created is not in UTC")
        return self

    @model_validator(mode="after")
    def _something_is_measured_once(self) -> Self:
        if not self.extraction and not self.training:
            raise ValueError("nothing was measured")
        _refuse_repeats("peaks", (peak.dtype for peak in self.peaks))
        _refuse_repeats(
            "extraction",
            (
                (rate.method, rate.preset, rate.dtype, rate.mode, rate.modality, rate.batch)
                for rate in self.extraction
            ),
        )
        _refuse_repeats(
            "training",
            ((rate.method, rate.preset, rate.dtype, rate.stage) for rate in self.training),
        )
        return self

    def share_of_peak(self, rate: ExtractionRate) -> float | None:
        """Return what share of the matrix peak of its format a rate reaches; None without peak."""
        peaks = {peak.dtype: peak.flops_per_second for peak in self.peaks}
        return rate.flops_per_second / peaks[rate.dtype] if rate.dtype in peaks else None

    def as_document(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        document: dict[str, Any] = self.model_dump(mode="json")
        return document


def _refuse_repeats(what: str, keys: Iterable[Hashable]) -> None:
    seen = list(keys)
    if repeated := next((key for place, key in enumerate(seen) if key in seen[:place]), None):
        raise ValueError(f"{what} holds the same twice: {repeated}")
