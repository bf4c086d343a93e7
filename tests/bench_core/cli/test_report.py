"""`bench report`: one page on a result or a run, honest about what it lacks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from bench_core import UsageError
from bench_core.cli.main import build_cli
from bench_core.contracts.dataset import Dataset, DatasetSpec
from bench_core.data.fingerprint import fingerprint
from bench_core.data.opening import open_dataset
from bench_core.plugins import Registry
from bench_xiv.method import XIV

Bench = Callable[..., Result]

SEARCHES = {"cmc.png", "best-queries.png", "worst-queries.png", "distances.png", "confused.png"}
FEATURES = {"similarities.png", "maps.png"}
NEED_THE_MODEL = "searches, cameras, wrong answers, similarities, maps, generated images"
GENERATED = {"generated.png", "channel-intensities.png"}
TRAINING = {"learning-curve.png"}


@pytest.fixture(scope="module")
def finished(
    registry: Registry, small_options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with the runs and results of a second of training."""
    folder = tmp_path_factory.mktemp("finished")
    places = ["--runs", str(folder / "runs"), "--results", str(folder / "results")]
    result = CliRunner().invoke(build_cli(registry), ["run", *small_options, *places])
    assert result.exit_code == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def record(finished: Path) -> Path:
    (path,) = finished.glob("results/*/*.json")
    return path


@pytest.fixture(scope="module")
def run(finished: Path) -> Path:
    (path,) = finished.glob("runs/*/*/model.safetensors")
    return path.parent


