"""Compiled loops over matches: which is the first, and how their ranks make scores.

Letters in shapes: see `arrays`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core.evaluation.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.arrays import Matches


@compiled
def find_best(matches: Matches, start: int, stop: int) -> None:
    """Write `best` of queries `start` to `stop`, whose `exact` is measured."""
    for query in range(start, stop):
        for trial in range(len(matches.best)):
            matches.best[trial, query] = _find_best(matches, trial, query)


@compiled
def _find_best(matches: Matches, trial: int, query: int) -> int:
    best, best_place = -1, -1
    own = matches.own[query] - matches.starts[query]
    for match in range(matches.starts[query], matches.starts[query + 1]):
        place = matches.positions[trial, own + match]
        if place < 0 or np.isnan(matches.exact[match]):
            continue
        nearer = best < 0 or matches.exact[match] < matches.exact[best]
        if nearer or (matches.exact[match] == matches.exact[best] and place < best_place):
            best, best_place = match, place
    return best


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
        own = matches.own[query] - matches.starts[query]
        ranks = np.empty(matches.starts[query + 1] - matches.starts[query], np.int32)
        for trial in range(len(matches.best)):
            found = 0
            for match in range(matches.starts[query], matches.starts[query + 1]):
                if matches.positions[trial, own + match] >= 0 and not np.isnan(
                    matches.exact[match]
                ):
                    ranks[found] = matches.counts[match, trial] + 1
                    found += 1
            if found == 0:
                continue
            ordered = np.sort(ranks[:found])
            total = 0.0
            for place in range(found):
                total += (place + 1) / ordered[place]
            num_matches[trial, number] = found
            nearer = matches.nearer[query, trial] + 1
            first_rank[trial, number] = nearer if by_identity else ordered[0]
            precision[trial, number] = total / found
            penalty[trial, number] = found / ordered[found - 1]
