"""What a reader of features is told besides the path: what the files themselves may not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from bench_core.contracts.errors import UsageError
from bench_core.contracts.images import Modality
from bench_core.contracts.method import Metric

if TYPE_CHECKING:
    from pathlib import Path

RowOrder: TypeAlias = Literal["ascending", "descending"]
"""How the rows of one identity and camera stand: in the order of their sorted files, or against."""
ROW_ORDERS: tuple[RowOrder, ...] = get_args(RowOrder)


class RowOrderError(UsageError):
    """Nothing shows how the rows of features stand, and nobody said it."""


@dataclass(frozen=True, kw_only=True)
class ReadingChoices:
    """What is known about features apart from their files.

    Attributes:
        dataset: Title of the dataset that they are of.
        camera_modalities: Modality of each of its cameras; empty where cameras see both.
        metric: Metric of features that name none.
        row_order: Order of rows where the files cannot prove it; None where it was not given.
    """

    dataset: str
    camera_modalities: Mapping[int, Modality] = field(default_factory=dict)
    metric: Metric | None = None
    row_order: RowOrder | None = None

    def cameras_for(self, path: Path, what: str) -> Mapping[int, Modality]:
        """Return the modality of each camera.

        Args:
            path: Of the features.
            what: What they are, such as "a folder".

        Raises:
            UsageError: Cameras of the dataset see both modalities.
        """
        if not self.camera_modalities:
            raise UsageError(
                f"{path} is {what}: cameras of {self.dataset} see both modalities, so "
                "that it does not tell them apart; give an .npz file"
            )
        return self.camera_modalities
