"""The part of a report that shows what queries find: ranked lists, and distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core.figures.drawing import png_bytes
from bench_core.figures.histograms import draw_distances
from bench_core.figures.ranked_lists import RankedList, draw_ranked_lists
from bench_core.reports.document import Part, Picture
from bench_core.reports.search import Found, Search, share_nearer

if TYPE_CHECKING:
    from bench_core.reports.subjects import Subject, Trained

NUM_QUERIES = 4
"""Queries of each of the two pictures."""
LENGTH = 10
"""Gallery images of a list."""


def first_search(subject: Subject, trained: Trained) -> Search:
    """Search as the queries of the first trial do.

    Raises:
        DataError: The features cannot be compared, or do not fit the protocol.
    """
    protocol, features = trained.inputs.protocol, trained.features
    drawn = protocol.trial(features.table, subject.convention, subject.first_trial)
    return Search.of(features, drawn, protocol.spec, trained.reranker)


def search_part(subject: Subject, trained: Trained, search: Search) -> Part:
    """Show the best and the worst queries of the first trial, and its distances.

    Args:
        subject: What the report is about.
        trained: Its model, with the images.
        search: The search of the first trial.
    """
    scores = search.scores
    mean_precision = 100 * scores.average_precision[scores.valid].mean()
    text = (
        f"Of trial {subject.first_trial + 1}, with {mean_precision:.2f} % mAP. Frames are solid "
        "blue for the query's person, dashed red for another; below each gallery image its camera."
    )
    return Part(
        heading="Searches",
        text=(text,),
        pictures=(
            _lists("best", search, trained),
            _lists("worst", search, trained),
            _distances(search, rerank=trained.reranker is not None),
        ),
    )


def _lists(kind: str, search: Search, trained: Trained) -> Picture:
    found = search.extremes(NUM_QUERIES, best=kind == "best")
    return Picture(
        name=f"{kind}-queries",
        caption=f"The queries with the {kind} average precision, each of another person, and the "
        f"{LENGTH} gallery images nearest to them.",
        png=png_bytes(draw_ranked_lists([_ranked_list(one, search, trained) for one in found])),
    )


def _ranked_list(found: Found, search: Search, trained: Trained) -> RankedList:
    table, shown = search.features.table, found.nearest[:LENGTH]
    query = table.iloc[found.row]
    first = int(np.argmax(found.correct)) + 1
    return RankedList(
        caption=f"person {query['identity']}, camera {query['camera']}: average precision "
        f"{100 * found.average_precision:.1f} %, first match at place {first} of "
        f"{len(found.nearest):,}, {found.correct.sum()} matches in all",
        query=trained.pixels(np.array([found.row]))[0],
        gallery=trained.pixels(shown),
        correct=found.correct[:LENGTH],
        notes=tuple(f"camera {camera}" for camera in table["camera"].to_numpy()[shown]),
    )


def _distances(search: Search, *, rerank: bool) -> Picture:
    matches, others = search.pair_distances()
    views = search.features.features.shape[1]
    unit = f"{search.features.metric} distance" + (f", summed over {views} views" * (views > 1))
    nearer = 100 * share_nearer(matches, others)
    return Picture(
        name="distances",
        caption="Distances of queries to gallery images that they may meet. A random image of the "
        f"query's person is nearer than a random image of another one in {nearer:.1f} % of cases "
        "(50 % is chance).",
        png=png_bytes(draw_distances(matches, others, "re-ranked distance" if rerank else unit)),
    )
