"""The metrics of the field, under the names that files and tables use."""

from typing import Final

SUMMARY_RANKS: Final = (1, 5, 10, 20)
"""The k of the rank-k that are reported."""
METRICS: Final = (*(f"rank-{rank}" for rank in SUMMARY_RANKS), "mAP", "mINP")
"""The metrics of a summary, in the order of every array over them."""
