"""The light door: what a plugin's entry module registers, and the errors of all plugins.

It loads no numerical library. Who writes a method imports from `bench_core.methods`, who writes a
dataset from `bench_core.datasets`, who renders people for one from `bench_core.synthetic`, who
writes a re-ranker from `bench_core.rerankers`, and a plugin's tests from `bench_core.testing`:
these modules are the public API.
"""

from typing import TYPE_CHECKING, Any

from bench_core.contracts.dataset import (
    DatasetSpec as DatasetSpec,
    PublishedCount as PublishedCount,
)
from bench_core.contracts.degradation import DegradationSpec as DegradationSpec
from bench_core.contracts.errors import (
    BenchError as BenchError,
    CheckpointError as CheckpointError,
    DataError as DataError,
    PluginError as PluginError,
    TrainingError as TrainingError,
    UsageError as UsageError,
)
from bench_core.contracts.hooks import hookimpl as hookimpl
from bench_core.contracts.images import (
    IMAGE_COLUMNS as IMAGE_COLUMNS,
    INFRARED as INFRARED,
    VISIBLE as VISIBLE,
    Modality as Modality,
)
from bench_core.contracts.method import (
    QUICK as QUICK,
    MethodSpec as MethodSpec,
    Paper as Paper,
    PresetSpec as PresetSpec,
    VariantSpec as VariantSpec,
)
from bench_core.contracts.protocol import ProtocolSpec as ProtocolSpec
from bench_core.contracts.reranker import (
    RerankerNeed as RerankerNeed,
    RerankerScope as RerankerScope,
    RerankerSpec as RerankerSpec,
)
from bench_core.packaged_models import released_method as released_method

if TYPE_CHECKING:
    from bench_core.contracts.result import ResultRecord as ResultRecord


def __getattr__(name: str) -> Any:
    """Load the record of a finished run, which is checked by a library that takes its time."""
    if name != "ResultRecord":
        raise AttributeError(f"module 'bench_core' has no attribute '{name}'")
    from bench_core.contracts.result import ResultRecord

    return ResultRecord
