"""The bar itself: ten characters wide on any terminal, and the values behind it stay whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tqdm import tqdm
from tqdm.utils import disp_len

Item = TypeVar("Item")

WITH_SPEED = (
    "{desc}: {percentage:3.0f}%|{bar:10}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"
)
WITH_VALUES = "{desc}: {percentage:3.0f}%|{bar:10}| {elapsed}<{remaining}"


if TYPE_CHECKING:
    Tqdm = tqdm
else:  # only its stubs are generic

    class Tqdm(tqdm, Generic[Item]):
        """What a type checker takes tqdm for."""


class ProgressBar(Tqdm[Item]):
    """A bar that shows its count and speed, or else values such as losses.

    On a terminal it shows the values that the line has room for, each of them whole; a log gets all
    of them.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._values: tuple[str, ...] = ()
        super().__init__(*arguments, **options)

    def show(self, description: str, values: Mapping[str, float]) -> None:
        """Say what is being done now, and show values instead of count and speed.

        Args:
            description: Such as "joint epoch 3/30".
            values: By name, the most important ones first.
        """
        self._values = tuple(f"{name} {value:.3g}" for name, value in values.items())
        self.set_description_str(description, refresh=False)

    def update(self, n: float | None = 1) -> bool | None:
        """Count items as done; where there are none, what the speed is measured from stays."""
        return super().update(n) if n else None

    def __str__(self) -> str:
        """Return the line as it is shown now."""
        if self.total is None:  # nothing is known of the time left: tqdm's own line
            return super().__str__()
        self.bar_format = WITH_VALUES if self._values else WITH_SPEED
        line = super().__str__()
        for value in self._values:
            if not self.ncols or disp_len(line) + 1 + disp_len(value) <= self.ncols:
                line += f" {value}"
        return line
