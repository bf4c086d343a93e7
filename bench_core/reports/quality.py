"""How good generated images are, as JSIA-ReID, Table 4, measures them: MD and FID."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench_core.contracts.images import INFRARED, VISIBLE
from bench_core.evaluation.image_quality import frechet_distance, mean_pair_distance
from bench_core.training.pictures import FAKE_INFRARED, FAKE_VISIBLE

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from bench_core.reports.generated import Generated

REAL_OF = ((FAKE_INFRARED, INFRARED, VISIBLE), (FAKE_VISIBLE, VISIBLE, INFRARED))
"""A generated kind, the real images that it should look like, and those that it is made of."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """The measures of one kind of generated images; smaller is better.

    Attributes:
        images: Name of the kind, such as "fake infrared".
        num_images: How many were measured.
        mean_distance: MD: mean Euclidean distance of the embeddings of a generated image and of
            the real one that it was made of; of length 1, so in [0, 2].
        fid: FID to the real images of its modality, over the method's own embeddings.
        inception_fid: The same over the features of an Inception network, where there was one.
    """

    images: str
    num_images: int
    mean_distance: float
    fid: float
    inception_fid: float | None

    def as_document(self) -> dict[str, Any]:
        """Return the measures as JSON values."""
        return asdict(self)


def measure_quality(
    generated: Generated,
    inception: Callable[[NDArray[np.uint8]], NDArray[np.float32]] | None,
) -> list[Quality]:
    """Measure each kind of generated images that the harness knows, where there are two or more."""
    embeddings, pictures = generated.embeddings, generated.pictures
    return [
        Quality(
            images=fake,
            num_images=len(embeddings[fake]),
            mean_distance=mean_pair_distance(embeddings[source], embeddings[fake]),
            fid=frechet_distance(embeddings[real], embeddings[fake]),
            inception_fid=None
            if inception is None
            else frechet_distance(inception(pictures[real]), inception(pictures[fake])),
        )
        for fake, real, source in REAL_OF
        if {fake, real, source} <= set(embeddings) and len(embeddings[fake]) > 1
    ]
