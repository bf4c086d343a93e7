"""Takes all queries of a pool past all its columns, block by block, in bounded memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core.evaluation.counting import (
    MAX_COLUMNS,
    MAX_ROWS,
    count_block,
    count_pending,
    make_part,
)
from bench_core.evaluation.exhaustive import rank_whole
from bench_core.evaluation.matches import make_batches
from bench_core.evaluation.pool import split_audiences
from bench_core.evaluation.threads import num_threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from bench_core.evaluation.counting import Part
    from bench_core.evaluation.matches import Batch
    from bench_core.evaluation.pool import Fields, TrialPool
    from bench_core.evaluation.sources import Block, DistanceSource

IntArray: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True, kw_only=True)
class BlockSizes:
    """How much is worked on at once; decides memory and speed, never a result.

    Attributes:
        columns: Gallery images of a block.
        product: Distances that are computed at once.
        task: Distances that one thread sorts at once; about 50 bytes each.
        matches: Possible matches that are counted at once; about 100 bytes each.
    """

    columns: int = 8192
    product: int = 2**24
    task: int = 2**18
    matches: int = 2**21


def count_pool(
    source: DistanceSource,
    pool: TrialPool,
    fields: Fields,
    *,
    by_identity: bool,
    sizes: BlockSizes,
) -> Iterator[Batch]:
    """Count, for each possible match, what comes before it in each trial.

    Args:
        source: Distances of the pool.
        pool: The trials.
        fields: How counts are packed.
        by_identity: Whether identities nearer than the first match are counted, too.
        sizes: How much is worked on at once.

    Yields:
        Batches with everything counted.
    """
    audiences = split_audiences(pool, fields)
    with ThreadPoolExecutor(num_threads()) as threads:
        for batch in make_batches(source, pool, audiences, sizes.matches):
            for columns in _slices(0, len(pool.column_rows), min(sizes.columns, MAX_COLUMNS)):
                parts = [
                    make_part(pool, fields, audience, columns, by_identity=by_identity)
                    for audience in audiences
                ]
                _pass_block(threads, source, batch, parts, source.block(columns), sizes)
            count_pending(batch)
            rank_whole(source, pool, fields, audiences, batch, sizes.product // 4)
            yield batch


def _pass_block(
    threads: ThreadPoolExecutor,
    source: DistanceSource,
    batch: Batch,
    parts: Sequence[Part],
    block: Block,
    sizes: BlockSizes,
) -> None:
    num_columns = len(parts[0].trials)
    task_rows = min(max(1, sizes.task // num_columns), MAX_ROWS)
    product_rows = max(1, sizes.product // num_columns)
    for number, part in enumerate(parts):
        start, stop = np.searchsorted(batch.audience, [number, number + 1]).tolist()
        if block.one_thread:
            _wait(
                [
                    threads.submit(_compute_and_count, source, batch, rows, part, block)
                    for rows in _slices(start, stop, task_rows)
                ]
            )
            continue
        for product in _slices(start, stop, product_rows):
            values = block.values(batch.rows[product])
            _wait(
                [
                    threads.submit(
                        count_block,
                        source,
                        batch,
                        rows,
                        part,
                        values[rows.start - product.start : rows.stop - product.start],
                    )
                    for rows in _slices(product.start, product.stop, task_rows)
                ]
            )


def _compute_and_count(
    source: DistanceSource, batch: Batch, rows: slice, part: Part, block: Block
) -> None:
    count_block(source, batch, rows, part, block.values(batch.rows[rows]))


def _wait(tasks: Sequence[Future[None]]) -> None:
    for task in tasks:
        task.result()


def _slices(start: int, stop: int, size: int) -> Iterator[slice]:
    for first in range(start, stop, size):
        yield slice(first, min(first + size, stop))
