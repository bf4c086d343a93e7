"""Results with invented scores of their queries, in memory and in a results folder."""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from bench_core.contracts.hooks import ENTRY_POINT_GROUP
from bench_core.contracts.result import ResultRecord
from bench_core.contracts.speed import SpeedRecord
from bench_core.evaluation.query_table import QueryImages, QueryTable
from bench_core.evaluation.uncertainty import IdentitySums
from bench_core.plugins import Registry, load_registry
from bench_core.results.query_scores import encode_query_table
from bench_core.results.store import write_result
from bench_core.scoring.reranking import RerankerChoice, choose_reranker

EXAMPLE = Path(__file__).parent / "contracts" / "records" / "schema-1.json"
RERANKERS = runpy.run_path(str(Path(__file__).parent / "rerankers.py"))
NAMES = ("rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP")

MakeTable: TypeAlias = Callable[..., QueryTable]
StoreResult: TypeAlias = Callable[..., Path]


def build_table(
    success: float = 0.5, *, num_identities: int = 40, shots: int = 5, seed: int = 0
) -> QueryTable:
    """Invent scores of one group of ten trials; people differ, and each one's queries agree."""
    rng = np.random.default_rng(seed)
    identity = np.repeat(np.arange(num_identities), shots)
    skill = np.clip(success + 0.3 * rng.standard_normal(num_identities), 0, 1)[identity]
    hits = rng.binomial(10, skill, size=(4, len(identity))) / 10
    scores = np.maximum.accumulate(hits, axis=0).T
    precision = np.clip(skill + 0.1 * rng.standard_normal(len(identity)), 0, 1)
    return QueryTable(
        images=QueryImages(
            identity=identity,
            camera=np.full(len(identity), 3),
            index=np.tile(np.arange(shots), num_identities),
        ),
        group=np.zeros(len(identity), dtype=np.int64),
        valid=np.ones(len(identity), dtype=np.bool_),
        scores=np.column_stack([scores, precision, precision / 2]),
        group_trials=np.array([10]),
    )


def build_scores(table: QueryTable) -> dict[str, Any]:
    """Return the scores that a table of queries gives, all its trials alike."""
    mean = build_means(table)
    cmc = np.repeat(list(mean.values())[:4], [4, 5, 10, 1]).tolist()
    num_trials = int(table.group_trials.sum())
    return {
        "queries": int(np.bincount(table.group).min()),
        "valid_queries": int(np.bincount(table.group[table.valid]).min()),
        "gallery": [301] * num_trials,
        "trials": [{"cmc": cmc, "mAP": mean["mAP"], "mINP": mean["mINP"]}] * num_trials,
        "mean": mean,
        "std": dict.fromkeys(NAMES, 0.0),
        "interval": {name: [value, value] for name, value in mean.items()},
        "iccs": 0.25,
        "by_query_camera": {
            str(camera): {
                "queries": 1,
                "valid_queries": 1,
                "mean": build_means(table.of_camera(camera)),
                "std": dict.fromkeys(NAMES, 0.0),
            }
            for camera in np.unique(table.images.camera).tolist()
        },
    }


def build_means(table: QueryTable) -> dict[str, float]:
    """Return the scores of a table, averaged as trials are."""
    sums = IdentitySums.of(table)
    means = sums.averages(np.ones((1, len(sums.valid))))[0].tolist()
    return dict(zip(NAMES, means, strict=True))


@pytest.fixture(scope="session")
def k_reciprocal(registry: Registry) -> RerankerChoice:
    """The built-in re-ranker with its default settings."""
    return choose_reranker(registry, "k-reciprocal", "sysu-all-single")


@pytest.fixture(scope="session")
def make_table() -> MakeTable:
    """Return `build_table`."""
    return build_table


@pytest.fixture
def store_result(tmp_path: Path) -> StoreResult:
    """Write a record with the scores of its queries; `method__seed=3` changes that field."""

    def store(table: QueryTable, **changes: object) -> Path:
        content = encode_query_table(table)
        document = json.loads(EXAMPLE.read_text())
        document["method"] |= {"variant": None, "overrides": []}
        document["scores"] = build_scores(table)
        document["query_scores"] = hashlib.sha256(content).hexdigest()
        for name, value in changes.items():
            part, field = name.split("__")
            document.setdefault(part, {})[field] = value
        record = ResultRecord.from_json(json.dumps(document))
        return write_result(tmp_path / "results", record, content)

    return store


def build_speeds(**changes: Any) -> SpeedRecord:
    """Invent a measurement of one card."""
    rate = {
        "method": "jsia", "preset": "paper", "image_size": [256, 128], "dtype": "bfloat16",
        "num_timed": 10, "stable": True,
    }  # fmt: skip
    extraction = rate | {
        "mode": "folded", "modality": "visible", "batch": 128, "images_per_second": 50_000.0,
        "images_per_second_quartiles": [49_000.0, 51_000.0], "flops_per_second": 400e12,
    }  # fmt: skip
    training = rate | {
        "stage": "joint", "images": 128, "images_per_second": 5_000.0,
        "images_per_second_quartiles": [4_900.0, 5_100.0], "peak_memory_bytes": 2**31,
    }  # fmt: skip
    document: dict[str, Any] = {
        "schema_version": 1,
        "created": "2026-11-28T10:15:00Z",
        "git_commit": "0" * 40,
        "git_dirty": False,
        "device": {
            "name": "NVIDIA H200", "kind": "cuda", "driver": "580.1",
            "readings": {"clock_mhz": 1980.0, "power_limit_watts": 700.0},
            "versions": {"python": "3.12.3", "torch": "2.11.0+cu130", "cuda": "13.0"},
        },
        "peaks": [{"dtype": "bfloat16", "matrix_size": 8192, "flops_per_second": 800e12}],
        "extraction": [extraction],
        "training": [training],
    }  # fmt: skip
    return SpeedRecord.model_validate_json(json.dumps(document | changes))


@pytest.fixture(scope="session")
def make_speeds() -> Callable[..., SpeedRecord]:
    """Invent a measurement of one card, with changed fields."""
    return build_speeds


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Registry]]:
    """Install a stranger's re-ranker with changes; yield the registry that has it alone."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    packages: list[str] = []

    def install(*changes: tuple[str, str]) -> Registry:
        package = f"stranger_reranker_{len(packages)}"
        packages.append(package)
        RERANKERS["write_reranker"](site, package, *changes)
        return load_registry([EntryPoint("stranger", package, ENTRY_POINT_GROUP)])

    yield install
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]
