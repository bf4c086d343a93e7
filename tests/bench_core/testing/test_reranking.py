"""The checks of re-rankers find what they are for: each bad one fails the one meant for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench_core.contracts.errors import BenchError
from bench_core.plugin_check.child import Job, documents
from bench_core.plugins import Registry
from bench_core.testing import reranker_checks

Install = Callable[..., Registry]
RETURNS = "        return distances"


def returns(line: str) -> tuple[str, str]:
    return RETURNS, f"        {line}\n{RETURNS}"


def failed(registry: Registry) -> list[str]:
    found = []
    for check in reranker_checks(registry.reranker("stranger")):
        try:
            check.run()
        except (BenchError, ValueError):
            found.append(check.rule)
    return found


def test_a_good_re_ranker_passes(stranger: Install) -> None:
    assert failed(stranger()) == []


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        (
            "unknown-keys-are-refused",
            ("    power: int", '    model_config = {"extra": "allow"}\n    power: int'),
        ),
        ("the-settings-round-trip", ('{"power": 3}', '{"power": "much"}')),
        (
            "the-settings-round-trip",
            (
                "    gain: float = 1.0",
                (
                    "    gain: float = 1.0\n"
                    "    @__import__('pydantic').field_serializer('gain')\n"
                    "    def halve(self, gain): return gain / 2"
                ),
            ),
        ),
        ("distances-have-the-contracted-shape", returns("distances = distances[:, :-1]")),
        (
            "distances-are-deterministic",
            returns("distances = distances + np.random.rand()"),
        ),
        (
            "distances-are-deterministic",
            returns("calls.append(0); distances = distances + len(calls)"),
        ),
        (
            "distances-follow-the-order-of-the-gallery",
            returns("distances = distances + np.arange(distances.shape[1])"),
        ),
        (
            "distances-follow-the-order-of-the-queries",
            returns("distances = distances + np.arange(len(distances))[:, None]"),
        ),
        ("few-images-are-ranked", returns("np.partition(distances, 3, axis=1)")),
        ("equal-images-are-ranked", returns("distances = distances / distances.max()")),
        ("images-are-left-unchanged", returns("gallery *= 2")),
        (
            "the-network-is-not-used",
            returns(
                "import socket\n"
                "        try: socket.create_connection(('192.0.2.1', 80), 0.1)\n"
                "        except OSError: pass"
            ),
        ),
        ("no-file-is-written-elsewhere", returns("open(__file__ + '.txt', 'w').close()")),
    ],
)
def test_a_mistake_fails_the_check_that_is_meant_for_it(
    rule: str,
    change: tuple[str, str],
    stranger: Install,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with np.errstate(invalid="ignore"):
        assert rule in failed(stranger(change))


def test_a_plugin_check_runs_them_and_blames_a_line(stranger: Install, tmp_path: Path) -> None:
    stranger(returns("distances[0, 0] = np.nan"))
    package = "stranger_reranker_0"
    job = Job(
        module=package,
        methods=(),
        rerankers=(),
        variants=(),
        assignments=(),
        answers="",
        stack="",
        timeout_seconds=60,
    )
    found = [one["result"] for one in documents(job) if "result" in one]
    results = {one["check"]: one for one in found if one["about"] == "stranger"}
    shape = results["distances-have-the-contracted-shape"]
    assert (shape["state"], shape["file"]) == (
        "failed",
        str(tmp_path / "site" / package / "reranker.py"),
    )
    assert "rerank returned nan for query 0 and gallery image 0" in shape["detail"]
    assert results["unknown-keys-are-refused"]["state"] == "passed"
    assert results["distances-are-deterministic"]["state"] == "not run"
