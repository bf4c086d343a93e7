"""The part of a report that shows the features of some people in two dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core.contracts.errors import UsageError
from bench_core.contracts.images import MODALITIES
from bench_core.evaluation.projection import (
    LEAST_IMAGES,
    perplexity_of,
    points_of,
    principal_components,
    t_sne,
    u_map,
)
from bench_core.figures.drawing import png_bytes
from bench_core.figures.maps import LETTERS, PEOPLE, Map, draw_maps
from bench_core.reports.document import LeftOut, Part, Picture
from bench_core.system.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from bench_core.features.table import FeatureTable

    Draw = Callable[[], Map]

MOST_OF_A_KIND = 8
"""Images of a person in a modality that are shown."""
SEED = 0


def map_part(features: FeatureTable, *, umap: bool) -> tuple[Part | None, list[LeftOut]]:
    """Map the features of some people: principal components, t-SNE and UMAP.

    Args:
        features: Of all images that the model may be scored on.
        umap: Whether UMAP is made, whose library compiles itself for half a minute.

    Returns:
        The part, None where there are too few images, and what it lacks.
    """
    rows = draw_images(features.table)
    if len(rows) < LEAST_IMAGES:
        why = f"fewer than {LEAST_IMAGES} images of people who are seen in every modality"
        return None, [LeftOut("maps of the features", why)]
    maps, left_out = _maps(points_of(features.features[rows], features.metric), umap=umap)
    table = features.table.iloc[rows]
    names, person = np.unique(table["identity"].to_numpy(dtype=np.int64), return_inverse=True)
    shapes = [name for name in MODALITIES if (table["modality"] == name).any()]
    group = np.array([shapes.index(name) for name in table["modality"]])
    who = ", ".join(f"{letter} {name}" for letter, name in zip(LETTERS, names, strict=False))
    picture = Picture(
        name="maps",
        caption=f"{len(rows)} images of {len(names)} test people, drawn at random (seed {SEED}), "
        f"at most {MOST_OF_A_KIND} of a person in a modality; colour and letter are the person "
        f"({who}), the shape is the modality. A letter stands amid the images of one modality: "
        "where the two of a person lie apart, the modality divides them.",
        png=png_bytes(draw_maps(maps, person, group, shapes)),
    )
    text = ["Distances between principal components are part of those between the features."]
    if len(maps) > 1:
        others = " and ".join(one.title.partition(",")[0] for one in maps[1:])
        text.append(
            f"Of {others} it means something who is near whom; gaps between groups and their sizes "
            "mean nothing."
        )
    return Part(heading="Maps of the features", text=tuple(text), pictures=(picture,)), left_out


def draw_images(table: pd.DataFrame) -> NDArray[np.int64]:
    """Draw people at random, and images of each: the same at every call.

    Args:
        table: Images with the columns identity and modality.

    Returns:
        Rows in ascending order, of at most `len(PEOPLE)` people, who are seen in every modality
        that the table has, and at most `MOST_OF_A_KIND` of each person and modality.
    """
    random = np.random.default_rng(SEED)
    identity, modality = table["identity"].to_numpy(), table["modality"].to_numpy()
    seen = [set(identity[modality == name].tolist()) for name in np.unique(modality)]
    people = random.permutation(sorted(set.intersection(*seen)))[: len(PEOPLE)]
    order = random.permutation(len(table))
    order = order[np.isin(identity[order], people)]
    taken: dict[tuple[int, str], list[int]] = {}
    for row in order.tolist():
        taken.setdefault((int(identity[row]), str(modality[row])), []).append(row)
    chosen = [row for rows in taken.values() for row in rows[:MOST_OF_A_KIND]]
    return np.sort(np.array(chosen, dtype=np.int64))


def _maps(points: NDArray[np.float64], *, umap: bool) -> tuple[list[Map], list[LeftOut]]:
    components = principal_components(points)
    labels = [f"{100 * share:.1f} % of the variance" for share in components.shares]
    maps = [Map("principal components", components.places, (labels[0], labels[1]))]
    further: dict[str, Draw] = {
        "t-SNE": lambda: Map(
            f"t-SNE, perplexity {perplexity_of(len(points)):.3g}", t_sne(points, components)
        ),
    }
    left_out = []
    if umap:
        further["UMAP"] = lambda: Map("UMAP", u_map(points))
    else:
        left_out.append(LeftOut("UMAP of the features", "it was not asked for; add --umap"))
    for name, draw in progress(further.items(), description="maps", unit="map"):
        try:
            maps.append(draw())
        except UsageError as error:
            left_out.append(LeftOut(f"{name} of the features", str(error)))
    return maps, left_out
