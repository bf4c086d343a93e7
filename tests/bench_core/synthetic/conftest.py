"""Fixtures: one small dataset, rendered once for the module that reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench_core.synthetic import generate

SEED = 3


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a "tiny" dataset."""
    root = tmp_path_factory.mktemp("synthetic") / "tiny"
    generate(root, scale="tiny", seed=SEED, workers=1)
    return root
