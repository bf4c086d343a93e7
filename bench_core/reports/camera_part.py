"""The parts of a report about who is found from which camera, and who is taken for whom."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from bench_core.figures.drawing import png_bytes
from bench_core.figures.image_grids import draw_image_grid
from bench_core.reports.camera_pairs import SearchTally
from bench_core.reports.document import LeftOut, Part, Picture, Table
from bench_core.reports.search import Search
from bench_core.scoring.score import trials_of
from bench_core.system.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from bench_core.reports.camera_pairs import CameraPair, Confusion
    from bench_core.reports.subjects import Subject, Trained

MOST_DISTANCES = 2**25
"""Distances that are computed at most, beyond the first trial: so many take some seconds."""
NUM_CONFUSIONS = 10
NUM_SHOWN = 5
"""Pairs of people whose images are shown."""
NUM_EXAMPLES = 4
"""Images of each pair, with what they were taken for."""


def tally_searches(subject: Subject, trained: Trained, first: Search) -> SearchTally:
    """Gather what the searches of the trials of this model say.

    Args:
        subject: What the report is about.
        trained: Its model.
        first: The search of the first trial, which is always counted. Further ones are as long as
            there are at most `MOST_DISTANCES` distances in all, and none of re-ranked ones.

    Raises:
        DataError: The features do not fit the protocol.
    """
    protocol, features = trained.inputs.protocol, trained.features
    trials = trials_of(protocol, trained.model.description.split)
    further = [trial for trial in trials if trial != subject.first_trial]
    most = 0 if trained.reranker else MOST_DISTANCES // first.distances.size - 1
    tally = SearchTally()
    tally.add(first)
    shown = further[: max(0, most)]
    for trial in progress(shown, description="searches by camera", unit="trial") if shown else ():
        drawn = protocol.trial(features.table, subject.convention, trial)
        tally.add(Search.of(features, drawn, protocol.spec))
    return tally


def camera_part(tally: SearchTally, first: Search) -> Part | LeftOut:
    """Show the scores of the queries of each camera in a gallery of each camera.

    Args:
        tally: Of the searches.
        first: The search of the first trial, which says how many images there are.

    Returns:
        The part, or why there is none.
    """
    pairs = tally.camera_pairs()
    if len(pairs) < 2:
        return LeftOut("pairs of cameras", "queries and gallery images are of one camera each")
    metrics: dict[str, Callable[[CameraPair], float]] = {
        "rank-1 (%)": lambda pair: pair.rank_1,
        "mAP (%)": lambda pair: pair.mean_average_precision,
    }
    text = (
        "A row is the queries of one camera, a column a gallery of the images of one camera alone; "
        "a query counts where its person has an image there. In brackets the images of the first "
        "trial. Such a gallery is smaller than that of the protocol, so that most numbers are "
        f"above the scores. {_over(tally)} The darker a cell, the higher, from the lowest to the "
        "highest of the table."
    )
    return Part(
        heading="From camera to camera",
        text=(text,),
        tables=tuple(_matrix(title, of, tally, first) for title, of in metrics.items()),
        data={"camera_pairs": [asdict(pair) for pair in pairs.values() if pair is not None]},
    )


def confusion_part(tally: SearchTally, trained: Trained) -> Part | LeftOut:
    """Show which people are most often taken for which.

    Returns:
        The part, or why there is none.
    """
    found = tally.confusions(NUM_CONFUSIONS)
    if not found:
        return LeftOut("wrong answers", "the nearest image of every query is of its own person")
    columns = ("person, as another", "queries", "share of the person's", "the other way round")
    rows = tuple(
        (
            f"{one.person} as {one.taken_for}",
            f"{one.times} of {one.of}",
            f"{100 * one.times / one.of:.1f} %",
            str(tally.times(one.taken_for, one.person)),
        )
        for one in found
    )
    text = (
        "The people of whom the most queries found an image of one and the same other person "
        f"nearest. {_over(tally)}"
    )
    return Part(
        heading="Wrong answers",
        text=(text,),
        tables=(Table(columns=columns, rows=rows),),
        pictures=(_confused(found[:NUM_SHOWN], trained),),
        data={
            "confusions": [
                {name: value for name, value in asdict(one).items() if name != "examples"}
                for one in found
            ]
        },
    )


def _over(tally: SearchTally) -> str:
    one = tally.num_trials == 1
    return "Of the first trial." if one else f"Over {tally.num_trials} trials."


def _matrix(
    title: str, of: Callable[[CameraPair], float], tally: SearchTally, first: Search
) -> Table:
    pairs = tally.camera_pairs()
    values = {cameras: of(pair) for cameras, pair in pairs.items() if pair is not None}
    low, high = (min(values.values()), max(values.values())) if values else (0.0, 0.0)
    queries, galleries = (sorted(set(side)) for side in zip(*pairs, strict=True))
    sizes = _sizes(first.labels("camera"))
    rows, shades = [], []
    for own in queries:
        cells = [(own, other) for other in galleries]
        shown = [f"{100 * values[pair]:.1f}" if pair in values else _none(pair, tally)
                 for pair in cells]  # fmt: skip
        rows.append((f"camera {own} ({sizes[0].get(own, 0):,})", *shown))
        spread = max(high - low, 1e-9)
        shades.append(
            (None, *((values[pair] - low) / spread if pair in values else None for pair in cells))
        )
    headings = (f"camera {other} ({sizes[1].get(other, 0):,})" for other in galleries)
    return Table(title=title, columns=("", *headings), rows=tuple(rows), shades=tuple(shades))


def _none(cameras: tuple[int, int], tally: SearchTally) -> str:
    return "kept apart" if cameras in tally.apart else "no match"


def _sizes(sides: Sequence[NDArray[np.int64]]) -> list[dict[int, int]]:
    """Return the number of images by camera, of each side."""
    counted = [np.unique(side, return_counts=True) for side in sides]
    return [dict(zip(*map(np.ndarray.tolist, both), strict=True)) for both in counted]


def _confused(found: Sequence[Confusion], trained: Trained) -> Picture:
    rows = {f"{one.person} as {one.taken_for}": one.examples[:NUM_EXAMPLES] for one in found}
    longest = max(map(len, rows.values()))
    images = {name: np.stack(list(_padded(of, longest, trained))) for name, of in rows.items()}
    return Picture(
        name="confused",
        caption=f"Queries of the first {len(found)} of these pairs, and right of each the image "
        "that it found nearest.",
        png=png_bytes(draw_image_grid(images, ["query", "found"] * longest)),
    )


def _padded(
    examples: Sequence[tuple[int, int]], length: int, trained: Trained
) -> Iterator[NDArray[np.uint8]]:
    images = trained.pixels(np.array(examples).reshape(-1))
    yield from images
    yield from np.full_like(images[:1], 255).repeat(2 * (length - len(examples)), axis=0)
