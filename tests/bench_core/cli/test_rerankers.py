"""`--rerank` and `bench list rerankers`: what is installed can be used, the rest is one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from bench_core.cli.main import build_cli
from bench_core.data.opening import open_dataset
from bench_core.features.table import FeatureTable, write_features
from bench_core.plugins import Registry

Bench = Callable[..., Result]


@pytest.fixture
def scored(registry: Registry, sysu_root: Path, tmp_path: Path) -> list[str]:
    """The arguments that score random features of all images."""
    images = open_dataset(registry.dataset("sysu-mm01"), sysu_root).images.drop(columns="path")
    people = np.random.default_rng(0).standard_normal((1000, 1, 8))
    noise = np.random.default_rng(1).standard_normal((len(images), 1, 8))
    features = (people[images["identity"]] + 1.5 * noise).astype(np.float32)
    path = tmp_path / "features.npz"
    write_features(path, FeatureTable(features=features, table=images, metric="euclidean"))
    protocol = ["--protocol", "sysu-all-single", "--features", str(path)]
    return ["eval", *protocol, "--splits", str(sysu_root / "exp")]


def test_a_name_and_settings_are_said_in_words_and_json(bench: Bench, scored: list[str]) -> None:
    plain, usual, named, other = (
        json.loads(bench(*scored, *options, "--json").stdout)
        for options in (
            (),
            ("--rerank",),
            ("--rerank", "k-reciprocal", "--rerank-set", "k1=20"),
            ("--rerank", "--rerank-set", "k1=4", "--rerank-set", "lambda_value=0.5"),
        )
    )
    assert (plain["rerank"], plain["reranker"]) == (False, None)
    assert usual["rerank"] is True
    config = {"k1": 20, "k2": 6, "lambda_value": 0.3}
    assert usual["reranker"] == {"id": "k-reciprocal", "config": config}
    assert named == usual
    assert other["reranker"]["config"] == {"k1": 4, "k2": 6, "lambda_value": 0.5}
    assert len({document["mean"]["mAP"] for document in (plain, usual, other)}) == 3
    words = bench(*scored, "--rerank", "--rerank-set", "k1=4").stdout.splitlines()[0]
    assert words.startswith(
        "sysu-all-single, official galleries, re-ranked by k-reciprocal with k1=4, euclidean "
    )
    assert "galleries, re-ranked, euclidean " in bench(*scored, "--rerank").stdout


def test_aim_takes_the_settings_of_the_protocol_and_names_itself(
    bench: Bench, scored: list[str]
) -> None:
    document = json.loads(bench(*scored, "--rerank", "aim", "--json").stdout)
    assert document["reranker"] == {"id": "aim", "config": {"k1": 4, "k2": 1}}
    assert document["mean"]["mAP"] > json.loads(bench(*scored, "--json").stdout)["mean"]["mAP"]
    words = bench(*scored, "--rerank", "aim").stdout.splitlines()[0]
    assert words.startswith("sysu-all-single, official galleries, re-ranked by aim, euclidean ")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--rerank", "k-reciprocl"),
            (
                "unknown re-ranker 'k-reciprocl'; did you mean 'k-reciprocal'? "
                "(known: aim, k-reciprocal)"
            ),
        ),
        (("--rerank-set", "k1=4"), "--rerank-set k1=4: nothing is re-ranked; give --rerank, too"),
        (
            ("--rerank", "--rerank-set", "depth=4"),
            "unknown setting of the re-ranker 'depth' (known: k1, k2, lambda_value)",
        ),
        (("--rerank", "--rerank-set", "k1"), "--rerank-set k1: expected key=value"),
    ],
)
@pytest.mark.parametrize("command", ["eval", "run"])
def test_what_there_is_not_is_one_line(
    command: str, options: tuple[str, ...], says: str, bench: Bench, scored: list[str]
) -> None:
    given = scored if command == "eval" else ["run", "--method", "xiv", *scored[1:3]]
    result = bench(*given, *options)
    assert result.exit_code == 2
    assert f"Error: {says}\n" in result.stderr


def test_a_broken_re_ranker_is_blamed_with_its_package(
    stranger: Callable[..., Registry], registry: Registry, scored: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    broken = stranger(("        return distances", "        return distances * float('nan')"))
    monkeypatch.setattr(registry, "_rerankers", broken._rerankers)
    result = CliRunner().invoke(build_cli(registry), [*scored, "--rerank", "stranger"])
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: re-ranker 'stranger' (package unknown package): rerank returned nan for query 0 "
        "and gallery image 0; only finite distances can be ranked\n"
    )


def test_the_list_tells_settings_and_what_each_looks_at(bench: Bench) -> None:
    rows = json.loads(bench("list", "rerankers", "--json").stdout)
    aim, row = sorted(rows, key=lambda row: row["reranker"])
    assert (aim["reranker"], aim["scope"], aim["needs"]) == ("aim", "trial", ["features"])
    assert aim["by_protocol"]["sysu-all-single"] == {"k1": 4, "k2": 1}
    assert row["reranker"] == "k-reciprocal"
    assert row["settings"] == ["k1=20", "k2=6", "lambda_value=0.3"]
    assert (row["needs"], row["scope"], row["by_protocol"]) == (["distances"], "group", {})
    assert "CVPR 2017" in row["paper"]
    assert "k-reciprocal" in bench("list", "rerankers").stdout


def test_a_re_ranker_is_checked_by_its_name(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench_core.plugin_check import process
    from bench_core.plugin_check.report import PluginReport

    asked = []

    def check(plugin: object, wanted: process.Wanted, **_: object) -> PluginReport:
        asked.append(wanted)
        return PluginReport(plugin="p", package="p 1", checks=())

    monkeypatch.setattr(process, "check_plugin", check)
    assert bench("plugin", "check", "k-reciprocal", "--set", "k1=3").exit_code == 0
    assert asked == [process.Wanted(rerankers=("k-reciprocal",), assignments=("k1=3",))]
    refused = bench("plugin", "check", "k-reciprocal", "--variant", "full")
    assert "'k-reciprocal' is a re-ranker, without variants" in refused.stderr
