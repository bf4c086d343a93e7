"""Compiled loops over matches: which is the first, and how their ranks make scores.

Letters in shapes: see `arrays`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core.evaluation.engine.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.engine.arrays import Matches


@compiled
def find_best(matches: Matches, start: int, stop: int) -> None:
    """Write `best` of queries `start` to `stop`, whose matches are measured and in order."""
    for query in range(start, stop):
        first, own = matches.starts[query], matches.own[query]
        stop_seen = first + matches.num_seen[query]
        for trial in range(len(matches.best)):
            best, best_place = -1, -1
            for seen in range(first, stop_seen):
                match = matches.order[seen]
                # At one distance, the gallery's order decides.
                if best >= 0 and matches.exact[match] > matches.exact[best]:
                    break
                place = matches.positions[trial, own + match - first]
                if place >= 0 and (best < 0 or place < best_place):
                    best, best_place = match, place
            matches.best[trial, query] = best


@compiled
def score_matches(  # noqa: PLR0913, PLR0917  # a kernel: arrays in, arrays out
    matches: Matches,
    num_matches: NDArray[np.int64],
    first_rank: NDArray[np.int64],
    precision: NDArray[np.float64],
    penalty: NDArray[np.float64],
    by_identity: bool,  # noqa: FBT001  # compiled code takes no keyword-only arguments
    start: int,
    stop: int,
) -> None:
    """Turn the counts of queries `start` to `stop` into scores, each (T, queries)."""
    for query in range(start, stop):
        number = matches.queries[query]
        first = matches.starts[query]
        order = matches.order[first : first + matches.num_seen[query]]
        ranks = np.empty(len(order), np.int32)
        for trial in range(len(matches.best)):
            positions = matches.positions[trial, matches.own[query] :]
            found = 0
            for match in order:
                if positions[match - first] >= 0:
                    _insert(ranks, found, matches.counts[match, trial] + 1)
                    found += 1
            if found == 0:
                continue
            total = 0.0
            for place in range(found):
                total += (place + 1) / ranks[place]
            num_matches[trial, number] = found
            nearer = matches.nearer[query, trial] + 1
            first_rank[trial, number] = nearer if by_identity else ranks[0]
            precision[trial, number] = total / found
            penalty[trial, number] = found / ranks[found - 1]


@compiled
def _insert(ranks: NDArray[np.int32], found: int, rank: int) -> None:
    """Insert a rank among those found; only matches at one distance come in another order."""
    place = found
    while place > 0 and ranks[place - 1] > rank:
        ranks[place] = ranks[place - 1]
        place -= 1
    ranks[place] = rank
