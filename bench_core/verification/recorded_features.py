"""Features read as those of a record were: with its metric, and the order of rows that fits it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from bench_core.contracts.errors import DataError, UsageError
from bench_core.features.digest import features_digest
from bench_core.features.reading import ROW_ORDERS
from bench_core.features.table import METRICS, FeatureTable
from bench_core.scoring.feature_files import FeatureSource, open_features

if TYPE_CHECKING:
    from pathlib import Path

    from bench_core.contracts.dataset import DatasetSpec
    from bench_core.contracts.method import Metric
    from bench_core.contracts.result import ResultRecord


class RecordedFeatures(NamedTuple):
    """Features that were read from a path, with their digest."""

    path: Path
    table: FeatureTable
    digest: str


def read_recorded(dataset: DatasetSpec, path: Path, record: ResultRecord) -> RecordedFeatures:
    """Read features as those of a record were read.

    What the files leave open the record tells: the metric by its configuration, the order of rows
    by the hash of the features, which one of the orders gives.

    Args:
        dataset: The dataset of the record.
        path: A file, or a folder of one file a camera.
        record: The record that they may be of.

    Raises:
        DataError: They are unreadable, or do not say of which images they are.
        UsageError: They cannot be read without being told more.
    """
    source = FeatureSource(path=path, metric=_metric(record))
    try:
        return _read(dataset, source)
    except UsageError as error:
        first = error
    metrics = dict.fromkeys((source.metric, None))  # the file may name another, and be another's
    found: list[RecordedFeatures] = []
    for metric in metrics:
        for order in (None, *ROW_ORDERS):
            try:
                found.append(_read(dataset, replace(source, metric=metric, row_order=order)))
            except UsageError:  # another choice may fit; where none does, the first is told
                continue
    for features in found:
        if features.digest in record.features:
            return features
    if not found:
        raise first
    return found[0]


def _metric(record: ResultRecord) -> Metric | None:
    """Return the metric that features from outside were scored by; others name their own."""
    named = record.method.config.get("metric") if record.is_foreign else None
    return next((metric for metric in METRICS if metric == named), None)


def _read(dataset: DatasetSpec, source: FeatureSource) -> RecordedFeatures:
    table = open_features(dataset, source)
    if not isinstance(table, FeatureTable):
        raise DataError(
            f"{source.path} does not say of which images its features are, so that no gallery can "
            "be drawn; name the features that the result was made of"
        )
    return RecordedFeatures(source.path, table, features_digest(table))
