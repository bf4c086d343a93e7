"""A dataset by somebody else: the documented example, installed outside the project and used."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from bench_core.cli.main import build_cli
from bench_core.contracts.result import ResultRecord
from bench_core.plugins import load_registry

ReadResults = Callable[[Path], list[ResultRecord]]
Bench: TypeAlias = Callable[..., Result]

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "plugins.md"
PROTOCOL = ["--protocol", "my-infrared-to-visible"]
SMALL = [
    word
    for assignment in (
        "epochs=1",
        "sampling.steps_per_epoch=1",
        "sampling.identities=3",
        "sampling.images=2",
        "image_height=32",
        "image_width=16",
    )
    for word in ("--set", assignment)
]
NUM_PEOPLE, NUM_TESTED, IMAGES_OF_EACH = 7, 3, 2


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install the package of the documentation into a folder of packages, as pip would."""
    folder = tmp_path / "site"
    blocks = re.findall(
        r"```python\n# (my_dataset/\w+\.py)\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL
    )
    for name, source in blocks:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source)
    notes = folder / "my_dataset-1.5.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text("Metadata-Version: 2.1\nName: my-dataset\nVersion: 1.5\n")
    (notes / "entry_points.txt").write_text("[bench]\nmy-dataset = my_dataset\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_dataset"]:
        del sys.modules[name]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A dataset of random images: seven people, three of them tested, two images each a camera."""
    rng = np.random.default_rng(0)
    root = tmp_path / "my-data"
    for modality, channels in (("visible", 3), ("infrared", 1)):
        for person in range(1, NUM_PEOPLE + 1):
            folder = root / modality / str(person)
            folder.mkdir(parents=True)
            for number in range(IMAGES_OF_EACH):
                pixels = rng.integers(0, 256, (40, 20, channels), dtype=np.uint8)
                Image.fromarray(pixels.squeeze()).save(folder / f"{number}.png")
    (root / "test_people.txt").write_text("5\n6\n7\n")
    return root


@pytest.fixture
def bench(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Run a command with the installed plugins and the stranger's."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Result:
        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(build_cli(load_registry()), words, catch_exceptions=False)

    return run


def document(result: Result) -> object:
    assert result.exit_code == 0, result.stderr
    parsed: object = json.loads(result.stdout)
    return parsed


def test_installing_the_package_is_all_that_it_takes(site: Path) -> None:
    paths = [str(site), os.environ.get("PYTHONPATH", "")]
    listed = subprocess.run(
        [sys.executable, "-m", "bench_core", "list", "datasets", "--json"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "my-dataset" in [dataset["dataset"] for dataset in json.loads(listed.stdout)]


def test_it_is_listed_with_its_package(bench: Bench) -> None:
    plugins = document(bench("list", "plugins", "--json"))
    assert isinstance(plugins, list)
    (mine,) = [plugin for plugin in plugins if plugin["plugin"] == "my-dataset"]
    assert (mine["package"], mine["state"]) == ("my-dataset 1.5", "loaded")
    assert "my-infrared-to-visible" in bench("list", "protocols").stdout


@pytest.mark.slow
def test_a_method_is_trained_and_scored_on_it(
    bench: Bench, data: Path, tmp_path: Path, read_results: ReadResults
) -> None:
    options = ["--method", "xiv", *PROTOCOL, "--data", data, "--preset", "quick", *SMALL]
    result = bench("run", *options)
    assert result.exit_code == 0, result.stderr
    assert "on my-infrared-to-visible" in result.stdout
    (record,) = read_results(tmp_path / "results")
    assert (record.dataset.id, record.dataset.synthetic) == ("my-dataset", False)
    assert record.dataset.num_images == 2 * NUM_PEOPLE * IMAGES_OF_EACH
    assert record.scores.queries == NUM_TESTED * IMAGES_OF_EACH
    assert record.scores.gallery == (NUM_TESTED * IMAGES_OF_EACH,)
    assert "\nMy Dataset: my-infrared-to-visible" in bench("leaderboard").stdout

    (model,) = (tmp_path / "runs").rglob("model.safetensors")
    extracted = bench(
        "extract", "--model", model, *PROTOCOL, "--data", data, "--output", "features.npz"
    )
    assert extracted.exit_code == 0, extracted.stderr
    for source in (["--data", data], ["--splits", data]):
        scored = document(bench("eval", *PROTOCOL, "--features", "features.npz", *source, "--json"))
        assert isinstance(scored, dict)
        assert scored["mean"] == record.scores.mean.by_name()


@pytest.mark.slow
def test_it_is_run_on_synthetic_people(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_results: ReadResults
) -> None:
    monkeypatch.setenv("VIREID_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("bench_core.pipeline.stand_in.SCALE", "tiny")
    result = bench("run", "--method", "xiv", *PROTOCOL, *SMALL)
    assert result.exit_code == 0, result.stderr
    (record,) = read_results(tmp_path / "results")
    assert (record.dataset.id, record.dataset.synthetic) == ("my-dataset", True)
    assert record.method.preset == "quick"
    (root,) = (tmp_path / "cache" / "synthetic").glob("my-dataset-tiny-seed0-v2.1/")
    assert record.dataset.num_images == len(list(root.glob("*/*/*.png"))) == 160
    assert record.scores.queries == record.scores.gallery[0] == 32
    assert json.loads((root / "synthetic.json").read_text())["layout"] == "my-dataset"


@pytest.mark.slow
def test_its_people_are_rendered_by_several_processes(bench: Bench, tmp_path: Path) -> None:
    small = ["--train-identities", "2", "--test-identities", "2", "--images-per-camera", "1"]
    options = ["--layout", "my-dataset", "--workers", "2", *small]
    document(bench("data", "synth", "people", *options, "--json"))
    assert sorted(
        path.relative_to(tmp_path / "people").as_posix()
        for path in (tmp_path / "people").rglob("*.*")
    ) == [
        *(f"infrared/{person}/0.png" for person in range(1, 5)),
        "synthetic.json",
        "test_people.txt",
        *(f"visible/{person}/0.png" for person in range(1, 5)),
    ]
    assert (tmp_path / "people" / "test_people.txt").read_text() == "3\n4"
    sound = bench("data", "verify", "people")
    assert sound.exit_code == 0, sound.output


def test_without_a_layout_it_needs_data(bench: Bench, site: Path) -> None:
    module = site / "my_dataset" / "__init__.py"
    module.write_text(module.read_text().replace('"my_dataset.synthetic:LAYOUT"', "None"))
    result = bench("run", "--method", "xiv", *PROTOCOL)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: --data is needed: there is no synthetic stand-in for My Dataset"
    )
    refused = bench("data", "synth", "people", "--layout", "my-dataset")
    assert refused.exit_code == 2
    assert "'my-dataset' is not one of 'llcm', 'regdb', 'sysu-mm01'." in refused.stderr


@pytest.mark.slow
def test_a_reader_that_takes_rendered_people_for_real_ones_is_named(
    bench: Bench, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIREID_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("bench_core.pipeline.stand_in.SCALE", "tiny")
    module = site / "my_dataset" / "reader.py"
    module.write_text(module.read_text().replace("is_synthetic(root)", "False"))
    result = bench("run", "--method", "xiv", *PROTOCOL)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: my_dataset.reader:MyReader takes rendered people for real ones: its "
        "Dataset.synthetic must be is_synthetic(root)"
    )
    assert not list((tmp_path / "cache").rglob("my-dataset-*.json")), "it is recorded as usable"


def test_it_can_be_verified(bench: Bench, data: Path) -> None:
    sound = bench("data", "verify", data)
    assert sound.exit_code == 0, sound.output
    (data / "visible" / "1" / "0.png").write_bytes(b"")
    damaged = bench("data", "verify", data)
    assert damaged.exit_code == 1
    assert "visible/1/0.png" in damaged.stdout


def test_its_errors_are_one_line(bench: Bench, data: Path) -> None:
    options = ["run", "--method", "xiv", *PROTOCOL]
    (data / "test_people.txt").write_text("five\n")
    for root, message in (
        (data, "test_people.txt must list the test people by number"),
        (data.parent / "site", "is not My Dataset: there is no visible/PERSON/*.png"),
    ):
        result = bench(*options, "--data", root)
        assert result.exit_code == 1
        assert message in result.stderr.splitlines()[-1]


def test_without_validation_people_it_offers_no_selection(bench: Bench, data: Path) -> None:
    for command in ("run", "train"):
        result = bench(
            command, "--method", "xiv", *PROTOCOL, "--data", data, "--select", "validation"
        )
        assert result.exit_code == 2
        assert result.stderr.splitlines()[-1] == (
            "Error: --select validation: my-infrared-to-visible has no validation people; use "
            "--select last (models are never selected on test people)"
        )
