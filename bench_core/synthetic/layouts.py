"""What the author of a dataset writes so that people can be rendered into its directory tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from bench_core.contracts.dataset import DatasetSpec
from bench_core.contracts.errors import PluginError, UsageError
from bench_core.loading import load_object
from bench_core.synthetic.cameras import Camera
from bench_core.synthetic.plan import PlannedPerson, plan_groups, seen_by_all
from bench_core.synthetic.scales import SMALL_SCALES, Sizes

People: TypeAlias = Sequence[PlannedPerson]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How people become a dataset; the renderer knows none of it.

    All paths are relative to the dataset's root, with slashes.

    Attributes:
        cameras: The cameras by their number in the plan.
        image_paths: Called with a person, a camera's number and the number of an image (from 0) of
            the two; returns where it lies. Several paths are copies of one file. The suffix
            decides the format: JPEG and BMP files are the same bytes with every library.
        split_files: Called with the plan, the sizes that it was made with and the seed; returns the
            content of the files beside the images, by path.
        scales: The named sizes; a split that the dataset lacks has 0 people in all of them.
        plan: Called with sizes and the seed; decides who is seen where, and how often. Without it,
            every camera sees everyone.
        folders: Folders that the dataset has even where no image lies in them.
        version: Raised whenever the same seed gives other files.
    """

    cameras: Mapping[int, Camera]
    image_paths: Callable[[PlannedPerson, int, int], Sequence[str]]
    split_files: Callable[[People, Sizes, int], Mapping[str, str | bytes]]
    scales: Mapping[str, Sizes] = field(default_factory=lambda: SMALL_SCALES)
    plan: Callable[[Sizes, int], People] | None = None
    folders: Sequence[str] = ()
    version: int = 1

    def people(self, sizes: Sizes, seed: int) -> People:
        """Return the plan of a dataset.

        Args:
            sizes: How much of everything.
            seed: Seed of the dataset; >= 0.

        Raises:
            UsageError: The sizes do not fit the dataset.
        """
        if self.plan is None:
            return plan_groups(seen_by_all(self.cameras), sizes, seed)
        return self.plan(sizes, seed)


def load_layout(spec: DatasetSpec) -> Layout:
    """Load the layout that a dataset's spec names.

    Raises:
        UsageError: It names none.
        PluginError: What it names cannot be loaded, or is no layout.
    """
    if spec.synthetic is None:
        raise UsageError(f"--data is needed: there is no synthetic stand-in for {spec.title}")
    layout = load_object(spec.synthetic)
    if not isinstance(layout, Layout):
        raise PluginError(
            f"{spec.synthetic} is no bench_core.synthetic.Layout, but a {type(layout).__name__}"
        )
    return layout
