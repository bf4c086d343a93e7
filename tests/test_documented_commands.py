"""Whoever types the commands of a page, in their order, gets through it.

They run on small datasets, with small trainings and short measurements; nothing else is changed.
"""

from __future__ import annotations

import importlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner, Result
from scipy.io import savemat

from bench_core.cli.main import build_cli
from bench_core.contracts.result import ResultRecord
from bench_core.features.table import FEATURE_COLUMNS
from bench_core.pipeline.matrix.cells import expand
from bench_core.pipeline.matrix.file import read_matrix
from bench_core.plugins import Registry
from bench_core.synthetic import generate
from bench_core.system.cache_folder import CACHE_VARIABLE
from bench_sysu.dataset import SysuMM01Reader

ROOT = Path(__file__).parents[1]
TRAINING = (
    "epochs=1",
    "sampling.steps_per_epoch=1",
    "sampling.identities=4",
    "sampling.images=2",
    "image_height=32",
    "image_width=16",
)
SMALLER = {
    "run": [f"--set={assignment}" for assignment in TRAINING],
    "train": [f"--set={assignment}" for assignment in TRAINING],
}
"""What is added to a command."""
SHORT = sorted(
    str(page.relative_to(ROOT))
    for folder in ("how_to", "methods")
    for page in ROOT.glob(f"docs/{folder}/*.md")
)
MEASURED = {"--throughput", "--training"}
"""Commands with these options take long; their own tests run them, here their words are parsed."""

Bench = Callable[[list[str]], Any]


def commands_of(page: str) -> list[str]:
    """Return the lines of a page's shell blocks that start the program, without comments."""
    text = (ROOT / page).read_text()
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line.removeprefix("bench ") for line in lines if line.startswith("bench ")]


def python_of(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)


def parse(command: click.Command, registry: Registry, words: list[str]) -> None:
    """Parse a command with its options, and do not run it."""
    context = click.Context(command, obj=registry)
    for place, word in enumerate(words):
        if isinstance(command, click.Group):
            found = command.get_command(context, word)
            assert found is not None
            command = found
        else:
            command.make_context(word, words[place:], parent=context)
            return


