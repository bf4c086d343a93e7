"""A method under the corrupted twin of a protocol, and its scores by corruption and severity."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from bench_core.pipeline import robustness
from bench_core.results.store import read_result

Bench = Callable[..., Result]
TWIN = "sysu-all-single-corrupted"


def only_record(folder: Path, protocol: str) -> Path:
    (path,) = (folder / "results" / protocol).glob("*.json")
    return path


@pytest.mark.slow
def test_a_corrupted_run_shares_the_training_and_keeps_its_own_features_and_table(
    bench: Bench, small_run: list[str], tmp_path: Path, sysu_root: Path
) -> None:
    clean = bench("run", *small_run)
    small_run[3] = TWIN
    corrupted = bench("run", *small_run)
    assert (clean.exit_code, corrupted.exit_code) == (0, 0), corrupted.stderr
    assert "step/s" not in corrupted.stderr
    assert "extracting" in corrupted.stderr
    one, two = (read_result(only_record(tmp_path, name)) for name in ("sysu-all-single", TWIN))
    assert one.provenance.training_identities == two.provenance.training_identities
    assert one.features != two.features
    assert one.protocol.degradation is None
    assert two.protocol.degradation is not None
    assert two.protocol.degradation.stage == "resized"
    assert two.protocol.degradation.settings == {"seed": 0}
    assert any("frost" in line for line in two.protocol.degradation.deviations)
    assert "extracting" not in bench("run", *small_run).stderr

    table = bench("leaderboard")
    assert f"{TWIN}, official galleries" in " ".join(table.stdout.split())
    assert "images are degraded after resizing" in " ".join(table.stdout.split())

    kept = sorted(path for path in (tmp_path / "runs").rglob("features*.npz"))
    assert len(kept) == 2
    corrupted_features = next(path for path in kept if path.name != "features.npz")
    refused = bench(
        "eval", "--protocol", "sysu-all-single", "--data", sysu_root,
        "--features", corrupted_features,
    )  # fmt: skip
    assert refused.exit_code == 1
    assert "are of images degraded by 'corruption 2, visible, resized, seed=0'" in refused.stderr
    known = bench("eval", "--protocol", TWIN, "--data", sysu_root, "--features", corrupted_features)
    assert known.exit_code == 0
    assert "assumed" not in known.stdout
    taken = bench(
        "eval", "--protocol", TWIN, "--data", sysu_root, "--features",
        corrupted_features.with_name("features.npz"),
    )  # fmt: skip
    assert "assumed: the features are of images degraded by corruption 2" in taken.stdout

    refused = bench("corruption", only_record(tmp_path, "sysu-all-single"))
    assert refused.exit_code == 2
    assert f"under its corrupted twin, such as {TWIN}" in refused.stderr
    _check_grid(bench, only_record(tmp_path, TWIN), sysu_root, small_run)


def _check_grid(bench: Bench, path: Path, root: Path, small_run: list[str]) -> None:
    """Score two cells, go on with two more, and run again without losing them."""
    chosen = ("corruption", path, "--data", root, "--only", "fog", "--severity", "1")
    first = bench(*chosen, "--severity", "5")
    assert first.exit_code == 0, first.stderr
    assert "2 of 100 scores are there" in " ".join(first.stdout.split())
    assert "| 2/2" in first.stderr
    cells = read_result(path).corruption_grid
    again = bench(*chosen, "--only", "contrast", "--figure", "grid.png", "--json")
    assert "| 1/1" in again.stderr
    document = json.loads(again.stdout)
    assert [(c["corruption"], c["severity"]) for c in document["cells"]] == [
        ("fog", 1),
        ("fog", 5),
        ("contrast", 1),
    ]
    assert document["whole"] is False
    assert Path("grid.png").stat().st_size > 10_000
    grid = read_result(path).corruption_grid
    assert grid is not None
    assert cells is not None
    assert grid.cells[:2] == cells.cells
    clean = read_result(only_record(path.parents[2], "sysu-all-single")).scores.mean
    assert grid.clean == clean
    assert bench("run", *small_run).exit_code == 0
    assert read_result(path).corruption_grid == grid


@pytest.mark.slow
def test_a_grid_needs_its_model_and_goes_on_where_it_was_interrupted(
    bench: Bench,
    small_run: list[str],
    tmp_path: Path,
    sysu_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_run[3] = TWIN
    assert bench("run", *small_run).exit_code == 0
    path = only_record(tmp_path, TWIN)
    elsewhere = bench("corruption", path, "--data", sysu_root, "--runs", "nowhere")
    assert elsewhere.exit_code == 2
    assert "is not below nowhere; name its folder with --runs" in elsewhere.stderr
    assert bench("corruption", path, "--figure", "grid.jpg").exit_code == 2
    scored: list[str] = []
    score_cell = robustness._cell_scores

    def interrupted(grid: object, name: str, severity: int) -> object:
        if name == "snow" and not scored[1:]:
            raise KeyboardInterrupt
        scored.append(name)
        return score_cell(grid, name, severity)  # type: ignore[arg-type]

    monkeypatch.setattr(robustness, "_cell_scores", interrupted)
    arguments = ("corruption", path, "--data", sysu_root, "--severity", "2", "--only", "snow")
    bench(*arguments, "--only", "zoom_blur")
    grid = read_result(path).corruption_grid
    assert grid is not None
    assert [cell.corruption for cell in grid.cells] == ["zoom_blur"]
    scored.append("")
    assert bench(*arguments, "--only", "zoom_blur").exit_code == 0
    assert scored == ["zoom_blur", "", "snow"]


def test_limited_runs_try_the_corruption(bench: Bench, small_run: list[str]) -> None:
    small_run[3] = TWIN
    result = bench("run", *small_run, "--limit", "1")
    assert result.exit_code == 0, result.stderr
    assert "degrading" in result.stderr


def test_the_list_of_protocols_stays_short_and_names_the_twins(bench: Bench) -> None:
    shown = bench("list", "protocols").stdout
    assert "sysu-all-single-corrupted" not in shown
    assert "whose ids end in -corrupted and -corrupted-original" in " ".join(shown.split())
    listed = json.loads(bench("list", "protocols", "--json").stdout)
    found = {each["protocol"]: each["twins"] for each in listed}
    assert found["sysu-all-single"] == [TWIN, f"{TWIN}-original"]
    assert found["sysu-ir-to-ir"] == []
