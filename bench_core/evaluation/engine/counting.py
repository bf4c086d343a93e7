"""Compiled loops that find and count what comes before the matches of some queries.

The columns before a match are bits of words, from which the gallery of each trial takes its own.

Letters in shapes: see `arrays`; P places, the matches of the queries one query after the other,
each nearest first; K pairs of a query and a column that values do not tell from a match.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bench_core.evaluation.engine.compiling import compiled, compiled_part
from bench_core.evaluation.engine.lanes import BITS, count_bits, mask_below, mask_up_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.evaluation.engine.arrays import Matches, Part

_STEPS = 65_000
"""Steps, of 16 bits, that values are compared in first: twice as many at once as in float32."""
_NARROWEST = 1e-30
"""Less is not divided into steps; more values are then compared one by one."""
_NONE = np.uint64(0)
_ONE = np.uint64(1)


class Close(NamedTuple):
    """Pairs that are compared exactly, in order of query.

    Attributes:
        query: int64 (K,), number among the queries of the batch.
        column: int64 (K,), number in the block.
        exact: float64 (K,), exact values.
    """

    query: NDArray[np.int64]
    column: NDArray[np.int64]
    exact: NDArray[np.float64]


class Compared(NamedTuple):
    """What values tell about some queries, in memory that the next ones reuse.

    Attributes:
        values: float32 (queries, 64 W); NaN is neither less nor greater.
        lower: float32 (P,), the least value that a column at the distance of a match may have.
        upper: float32 (P,), the greatest.
        before: uint64 (P or more, W), columns that are certainly before a match.
        close: uint64 (queries, W), columns that may be before some match in some gallery.
    """

    values: NDArray[np.float32]
    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    before: NDArray[np.uint64]
    close: NDArray[np.uint64]


@compiled
def compare_values(matches: Matches, part: Part, first_query: int, compared: Compared) -> None:
    """Find the columns that are certainly before each match, and those that may be.

    Args:
        matches: A batch.
        part: The block.
        first_query: The first of the queries in the batch.
        compared: `before` and `close` are written.
    """
    num_words, place = len(part.ends), 0
    steps = np.empty(BITS * num_words, np.int16)
    shared = np.empty(num_words, np.uint64)
    for row in range(len(compared.values)):
        query = first_query + row
        first, num_seen = matches.starts[query], matches.num_seen[query]
        values, close = compared.values[row], compared.close[row]
        for word in range(num_words):
            close[word] = _NONE
        if num_seen:
            least, per_unit = _find_steps(compared, place, num_seen)
            _leave_out_own(matches, part, query, values)
            for column in range(len(steps)):
                steps[column] = _step(values[column], least, per_unit)
        for match in matches.order[first : first + num_seen]:
            _find_shared(matches, part, query, match, shared)
            lower, upper = compared.lower[place], compared.upper[place]
            low, high = _step(lower, least, per_unit), _step(upper, least, per_unit)
            before = compared.before[place]
            for word in range(num_words):
                certain = mask_below(steps, BITS * word, low)
                before[word] = certain
                unclear = mask_up_to(steps, BITS * word, high) & ~certain
                while unclear:
                    bit = unclear & (~unclear + _ONE)
                    value = values[BITS * word + count_bits(bit - _ONE)]
                    if value < lower:
                        before[word] |= bit
                    elif value <= upper:
                        close[word] |= bit & shared[word]
                    unclear ^= bit
            place += 1
        place += matches.starts[query + 1] - first - num_seen


@compiled_part
def _find_steps(compared: Compared, place: int, num_seen: int) -> tuple[np.float32, np.float32]:
    """Divide what is between the first and the last match of a query; return steps to a unit."""
    least = compared.lower[place]
    distance = max(compared.upper[place + num_seen - 1] - least, np.float32(_NARROWEST))
    # The last step has nothing but what lies beyond all matches.
    return least, np.float32(_STEPS - 2) / distance


@compiled_part
def _step(value: np.float32, least: np.float32, steps: np.float32) -> np.int16:
    """Return the step of a value: never a lower one for a greater value; the last for NaN."""
    step = (value - least) * steps
    step = step if step < np.float32(_STEPS) else np.float32(_STEPS)
    step = step if step > np.float32(-1) else np.float32(-1)
    return np.int16(np.int32(step) - np.int32(_STEPS // 2))


@compiled_part
def _leave_out_own(matches: Matches, part: Part, query: int, values: NDArray[np.float32]) -> None:
    """Put NaN for the columns of a query's own identity, which count nowhere."""
    own = matches.own[query] - part.first
    num_own = matches.starts[query + 1] - matches.starts[query]
    for column in range(max(0, own), min(part.num_columns, own + num_own)):
        values[column] = np.nan


