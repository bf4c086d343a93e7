"""What a result says of degraded images: how they were made worse, and how models bear it."""

# Annotations are evaluated when the classes are made, so this module does not postpone them.
from typing import Annotated, Any, Self

from pydantic import Field, JsonValue, model_validator

from bench_core.contracts.degradation import DegradationSpec, Stage
from bench_core.contracts.images import Modality
from bench_core.contracts.scores import Metrics, PositiveCount, RecordPart

Line = Annotated[str, Field(min_length=1, pattern=r"^[^\r\n]*$")]


class DegradationUsed(RecordPart):
    """How the images of a result were degraded before the model saw them.

    Attributes:
        id: Id of its `DegradationSpec`.
        title: Name for people.
        version: Of its pixels.
        modality: Modality of the images that were degraded.
        stage: Whether they were degraded after they were resized, or before.
        settings: What it was told, such as the seed.
        deviations: Where it departs from what it is called after.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
    title: Line
    version: PositiveCount
    modality: Modality
    stage: Stage
    settings: Annotated[dict[str, str | int], Field(default_factory=dict)]
    deviations: Annotated[tuple[Line, ...], Field(strict=False)] = ()

    @classmethod
    def of(cls, spec: DegradationSpec | None) -> Self | None:
        """Return what a record says of a protocol's degradation; None where there is none."""
        if spec is None:
            return None
        return cls(
            id=spec.id,
            title=spec.title,
            version=spec.version,
            modality=spec.modality,
            stage=spec.stage,
            settings=dict(spec.settings),
            deviations=tuple(spec.deviations),
        )

    def __hash__(self) -> int:
        own = self.model_copy(update={"settings": tuple(sorted(self.settings.items()))})
        return hash(tuple(own.__dict__.values()))

    @property
    def phrase(self) -> str:
        """What was done, in a sentence that stands alone."""
        told = ", ".join(f"{key} {value}" for key, value in sorted(self.settings.items()))
        when = "after resizing" if self.stage == "resized" else "before resizing"
        return (
            f"Scored {self.modality} images are degraded {when}: {self.title}, version "
            f"{self.version}{f', {told}' if told else ''}."
        )

    @property
    def row_key(self) -> dict[str, JsonValue]:
        """What decides by it which row a result is."""
        return {
            "degradation": self.model_dump(
                mode="json", include={"id", "version", "modality", "stage", "settings"}
            )
        }


class CorruptionCell(RecordPart):
    """The scores under one corruption of one severity.

    Attributes:
        corruption: Its name.
        severity: 1 to 5.
        mean: Mean over trials.
    """

    corruption: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$", max_length=64)]
    severity: Annotated[int, Field(ge=1, le=5)]
    mean: Metrics


class CorruptionGrid(RecordPart):
    """The scores of a model by corruption and severity, of which some may not be there yet.

    Attributes:
        clean: Scores of the same model on images that are not corrupted, mean over trials.
        cells: In the order of corruptions and severities.
    """

    clean: Metrics
    cells: Annotated[tuple[CorruptionCell, ...], Field(min_length=1, strict=False)]

    @model_validator(mode="after")
    def _each_cell_is_there_once(self) -> Self:
        keys = [(cell.corruption, cell.severity) for cell in self.cells]
        if len(set(keys)) < len(keys):
            raise ValueError("cells hold a corruption and a severity twice")
        return self

    @property
    def by_cell(self) -> dict[tuple[str, int], dict[str, float]]:
        """The scores by (corruption, severity), each under the names of metrics."""
        return {(cell.corruption, cell.severity): cell.mean.by_name() for cell in self.cells}

    def as_values(self) -> dict[str, Any]:
        """Return the grid as JSON values, in the spelling of files."""
        return self.model_dump(mode="json", by_alias=True)
