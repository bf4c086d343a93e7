"""A plugin that imports from the wrong door is told the right one."""

from __future__ import annotations

import pytest

from bench_core.doors import load_failure


def failure_of(statement: str) -> str:
    """Return what is said of a statement that cannot be executed."""
    with pytest.raises(Exception) as caught:  # of any kind
        exec(statement, {})  # noqa: S102  # as a plugin's module is
    return load_failure(caught.value)


@pytest.mark.parametrize(
    ("statement", "door"),
    [
        ("from bench_core import MethodConfig", "bench_core.methods"),
        ("from bench_core import Trial", "bench_core.datasets"),
        ("from bench_core.methods import MethodSpec", "bench_core"),
        ("from bench_core.datasets import Reranker", "bench_core.rerankers"),
    ],
)
def test_a_name_of_another_door_is_said_to_be_there(statement: str, door: str) -> None:
    assert failure_of(statement).endswith(f"; import it from {door}")


@pytest.mark.parametrize(
    "statement",
    [
        "from bench_core import NoSuchName",
        "from json import MethodConfig",
        "import bench_core.no_such_module",
        "raise ValueError(\"cannot import name 'MethodConfig' from 'bench_core' (x)\")",
    ],
)
def test_other_failures_are_said_as_they_are(statement: str) -> None:
    assert "import it from" not in failure_of(statement)
