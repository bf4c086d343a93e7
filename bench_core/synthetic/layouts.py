"""The directory layouts that can be written: each is one module that implements `Layout`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol, cast

from bench_core.contracts.errors import unknown_name

if TYPE_CHECKING:
    from bench_core.synthetic.cameras import Camera
    from bench_core.synthetic.plan import PlannedPerson
    from bench_core.synthetic.scales import Sizes

LAYOUT_MODULES = {
    "sysu-mm01": "bench_core.synthetic.sysu_layout",
    "regdb": "bench_core.synthetic.regdb_layout",
    "llcm": "bench_core.synthetic.llcm_layout",
}
"""By name, the module whose functions are the layout."""


class Layout(Protocol):
    """What a layout module defines; the renderer knows none of it."""

    def scales(self) -> Mapping[str, Sizes]:
        """Return the named sizes; a split that the dataset lacks has 0 people in all of them."""
        ...

    def cameras(self) -> Mapping[int, Camera]:
        """Return the cameras by their number in the dataset."""
        ...

    def plan(self, sizes: Sizes, seed: int) -> Sequence[PlannedPerson]:
        """Decide who is seen where, and how often."""
        ...

    def image_paths(
        self, person: PlannedPerson, camera: int, index: int
    ) -> tuple[PurePosixPath, ...]:
        """Return where image `index` (from 0) of a person and camera lies, below the root.

        Several paths are copies of one file.
        """
        ...

    def write_splits(
        self, root: Path, people: Sequence[PlannedPerson], sizes: Sizes, seed: int
    ) -> None:
        """Write the files beside the images that the dataset comes with."""
        ...


def load_layout(name: str) -> Layout:
    """Import a layout.

    Args:
        name: A name in `LAYOUT_MODULES`.

    Returns:
        The module, which implements `Layout`.

    Raises:
        UsageError: There is no such layout.
    """
    if name not in LAYOUT_MODULES:
        raise unknown_name("layout", name, LAYOUT_MODULES)
    return cast("Layout", import_module(LAYOUT_MODULES[name]))
