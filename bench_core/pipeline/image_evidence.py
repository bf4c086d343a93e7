"""What shows which images were scored, where features or distances alone were brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench_core.contracts.dataset import DatasetSpec, Splits
from bench_core.contracts.errors import UsageError
from bench_core.contracts.protocol import ProtocolSpec
from bench_core.contracts.result import DatasetUsed
from bench_core.data.image_folders import is_synthetic
from bench_core.features.digest import images_digest
from bench_core.pipeline.inputs import RunInputs, open_inputs
from bench_core.plugins import Registry
from bench_core.results.foreign import claimed_images
from bench_core.system.cache_folder import cache_directory
from bench_core.system.files import hash_json

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is at hand of a dataset, and what somebody says of it.

    Attributes:
        root: Its root; None where it is not at hand.
        splits: Else, a folder of its split files.
        synthetic: Whether somebody says that its people are rendered; None where nobody does.
        words: How one says that they are (True) and that they are not (False).
    """

    root: Path | None
    splits: Path | None
    synthetic: bool | None
    words: Mapping[bool, str]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageEvidence:
    """What shows which images were scored.

    Attributes:
        dataset: Spec of the dataset that they are said to be of.
        synthetic: Whether they are rendered.
        inputs: The dataset, where its root is at hand.
    """

    dataset: DatasetSpec
    synthetic: bool
    inputs: RunInputs | None

    def describe(self, trials: Sequence[pd.DataFrame], *, given: bool) -> DatasetUsed:
        """Describe the images that were scored.

        Args:
            trials: Those of all trials; of galleries as given, those of each. Columns identity,
                camera, modality and index.
            given: Whether galleries are as given: then those share a table that have as many images
                of each person and camera, and no others.
        """
        if self.inputs is None:
            return claimed_images(self.dataset, trials, synthetic=self.synthetic)
        dataset, content = self.inputs.dataset, self.inputs.fingerprint
        return DatasetUsed(
            id=dataset.id,
            title=self.dataset.title,
            fingerprint=hash_json([content, images_digest(trials)]) if given else content,
            synthetic=dataset.synthetic,
            num_images=len(dataset.images),
            findings=self.inputs.findings,
        )

    def splits_digest(self, splits: Splits) -> str:
        """Return the SHA-256 of the split files: of a root all of them, as in a run.

        Args:
            splits: Those that were scored with.
        """
        return (splits if self.inputs is None else self.inputs.dataset.splits).digest()


def gather_evidence(registry: Registry, protocol: ProtocolSpec, place: Place) -> ImageEvidence:
    """Look at what there is of a dataset.

    Args:
        registry: Where the dataset's plugin is found.
        protocol: The protocol.
        place: Where to look.

    Raises:
        UsageError: Nothing shows whether people are rendered, and nobody says it; or what is said
            is not so.
        DataError: The root is no such dataset.
    """
    folder = place.root or place.splits
    rendered = folder is not None and is_synthetic(folder)
    known = rendered or place.root is not None
    if place.synthetic is None and not known:
        raise UsageError(
            "nothing shows whether the images are the dataset's own or rendered people: give the "
            f"dataset's root in the place of its split files, or say {place.words[False]} or "
            f"{place.words[True]}"
        )
    if place.synthetic is not None and known and place.synthetic != rendered:
        what = "people are rendered" if rendered else "people are not marked as rendered"
        raise UsageError(
            f"{place.words[place.synthetic]} contradicts {folder}, whose {what}; leave it out"
        )
    return ImageEvidence(
        dataset=registry.dataset(protocol.dataset),
        synthetic=rendered or bool(place.synthetic),
        inputs=None
        if place.root is None
        else open_inputs(registry, protocol, place.root, cache_directory()),
    )