@pytest.fixture
def quick_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the second that a t-SNE takes, where a test is not about it."""
    monkeypatch.setattr(
        "bench_core.reports.map_part.t_sne", lambda _points, components: components.places
    )


def error_of(result: Result, code: int) -> str:
    assert result.exit_code == code
    lines = result.stderr.strip().splitlines()
    assert len([line for line in lines if line.startswith("Error:")]) == 1
    return lines[-1]


def pictures(folder: Path) -> set[str]:
    names = {path.name for path in folder.glob("*.png")}
    for name in names:
        with Image.open(folder / name) as image:
            assert min(image.size) > 100
    return names


@pytest.mark.slow
def test_a_result_with_its_model_and_images_has_every_picture(
    bench: Bench, record: Path, finished: Path, sysu_root: Path, tmp_path: Path
) -> None:
    result = bench("report", record, "--data", sysu_root, "--runs", finished / "runs", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    page = Path(document["page"])
    assert page == Path(f"report-{record.stem}") / "report.html"
    assert (
        pictures(page.parent)
        == SEARCHES | FEATURES | GENERATED | TRAINING
        == set(document["pictures"])
    )
    assert document["synthetic"] is True
    assert document["mean"] == json.loads(record.read_text())["scores"]["mean"]
    assert [item["what"] for item in document["left_out"]] == [
        "UMAP of the features",
        "MD and FID of generated images",
    ]
    assert {
        (pair["query_camera"], pair["gallery_camera"]) for pair in document["camera_pairs"]
    } == {(own, other) for own in (3, 6) for other in (1, 2, 4, 5) if (own, other) != (3, 2)}
    assert document["similarity"]["same person, across"]["pairs"] > 0
    assert all(0 < one["times"] <= one["of"] for one in document["confusions"])
    text = page.read_text()
    assert "kept apart" in text  # cameras 3 and 2
    assert "Synthetic data: these people are rendered" in text
    assert "<h2>Cost</h2>" in text
    mean = json.loads(record.read_text())["scores"]["trials"][0]["mAP"]
    assert f"Of trial 1, with {100 * mean:.2f} % mAP" in text  # searches are those that were scored
    assert json.loads((page.parent / "report.json").read_text())["title"] == document["title"]


def test_a_result_without_its_model_says_what_is_missing_and_how_to_get_it(
    bench: Bench, record: Path
) -> None:
    result = bench("report", record, "--output", "page")
    assert result.exit_code == 0, result.stderr
    assert pictures(Path("page")) == {"cmc.png"}
    words = " ".join(result.stdout.split())
    assert f"left out: {NEED_THE_MODEL} (the model" in words
    assert "is not below runs; name its folder with --runs" in words
    assert "is not below runs" in Path("page/report.html").read_text()


def test_a_result_is_reported_without_the_plugin_of_its_method(
    bench: Bench, record: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "methods", {})
    result = bench("report", record, "--runs", finished / "runs", "--output", "page", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert pictures(Path("page")) == {"cmc.png"} | TRAINING
    left_out = {item["what"]: item["why"] for item in document["left_out"]}
    assert "no installed plugin has the method 'xiv'" in left_out[NEED_THE_MODEL]
    assert "no installed plugin knows the method" in left_out["paper"]
    assert "<h2>Cost</h2>" in Path("page/report.html").read_text()


def test_a_result_whose_model_is_damaged_is_reported_without_it(
    bench: Bench, record: Path, finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished / "runs", tmp_path / "copy")
    (model,) = (tmp_path / "copy").glob("*/*/model.safetensors")
    model.write_bytes(b"damaged")
    result = bench("report", record, "--runs", "copy", "--output", "page")
    assert result.exit_code == 0, result.stderr
    words = " ".join(result.stdout.split())
    assert f"left out: {NEED_THE_MODEL} (" in words
    assert "model.safetensors" in words
    assert pictures(Path("page")) == {"cmc.png"} | TRAINING


def test_a_result_of_features_alone_is_reported(bench: Bench, record: Path) -> None:
    document = json.loads(record.read_text())
    document["schema_version"] = 1  # which has no digest
    document |= {"origin": {"kind": "features", "files": ["e" * 64]}, "cost": None}
    document["method"] |= {"title": "<b>Theirs</b>", "preset": None, "seed": None}
    document["provenance"] |= {"weights": None, "selection": None}
    document["provenance"]["training_identities"] = []
    document["protocol"]["assumptions"] = ["all images are there"]
    document["dataset"]["findings"] = ["one image is missing"]
    Path("r").mkdir()
    Path("r/features.json").write_text(json.dumps(document))
    shutil.copy(record.with_suffix(".queries.npz"), "r/features.queries.npz")
    result = bench("report", "r/features.json", "--output", "page")
    assert result.exit_code == 0, result.stderr
    assert "the model was not trained here" in " ".join(result.stdout.split())
    assert max(map(len, result.stdout.splitlines())) <= 80
    page = Path("page/report.html").read_text()
    assert "Assumed: all images are there" in page
    assert "Of the data: one image is missing" in page
    assert "<td>model</td><td>features</td>" in page
    assert "<td>seed</td><td>unknown</td>" in page
    assert "cost (nobody can count it of features alone)" in result.stdout
    assert "&lt;b&gt;Theirs&lt;/b&gt;" in page
    assert "<b>" not in page


def test_searches_of_an_unknown_re_ranker_are_left_out(
    bench: Bench, record: Path, finished: Path
) -> None:
    document = json.loads(record.read_text())
    document["schema_version"] = 1
    document["protocol"] |= {"rerank": True, "reranker": {"id": "gone", "config": {"k1": 4}}}
    Path("r").mkdir()
    Path("r/reranked.json").write_text(json.dumps(document))
    shutil.copy(record.with_suffix(".queries.npz"), "r/reranked.queries.npz")
    runs = finished / "runs"
    result = bench("report", "r/reranked.json", "--runs", runs, "--output", "page")
    assert result.exit_code == 0, result.stderr
    assert "left out" in result.stdout
    words = " ".join(Path("page/report.html").read_text().split())
    assert "no installed plugin has the re-ranker 'gone'" in words.replace("&#39;", "'")
    assert "<td>re-ranking</td><td>gone, k1=4</td>" in words


def test_a_page_names_the_paper_and_the_changed_values(bench: Bench, record: Path) -> None:
    assert bench("report", record, "--output", "page").exit_code == 0
    page = Path("page/report.html").read_text()
    assert "Infrared-Visible Cross-Modal Person Re-Identification with an X Modality. AAAI" in page
    assert "quick, epochs=2, image_height=32" in page
    assert "<td>optimizer.learning_rate</td><td>0.004</td>" in page


@pytest.mark.slow
@pytest.mark.usefixtures("quick_maps")
def test_a_run_is_scored_for_its_report(
    bench: Bench, record: Path, run: Path, sysu_root: Path
) -> None:
    result = bench("report", run, "--data", sysu_root, "--output", "page", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["protocol"] == "sysu-all-single"
    assert document["mean"] == pytest.approx(json.loads(record.read_text())["scores"]["mean"])
    assert "cost" in [item["what"] for item in document["left_out"]]
    assert pictures(Path("page")) == SEARCHES | FEATURES | GENERATED | TRAINING


def faked(_method: XIV, visible: torch.Tensor, infrared: torch.Tensor) -> dict[str, torch.Tensor]:
    gray = visible.mean(1, keepdim=True).expand_as(visible)
    return {"visible": visible, "fake infrared": gray, "infrared": infrared}


def mixed(
    _method: XIV, images: torch.Tensor, _modality: str, alphas: Sequence[float]
) -> torch.Tensor:
    between = [alpha * images[:1] + (1 - alpha) * images[1:] for alpha in alphas]
    return torch.cat([images[:1], *between, images[1:]])


def unmixed(*_arguments: object) -> torch.Tensor:
    raise UsageError("this variant mixes nothing")


@pytest.mark.slow
@pytest.mark.usefixtures("quick_maps")
def test_what_a_method_generates_is_measured_and_mixed(
    bench: Bench, run: Path, sysu_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(XIV, "pictures", faked)
    monkeypatch.setattr(XIV, "mixing_strip", mixed, raising=False)
    result = bench("report", run, "--data", sysu_root, "--output", "page", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert pictures(Path("page")) == SEARCHES | FEATURES | GENERATED | TRAINING | {"mixing.png"}
    (quality,) = document["image_quality"]
    assert quality["images"] == "fake infrared"
    assert quality["fid"] > 0
    assert quality["inception_fid"] is None
    missing = [item["what"] for item in document["left_out"]]
    assert missing == ["UMAP of the features", "FID over an Inception network", "cost"]


@pytest.mark.slow
@pytest.mark.usefixtures("quick_maps")
@pytest.mark.parametrize(
    ("name", "replacement", "line"),
    [
        ("pictures", lambda *_: {}, "generated images (the method, or this variant of it"),
        ("mixing_strip", unmixed, "mixed images (this variant mixes nothing)"),
    ],
)
def test_what_a_variant_does_not_generate_is_said(
    bench: Bench,
    run: Path,
    sysu_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    replacement: object,
    line: str,
) -> None:
    monkeypatch.setattr(XIV, name, replacement, raising=False)
    result = bench("report", run, "--data", sysu_root, "--output", "page")
    assert result.exit_code == 0, result.stderr
    assert f"left out: {line}" in " ".join(result.stdout.split())


@pytest.mark.slow
@pytest.mark.usefixtures("quick_maps")
def test_a_run_may_be_scored_under_another_protocol(
    bench: Bench, run: Path, sysu_root: Path
) -> None:
    options = ["--protocol", "sysu-ir-to-ir", "--data", sysu_root, "--output", "page"]
    result = bench("report", run / "model.safetensors", *options)
    assert result.exit_code == 0, result.stderr
    assert "sysu-ir-to-ir, official galleries" in result.stdout


def test_an_older_report_is_replaced_and_anything_else_is_not(bench: Bench, record: Path) -> None:
    assert bench("report", record, "--output", "page").exit_code == 0
    before = Path("page").stat().st_ino
    assert bench("report", record, "--output", "page").exit_code == 0
    assert Path("page").stat().st_ino != before
    Path("page/notes.txt").write_text("mine")
    line = error_of(bench("report", record, "--output", "page"), 2)
    assert "--output page holds notes.txt, which is no part of a report" in line
    assert Path("page/notes.txt").read_text() == "mine"
    line = error_of(bench("report", record, "--output", "page/notes.txt"), 2)
    assert "is a file; name a folder" in line


def test_a_report_that_fails_leaves_nothing(
    bench: Bench, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench_core.reports.folder.write_text", full)
    line = error_of(bench("report", record, "--output", "page"), 1)
    assert "cannot write page: No space left on device" in line
    assert list(Path().glob("*page*")) == []


def test_the_path_must_be_a_result_or_a_run(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken.json").write_text("{}")
    for path in ("nowhere.json", "folder"):
        assert f"{path} is neither a result record" in error_of(bench("report", path), 2)
    assert "broken.json is not a result record" in error_of(bench("report", "broken.json"), 1)


@pytest.mark.parametrize(
    ("option", "value"), [("--protocol", "sysu-all-multi"), ("--convention", "agw")]
)
def test_a_result_has_its_protocol_and_convention(
    bench: Bench, record: Path, option: str, value: str
) -> None:
    line = error_of(bench("report", record, option, value), 2)
    assert f"{option} {value} contradicts" in line


def test_a_run_on_other_data_needs_its_data(
    bench: Bench, run: Path, sysu_root: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(sysu_root, other)
    next(other.glob("cam1/*/*.jpg")).unlink()
    line = error_of(bench("report", run, "--data", other), 1)
    assert "give the --data that it was trained on" in line


def test_without_data_a_run_must_be_on_the_synthetic_people(
    bench: Bench, run: Path, sysu_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    shutil.copytree(sysu_root, other)
    next(other.glob("cam1/*/*.jpg")).unlink()

    def open_other(spec: DatasetSpec, cache: Path) -> tuple[Dataset, str]:
        dataset = open_dataset(spec, other)
        return dataset, fingerprint(dataset, cache)

    monkeypatch.setattr("bench_core.pipeline.inputs.open_stand_in", open_other)
    line = error_of(bench("report", run), 1)
    assert "was not trained on the synthetic people that are used without --data" in line


def test_a_root_that_is_not_there_is_refused_whatever_it_is_for(bench: Bench, record: Path) -> None:
    result = bench("report", record, "--data", "nowhere", "--output", "page")
    assert error_of(result, 2) == "Error: --data nowhere is not a folder"
    assert not Path("page").exists()
