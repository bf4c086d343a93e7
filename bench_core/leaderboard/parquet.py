"""The rows as one Parquet table, for programs that read many of them."""

from __future__ import annotations

import importlib.util
import io
from typing import TYPE_CHECKING, Any

from bench_core.contracts.errors import UsageError
from bench_core.contracts.metrics import METRICS
from bench_core.leaderboard.corruption import GRID_COLUMNS
from bench_core.leaderboard.flat import FLAT_TABLE_COLUMNS, table_rows
from bench_core.leaderboard.published_values import PAPER_COLUMNS, as_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_core.leaderboard.rows import Section
    from bench_core.published.registry import Published

FIGURES = ("", "-std", "-low", "-high", "-seed-std")
"""What is said of each metric, by the end of the column's name."""
FLAGS = frozenset({"synthetic", "given", "rerank", "git_dirty", "recomputed"})
LISTS = frozenset(
    {"overrides", "reranker_settings", "origin_files", "findings", "assumptions", "disclosed"}
)
NUMBER_LISTS = frozenset({"joined_seeds"})
COUNTS = frozenset(
    {
        *("rank", "seed", "seeds", "trials", "queries", "valid_queries"),
        *("training_threads",),
        *("parameters", "macs", "flops", "macs_visible", "macs_infrared"),
        *("training_only_parameters", "training_macs"),
    }
)
FRACTIONS = frozenset(
    {
        *(f"{metric}{suffix}" for metric in METRICS for suffix in FIGURES),
        *GRID_COLUMNS,
        *PAPER_COLUMNS,
        *("images_per_second", "extraction_seconds", "training_seconds"),
    }
)


def parquet_table(tables: Sequence[Section], published: Published | None = None) -> bytes:
    """Render all sections as one Parquet table with the rows and columns of the CSV.

    Flags, counts, fractions and lists keep their types; what was not measured is null. The types
    are the same whichever rows there are, so that tables of several folders can be joined.

    Raises:
        UsageError: pyarrow, the extra "parquet", is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise UsageError(
            "Parquet needs pyarrow; install it with pip install 'vireid-bench[parquet]', or give "
            "--format csv"
        )
    import pyarrow as pa
    import pyarrow.parquet

    schema = pa.schema([(name, _type_of(pa, name)) for name in FLAT_TABLE_COLUMNS])
    rows = [as_numbers(row) for row in table_rows(tables, published)]
    content = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema=schema), content)
    return content.getvalue()


def parquet_rows(content: bytes) -> dict[str, Any]:
    """Return a table's columns and rows, for a comparison: its bytes depend on pyarrow's version.

    Raises:
        ValueError: It is no Parquet table.
    """
    import pyarrow as pa
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(pa.BufferReader(content))  # ArrowInvalid is a ValueError
    types = {field.name: str(field.type) for field in table.schema}
    return {"columns": types, "rows": table.to_pylist()}


def _type_of(pa: Any, name: str) -> Any:
    if name in FLAGS:
        return pa.bool_()
    if name in LISTS:
        return pa.list_(pa.string())
    if name in NUMBER_LISTS:
        return pa.list_(pa.int64())
    if name in COUNTS:
        return pa.int64()
    return pa.float64() if name in FRACTIONS else pa.string()