@pytest.fixture
def bench(
    registry: Registry, stand_ins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    """Run a command, made smaller, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CACHE_VARIABLE, str(stand_ins))

    def run(words: list[str]) -> Result | None:
        cli = build_cli(registry)
        if MEASURED & set(words):
            return parse(cli, registry, words)
        trains = not any(word.endswith("agw.toml") for word in words)
        result = CliRunner().invoke(cli, [*words, *(SMALLER.get(words[0], []) if trains else [])])
        assert result.exit_code == 0, f"bench {shlex.join(words)}: {result.output}"
        return result

    return run


def _with(words: dict[str, str], command: str) -> str:
    for old, new in words.items():
        command = command.replace(old, new)
    return command


@pytest.fixture
def follow(bench: Bench) -> Callable[..., None]:
    """Run all commands of a page; a word of them may stand for another on this machine."""

    def run(page: str, words: dict[str, str]) -> None:
        commands = commands_of(page)
        assert commands
        for command in commands:
            bench(shlex.split(_with(words, command)))

    return run


@pytest.mark.slow
def test_the_page_about_training(follow: Callable[..., None], sysu_root: Path) -> None:
    follow("docs/training.md", {"/data/SYSU-MM01": str(sysu_root)})


@pytest.mark.exhaustive
def test_the_page_about_cost(follow: Callable[..., None], sysu_root: Path) -> None:
    here = {"/data/SYSU-MM01": str(sysu_root), "--compile ": "", "--device cuda": "--device cpu"}
    follow("docs/cost.md", here)


def test_the_page_about_datasets(
    follow: Callable[..., None],
    bench: Bench,
    sysu_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))  # its last command empties it
    bench(["data", "cache", str(sysu_root), "--image-size", "32x16"])
    (entry,) = json.loads(bench(["data", "cache", "--list", "--json"]).stdout)["caches"]
    here = {"/data/SYSU-MM01": str(sysu_root), "256x128": "64x32", "67f4960a7816": entry["key"]}
    follow("docs/datasets.md", here)


@pytest.mark.slow
def test_the_page_about_exchange(follow: Callable[..., None], sysu_root: Path) -> None:
    here = {"/data/SYSU-MM01": str(sysu_root), " --set image_height=288 --set image_width=144": ""}
    follow("docs/exchange.md", here)


def write_features_of_others(images: pd.DataFrame, features: np.ndarray, folder: Path) -> None:
    """Write what the page about features reads: files as other programs leave them."""
    columns = ["identity", "camera", "modality", "path"]
    np.save(folder / "mine.npy", features)
    images[columns].to_csv(folder / "mine.csv", index=False)
    given: dict[str, Any] = {}
    for role, modality in (("query", "infrared"), ("gallery", "visible")):
        rows = (images["modality"] == modality).to_numpy()
        labels, cameras = images["identity"][rows].tolist(), images["camera"][rows].tolist()
        content = {"feat": features[rows], "ids": labels, "cam_ids": cameras}
        savemat(
            folder / f"{role}-model_80.mat", content | {"img_path": images["path"][rows].tolist()}
        )
        given |= {f"{role}_f": features[rows], f"{role}_label": labels, f"{role}_cam": cameras}
    savemat(folder / "pytorch_result.mat", given)
    (folder / "aligngan").mkdir()
    for camera, own in images.groupby("camera"):
        cell = np.empty((1, int(images["identity"].max())), dtype=object)
        cell[0, :] = [features[own.index[own["identity"] == i + 1][::-1]] for i in range(cell.size)]
        savemat(folder / "aligngan" / f"feature_cam{camera}.mat", {"feature": cell})


def test_the_page_about_features(
    follow: Callable[..., None], sysu_root: Path, tmp_path: Path
) -> None:
    marker = shutil.ignore_patterns("synthetic.json")  # so that they might be anybody's
    shutil.copytree(sysu_root / "exp", tmp_path / "exp", ignore=marker)
    dataset = SysuMM01Reader().read(sysu_root)
    tested = dataset.images["identity"].isin(dataset.splits.test)  # type: ignore[attr-defined]
    images = dataset.images[tested].reset_index(drop=True)
    features = np.random.default_rng(0).standard_normal((len(images), 8))
    names: dict[str, Any] = {name: images[name].to_numpy() for name in FEATURE_COLUMNS}
    (source,) = python_of("docs/features.md")
    exec(source, {**names, "features": features})  # noqa: S102  # it is ours
    write_features_of_others(images, features, tmp_path)
    follow("docs/features.md", {"/data/SYSU-MM01": str(sysu_root)})


def test_the_page_about_xrays(follow: Callable[..., None], bench: Bench, tmp_path: Path) -> None:
    (source,) = python_of("docs/xray.md")
    (tmp_path / "eval_metrics.py").write_text(source)
    follow("docs/xray.md", {})
    first = commands_of("docs/xray.md")[0]
    (shown,) = re.findall(r"^```text\n(.*?)^```", (ROOT / "docs/xray.md").read_text(), re.S | re.M)
    assert shown in bench(shlex.split(first)).stdout


@pytest.mark.slow
def test_the_page_about_checkpoints(
    follow: Callable[..., None],
    bench: Bench,
    sysu_root: Path,
    released_model: Path,
    read_results: Callable[[Path], list[ResultRecord]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A small network stands for AGW, which is built as the page declares it."""
    page, tmp_path = "docs/checkpoints.md", released_model.parent
    released_model.rename(tmp_path / "AGW")
    (tmp_path / "agw.toml").write_text(_toml_of(page))
    (script,) = python_of(page)
    (tmp_path / "mine.py").write_text(script)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path / "AGW")
        network = importlib.import_module("model").embed_net(class_num=395)
    state = network.state_dict()
    scores = {"cmc": np.zeros(20, np.float32), "mAP": np.float64(0.47), "mINP": np.float64(0.35)}
    torch.save({"net": state, **scores, "epoch": 60}, tmp_path / "sysu_agw_best.t")
    follow(page, {"/data/SYSU-MM01": str(sysu_root), "/opt/torch-1.4/bin/python": sys.executable})

    read, fits = re.findall(r"^```text\n(.*?)^```", (ROOT / page).read_text(), re.S | re.M)
    shown = bench(shlex.split(commands_of(page)[1])).stdout
    assert read.splitlines()[1:] == shown.splitlines()[1:3]  # but for the file's hash
    assert shown.endswith(fits)
    run = next(command for command in commands_of(page) if command.startswith("run "))
    again = bench(shlex.split(run.replace("/data/SYSU-MM01", str(sysu_root)))).stdout
    assert "found, nothing was trained" in again
    records = read_results(Path("results"))
    (theirs,) = [record for record in records if record.origin.kind == "features"]
    neck, pooled = sorted(
        [record for record in records if record.origin.kind == "trained-elsewhere"],
        key=lambda record: str(record.method.config["embedding"]),
    )
    assert neck.features != pooled.features
    assert theirs.label == "AGW, as released"
    assert theirs.dataset == neck.dataset
    assert theirs.provenance.weights == neck.provenance.weights
    assert theirs.method.config["network"] == neck.method.config["network"]
    scored = ["eval", "--protocol", "sysu-all-single", "--features", "features.npz", "--json"]
    outside = json.loads(bench([*scored, "--splits", str(sysu_root / "exp")]).stdout)
    assert outside["mean"] == pytest.approx(neck.scores.mean.by_name(), abs=1e-3)