@compiled_part
def _find_shared(
    matches: Matches, part: Part, query: int, match: int, shared: NDArray[np.uint64]
) -> None:
    """Write the columns that are in one gallery with a match, (W,); others never meet it."""
    for word in range(len(shared)):
        shared[word] = _NONE
    galleries = part.galleries[matches.audience[query]]
    column = matches.own[query] + match - matches.starts[query]
    for trial in range(len(galleries)):
        if matches.positions[trial, column] >= 0:
            for word in range(len(shared)):
                shared[word] |= galleries[trial, word]


@compiled
def count_columns(
    matches: Matches,
    part: Part,
    first_query: int,
    num_queries: int,
    before: NDArray[np.uint64],
    close: Close,
    tied: NDArray[np.uint64],
) -> None:
    """Count what comes before the matches of some queries in a block of columns.

    Args:
        matches: `counts`, `nearer` and `carried` are written.
        part: The block.
        first_query: The first of the queries in the batch.
        num_queries: How many there are.
        before: uint64 (P or more, W), columns that are certainly before; those that exactly are,
            are added.
        close: Pairs of these queries.
        tied: uint64 (T, W), zeros; for columns at the distance of a first match, and before it in
            the gallery.
    """
    pair = 0
    for query in range(first_query, first_query + num_queries):
        own = before[matches.starts[query] - matches.starts[first_query] :]
        has_ties = False
        while pair < len(close.query) and close.query[pair] == query:
            column, exact = close.column[pair], close.exact[pair]
            has_ties |= _add_column(matches, part, query, column, exact, own, tied)
            pair += 1
        _count_images(matches, part, query, own)
        if part.by_identity:
            _count_identities(matches, part, query, own, tied)
        if has_ties:
            tied[:] = _NONE


@compiled_part
def _add_column(  # a kernel: arrays in, arrays out
    matches: Matches,
    part: Part,
    query: int,
    column: int,
    exact: float,
    before: NDArray[np.uint64],
    tied: NDArray[np.uint64],
) -> bool:
    """Add a column to what is before the matches that it is nearer than; tell whether it ties."""
    word, bit = column // BITS, _ONE << np.uint64(column % BITS)
    first, has_ties = matches.starts[query], False
    for place in range(matches.num_seen[query] - 1, -1, -1):
        match = matches.order[first + place]
        if exact > matches.exact[match]:
            break
        if exact < matches.exact[match]:
            before[place, word] |= bit
        else:
            has_ties = True
            gallery = part.galleries[matches.audience[query]]
            for trial in range(len(tied)):
                theirs = matches.positions[trial, matches.own[query] + match - first]
                is_before = matches.positions[trial, part.first + column] < theirs
                if theirs >= 0 and is_before and gallery[trial, word] & bit:
                    matches.counts[match, trial] += 1
                    if place == matches.best[trial, query]:
                        tied[trial, word] |= bit
    return has_ties


@compiled_part
def _count_images(matches: Matches, part: Part, query: int, before: NDArray[np.uint64]) -> None:
    """Count what is before each match, in the trials that have it in their gallery."""
    first = matches.starts[query]
    galleries = part.galleries[matches.audience[query]]
    for place in range(matches.num_seen[query]):
        match = matches.order[first + place]
        column = matches.own[query] + match - first
        for trial in range(len(galleries)):
            if matches.positions[trial, column] >= 0:
                count = 0
                for word in range(before.shape[1]):
                    count += count_bits(before[place, word] & galleries[trial, word])
                matches.counts[match, trial] += count


@compiled_part
def _count_identities(
    matches: Matches,
    part: Part,
    query: int,
    before: NDArray[np.uint64],
    tied: NDArray[np.uint64],
) -> None:
    """Count the identities that have a column before the first match of each trial.

    Columns lie in order of identity. Where ones are added to the bits of an identity but its last,
    any of them makes a carry, which ends up in the last: there, it is counted.
    """
    galleries = part.galleries[matches.audience[query]]
    for trial in range(len(galleries)):
        best = matches.best[trial, query]
        if best < 0:
            continue
        count, carry = 0, matches.carried[query, trial]
        for word in range(len(part.ends)):
            last = part.ends[word]
            found = before[best, word] & galleries[trial, word] | tied[trial, word]
            partial = (found & ~last) + ~last
            total = partial + carry
            carry = np.uint64(partial < ~last) | np.uint64(total < partial)
            count += count_bits((total | found) & last)
        matches.nearer[query, trial] += count
        matches.carried[query, trial] = carry