@pytest.mark.exhaustive
def test_the_page_about_regdb(
    follow: Callable[..., None],
    bench: Bench,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generate(tmp_path / "RegDB", registry.dataset("regdb"), scale="tiny", seed=0, workers=1)
    shutil.copytree(tmp_path / "RegDB" / "idx", tmp_path / "idx")

    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert words[0] == "bench"
        return subprocess.CompletedProcess(words, 0, stdout=bench(words[1:]).stdout)

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", run)
        (tmp_path / "features").mkdir()
        (source,) = python_of("docs/regdb.md")
        exec(source, {})  # noqa: S102  # it is ours
    shutil.copy(tmp_path / "features" / "trial-3.npz", tmp_path / "mine.npz")
    follow("docs/regdb.md", {})


@pytest.fixture
def result(bench: Bench) -> dict[str, Any]:
    """A small run, whose record and training lie where the program puts them."""
    run = ["run", "--method", "xiv", "--protocol", "sysu-all-single", "--json"]
    record: dict[str, Any] = json.loads(bench(run).stdout)
    return record


@pytest.mark.slow
def test_the_pages_about_leaderboards_and_verification(
    result: dict[str, Any], follow: Callable[..., None]
) -> None:
    follow("docs/leaderboard.md", {})
    (record,) = Path("results/sysu-all-single").glob("*.json")
    Path("base").mkdir()
    shutil.copytree("results", "head/results")
    shown = "results/sysu-all-single/xiv-quick-official-seed0-bd70707d.json"
    follow("docs/verification.md", {shown: str(record)})


def test_the_page_about_published_numbers(follow: Callable[..., None]) -> None:
    follow("docs/published.md", {})


def test_the_page_about_checking_tables(follow: Callable[..., None], tmp_path: Path) -> None:
    rows = [["Method", "V2T R1", "V2T mAP"], ["BDTR", "33.5", "31.9"]]
    tabular = " \\\\\n".join(" & ".join(row) for row in rows)
    (tmp_path / "paper.tex").write_text(f"\\begin{{tabular}}{{lcc}}\n{tabular}\n\\end{{tabular}}\n")
    tmp_path.joinpath("results").with_suffix(".md").write_text(
        "|-|-|-|".join(f"\n| {' | '.join(row)} |\n" for row in rows)
    )
    (tmp_path / "table.csv").write_text("".join(f"{','.join(row)}\n" for row in rows))
    follow("docs/lint_table.md", {})


def test_the_page_about_gpus(registry: Registry) -> None:
    """What it does takes a card or minutes, and tests/gpu runs it; here its words are parsed."""
    page = (ROOT / "docs/gpu.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    lines = [shlex.split(line, comments=True) for line in "".join(blocks).splitlines()]
    assert len(lines) >= 7
    makefile, script = (ROOT / "Makefile").read_text(), (ROOT / "tests/gpu/run.py").read_text()
    for program, *words in lines:
        if program == "make":
            target, *variables = words
            assert f"\n{target}:" in makefile
            names = {variable.partition("=")[0] for variable in variables}
            assert all(f"$({name})" in makefile for name in names)
        elif program == "bench":
            parse(build_cli(registry), registry, words)
        elif words[0] == "tests/gpu/run.py":
            assert all(f'"{word}"' in script for word in words if word.startswith("--"))
        else:
            assert words[:3] == ["-m", "pip", "list"]


@pytest.mark.slow
def test_the_page_about_matrices(
    follow: Callable[..., None], jobs_in_this_process: list[tuple[str, ...]]
) -> None:
    text = _toml_of("docs/matrix.md")
    for whole, part in {
        ', "xiv:baseline"': "",
        ', "sysu-indoor-single"': "",
        "[0, 1]": "[0]",
    }.items():
        assert whole in text
        text = text.replace(whole, part)
    small = [line for line in TRAINING if line.partition("=")[0] not in text]
    Path("ablation.toml").write_text(text + "".join(f"{line}\n" for line in small))
    follow("docs/matrix.md", {})
    assert [arguments[0] for arguments in jobs_in_this_process] == ["train", "run"]


def _toml_of(page: str) -> str:
    (text,) = re.findall(
        r"^```toml\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE
    )
    return str(text)


def test_the_page_about_clusters(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(_toml_of("docs/cluster.md"))
    file = read_matrix(path)
    explained = (ROOT / "docs/cluster.md").read_text()
    assert all(f"`{name}`" in explained for name in type(file.slurm).model_fields)
    cells = expand(registry, file.model_copy(update={"data": {}}), path)
    assert len(cells) == 3 * 3 * 2
    for command in commands_of("docs/cluster.md"):  # a queue is another machine's
        parse(build_cli(registry), registry, shlex.split(command))


@pytest.mark.exhaustive
def test_the_page_about_reports(result: dict[str, Any], follow: Callable[..., None]) -> None:
    (record,) = Path("results/sysu-all-single").glob("*.json")
    (model,) = Path("runs").rglob("model.safetensors")
    shown = {"record": r"results/sysu-all-single/\S+\.json", "run": r"runs/\S+"}
    found = {
        name: re.search(pattern, "\n".join(commands_of("docs/reports.md")))
        for name, pattern in shown.items()
    }
    assert found["record"] is not None
    assert found["run"] is not None
    here = {found["record"][0]: str(record), found["run"][0]: str(model.parent)}
    two = dict.fromkeys(("results/a.json", "results/b.json"), str(record))
    follow("docs/reports.md", {**here, **two})


@pytest.mark.exhaustive
def test_the_page_about_synthetic_people(bench: Bench) -> None:
    for number, command in enumerate(commands_of("docs/synthetic.md")):
        words = shlex.split(command.replace("people", f"people-{number}").replace("full", "tiny"))
        bench([*words, *([] if "--scale" in words else ["--scale", "tiny"])])


@pytest.mark.slow
def test_the_readme(follow: Callable[..., None], sysu_root: Path) -> None:
    follow("README.md", {"/data/SYSU-MM01": str(sysu_root)})


PARSED = (
    *("docs/corruption.md", "docs/faq.md", "docs/get_the_datasets.md", "docs/reranking.md"),
    *SHORT,
)
"""Their commands are those of other pages, which run; here the program reads them, no more."""


@pytest.mark.parametrize("page", PARSED)
def test_the_commands_of_a_short_path_can_be_given(
    page: str, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("sysu_agw_best.t", "weights.pth"):
        Path(name).touch()
    commands = commands_of(page)
    assert commands
    for command in commands:
        parse(build_cli(registry), registry, shlex.split(command))


def test_no_page_is_left_out() -> None:
    pages = [path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.rglob("docs/**/*.md")]]
    followed = set(re.findall(r'"((?:docs/)?\w+\.md)"', Path(__file__).read_text()))
    # One has a dataset of its own, the other is followed block by block, in tests of their own.
    elsewhere = {"docs/plugins.md", "docs/tutorial.md"}
    named = followed | elsewhere | set(PARSED)
    assert {str(page) for page in pages if commands_of(str(page))} == named
