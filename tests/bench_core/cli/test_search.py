"""`bench search`: what it finds, in which form, and what it says of files that are none."""

from __future__ import annotations

import base64
import csv
import importlib
import io
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import Result
from jsonschema import Draft202012Validator
from PIL import Image
from torch import nn

from bench_core.configuration import MethodConfig, choose_method
from bench_core.contracts.images import Modality
from bench_core.evaluation.distances import pairwise_distances
from bench_core.features.fast import in_format
from bench_core.file_schemas import file_schema, json_schema
from bench_core.image_search import extraction, page
from bench_core.pipeline import opened_models
from bench_core.pipeline.methods import build_method
from bench_core.pipeline.opened_models import OpenedModel
from bench_core.plugins import Registry
from bench_core.system.cache_folder import CACHE_VARIABLE
from bench_core.testing import describe_training
from bench_core.training.batches import to_float
from bench_core.training.checkpoint import TrainingReport, save_model
from bench_core.training.run import MODEL_FILE

Bench = Callable[..., Result]
NUM_PICTURES = 8


class TwoViews:
    """A method of two views that sees red in infrared pictures, and all colours in visible ones."""

    metric = "euclidean"

    def __init__(self) -> None:
        self.networks = nn.ModuleDict()

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        if modality == "infrared":
            images = images[:, :1].repeat(1, 3, 1, 1)
        halves = images.unflatten(2, (4, -1)).mean((3, 4))
        return torch.stack([halves[..., :2].flatten(1), halves[..., 2:].flatten(1)], dim=1)


@pytest.fixture(scope="module")
def model() -> OpenedModel:
    method: Any = TwoViews()
    config = MethodConfig(image_height=32, image_width=16)
    return OpenedModel(method=method, config=config, facts={"method": "xiv", "variant": "full"})


@pytest.fixture
def search(
    bench: Bench, model: OpenedModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Bench:
    """Search with that model; features are kept in a cache of the test's own."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(opened_models, "open_trained", lambda _, path: {Path("m"): model}[path])
    monkeypatch.setattr(extraction, "training_code_hash", lambda _: "0" * 64)
    return lambda *options: bench("search", "--model", "m", *options)


@pytest.fixture
def gallery(sysu_root: Path, tmp_path: Path) -> Path:
    """Some visible pictures of a camera, in folders of their own."""
    for path in sorted((sysu_root / "cam1").rglob("*.jpg"))[:NUM_PICTURES]:
        copy = tmp_path / "gallery" / path.relative_to(sysu_root / "cam1")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return tmp_path / "gallery"


@pytest.fixture
def query(sysu_root: Path) -> Path:
    return min((sysu_root / "cam3").rglob("*.jpg"))


@pytest.fixture
def extracted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose features were extracted."""
    names: list[str] = []
    decode = extraction.decode_seen

    def count(folder: Path, seen: Any, **options: Any) -> Any:
        names.append(seen.file.name)
        return decode(folder, seen, **options)

    monkeypatch.setattr(extraction, "decode_seen", count)
    return names


def found(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    Draft202012Validator(json_schema(file_schema("search"))).validate(document)
    return document


def embed(model: OpenedModel, paths: list[Path], modality: Any) -> np.ndarray:
    """Embed pictures with the method as it is, without anything of the search."""
    size = model.config.image_size[::-1]
    pixels = [Image.open(path).resize(size, Image.Resampling.BILINEAR) for path in paths]
    images = to_float(torch.from_numpy(np.stack(pixels)))
    model.method.networks.eval()
    return in_format(model.method, "float32")(images, modality).numpy()


def test_results_are_ranked_by_the_distance_of_evaluation(
    search: Bench, gallery: Path, query: Path, model: OpenedModel
) -> None:
    options = ("--gallery", gallery, "--query", query, "--top", "1000", "--json")
    document = found(search(*options))
    paths = sorted(gallery.rglob("*.jpg"))
    own, others = embed(model, [query], "infrared"), embed(model, paths, "visible")
    distances = pairwise_distances(own, others, model.method.metric)[0]
    (answer,) = document["queries"]
    assert answer["path"] == str(query)
    results = answer["results"]
    assert [row["rank"] for row in results] == list(range(1, len(paths) + 1))
    assert {row["path"] for row in results} == set(map(str, paths))
    by_path = dict(zip(map(str, paths), distances.tolist(), strict=True))
    for row in results:
        assert row["distance"] == pytest.approx(by_path[row["path"]], rel=1e-4)
    assert document["model"]["metric"] == model.method.metric
    assert document["gallery"] == {
        "folder": str(gallery),
        "modality": "visible",
        "images": len(paths),
        "extracted": len(paths),
    }


def test_the_modality_chooses_the_stem(search: Bench, gallery: Path, sysu_root: Path) -> None:
    coloured = min((sysu_root / "cam2").rglob("*.jpg"))
    options = ("--gallery", gallery, "--query", coloured, "--top", "1", "--json")
    plain = found(search(*options))
    other = found(search(*options, "--query-modality", "visible"))
    assert (plain["query_modality"], other["query_modality"]) == ("infrared", "visible")
    distances = [doc["queries"][0]["results"][0]["distance"] for doc in (plain, other)]
    assert distances[0] != pytest.approx(distances[1], rel=1e-3)


def test_the_features_of_a_gallery_and_of_a_query_folder_are_kept(
    search: Bench, gallery: Path, query: Path, extracted: list[str]
) -> None:
    options = ("--gallery", gallery, "--query", query.parent, "--json")
    first = found(search(*options))
    number = len(extracted)
    assert number == len(list(gallery.rglob("*.jpg"))) + len(list(query.parent.iterdir()))
    second = found(search(*options))
    assert len(extracted) == number
    assert second["gallery"]["extracted"] == 0
    assert first["queries"] == second["queries"]
    without = found(search(*options, "--no-cache"))
    assert len(extracted) == 2 * number
    assert without["queries"] == first["queries"]


def test_several_queries_and_folders_of_them_are_answered_in_their_order_once(
    search: Bench, gallery: Path, query: Path
) -> None:
    names = sorted(query.parent.iterdir())
    last = names[-1]
    options = ("--query", last, "--query", query.parent, "--query", query)
    document = found(search("--gallery", gallery, *options, "--json"))
    asked = [answer["path"] for answer in document["queries"]]
    assert asked == [str(last), *(str(name) for name in names[:-1])]


def test_the_query_itself_is_left_out_or_marked(search: Bench, gallery: Path) -> None:
    inside = min(gallery.rglob("*.jpg"))
    shutil.copy(inside, gallery / "copy.jpg")
    options = ("--gallery", gallery, "--query", inside, "--query-modality", "visible", "--json")
    (answer,) = found(search(*options))["queries"]
    assert answer["left_out"] == 2
    shown = {row["path"] for row in answer["results"]}
    assert not shown & {str(inside), str(gallery / "copy.jpg")}
    (answer,) = found(search(*options, "--keep-same-file"))["queries"]
    marked = [row for row in answer["results"] if row["same_file"]]
    assert [row["path"] for row in marked] == [str(inside), str(gallery / "copy.jpg")]
    assert [row["distance"] for row in marked] == pytest.approx([0.0, 0.0], abs=1e-5)
    assert answer["left_out"] == 0


def test_the_table_fits_a_terminal_and_says_what_was_assumed(
    search: Bench, gallery: Path, query: Path
) -> None:
    result = search("--gallery", gallery.relative_to(Path.cwd()), "--query", query, "--top", "3")
    lines = result.stdout.splitlines()
    assert lines[0] == "infrared queries in 8 visible pictures of gallery"
    assert lines[1] == "xiv:full, euclidean distances"
    assert "features of 8 extracted and of 0 kept" in lines[2]
    assert lines[4] == str(query)
    assert lines[6].split() == ["rank", "distance", "path"]
    assert len(lines) == 11
    assert re.fullmatch(r" +1 +\d+\.\d{4}  \d{4}/\d{4}\.jpg", lines[8])
    assert max(map(len, lines[5:])) <= 80


def test_csv_has_a_row_a_result(search: Bench, gallery: Path, query: Path) -> None:
    odd = gallery / "=two  spaces,\n.jpg"
    min(gallery.rglob("*.jpg")).rename(odd)
    options = ("--gallery", "gallery", "--query", query, "--top", "100")
    rows = list(csv.DictReader(io.StringIO(search(*options, "--format", "csv").stdout)))
    document = found(search(*options, "--json"))
    results = document["queries"][0]["results"]
    assert [float(row["distance"]) for row in rows] == [row["distance"] for row in results]
    assert [row["rank"] for row in rows] == [str(row["rank"]) for row in results]
    assert {row["query"] for row in rows} == {str(query)}
    assert "gallery/=two  spaces,\\x0a.jpg" in {row["path"] for row in rows}
    assert "gallery/=two  spaces,\n.jpg" in {row["path"] for row in results}
    assert {row["same_file"] for row in rows} == {"no"}


def test_a_path_that_a_spreadsheet_would_run_is_a_text(
    search: Bench, gallery: Path, query: Path
) -> None:
    gallery.rename("=HYPERLINK")
    result = search("--gallery", "=HYPERLINK", "--query", query, "--format", "csv")
    assert result.stdout.splitlines()[1].split(",")[3].startswith("'=HYPERLINK/")


def test_a_file_is_of_the_format_that_its_name_says(
    search: Bench, gallery: Path, query: Path
) -> None:
    options = ("--gallery", gallery, "--query", query)
    for suffix, start in ((".json", "{"), (".csv", "query,rank"), (".txt", "infrared queries")):
        result = search(*options, "--output", f"found{suffix}")
        assert result.stdout == f"search   found{suffix}\n"
        assert Path(f"found{suffix}").read_text().startswith(start)


def test_pictures_of_another_kind_than_said_are_warned_of(
    search: Bench, gallery: Path, query: Path
) -> None:
    shutil.copy(query, gallery / "gray.jpg")
    coloured = min(gallery.rglob("0*.jpg"))
    result = search("--gallery", gallery, "--query", coloured, "--json")
    warnings = found(result)["warnings"]
    assert warnings[0].startswith("1 of 1 query pictures have colours, as visible ones do")
    assert warnings[1].startswith("1 of 9 gallery pictures have three equal channels")
    assert result.stderr.count("Warning: ") == 2
    options = ("--query", query, "--gallery-modality", "infrared", "--json")
    (warning,) = found(search("--gallery", gallery, *options))["warnings"]
    assert warning.startswith("8 of 9 gallery pictures have colours")


def spoil(gallery: Path) -> list[str]:
    """Put files into a folder that give no picture; return what is said of each."""
    (gallery / "empty.png").touch()
    os.mkfifo(gallery / "pipe.jpg")
    picture = min(gallery.rglob("*.jpg")).read_bytes()
    (gallery / "cut.jpg").write_bytes(picture[: len(picture) // 2])
    (gallery / "gone.jpg").symlink_to("nowhere")
    (gallery / "two\nlines\x1b[2J.jpg").write_text("<html>")
    with (gallery / "huge.bmp").open("wb") as file:
        file.truncate(2**28 + 1)
    return ["cut.jpg", "empty.png", "gone.jpg", "huge.bmp", "pipe.jpg", "two lines\\x1b[2J.jpg"]


def test_a_file_that_gives_no_picture_is_an_error_that_names_it(
    search: Bench, gallery: Path, query: Path, extracted: list[str]
) -> None:
    spoil(gallery)
    result = search("--gallery", gallery, "--query", query)
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert f"{gallery}/cut.jpg cannot be decoded" in line
    assert "(and 5 more); mend or remove it, or give --skip-unreadable" in line
    assert extracted == [str(query)]


def test_files_that_give_no_picture_are_named_and_left_out(
    search: Bench, gallery: Path, query: Path
) -> None:
    names = spoil(gallery)
    result = search("--gallery", gallery, "--query", query, "--skip-unreadable", "--json")
    document = found(result)
    lines = [line for line in result.stderr.splitlines() if line.startswith("Skipped: ")]
    starts = [f"Skipped: {gallery}/{name} " for name in names]
    assert [line.startswith(start) for line, start in zip(lines, starts, strict=True)] == [True] * 6
    assert len(document["skipped"]) == 6
    assert document["gallery"]["images"] == NUM_PICTURES


def test_names_of_any_bytes_are_found(search: Bench, gallery: Path, query: Path) -> None:
    shutil.copy(min(gallery.rglob("*.jpg")), os.fsencode(gallery) + b"/odd\xff.jpg")
    options = ("--gallery", gallery, "--query", query, "--top", "100", "--page", "found.html")
    document = found(search(*options, "--json"))
    paths = {row["path"] for row in document["queries"][0]["results"]}
    assert f"{gallery}/odd\\xff.jpg" in paths
    assert "odd\\xff.jpg" in Path("found.html").read_text()
    assert search(*options).exit_code == 0


def test_the_page_holds_its_pictures_and_runs_nothing(
    search: Bench, gallery: Path, query: Path
) -> None:
    name = "<img src=x onerror=alert(1)>\"'&.jpg"
    min(gallery.rglob("*.jpg")).rename(gallery / name)
    options = ("--gallery", "gallery", "--query", query, "--top", "100")
    result = search(*options, "--page", "found.html")
    assert result.stdout.endswith("\npage     found.html\n")
    text = Path("found.html").read_text()
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert not re.search(r"<script|https?://|url\(|@import|<link|href", text)
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    assert len(pictures) == 1 + NUM_PICTURES
    assert set(re.findall(r'src="([^:"]*):', text)) == {"data"}
    for picture in pictures:
        with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
            assert image.size <= page.THUMBNAIL_SIZE
    shown = re.findall(r"<b>(\d+)</b><span>(\d+\.\d{4})</span>", text)
    assert [int(rank) for rank, _ in shown] == list(range(1, NUM_PICTURES + 1))


def test_a_picture_that_is_gone_by_then_leaves_its_place(
    search: Bench, gallery: Path, query: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = page.render_page

    def remove(document: Any, files: Any) -> str:
        shutil.rmtree(gallery)
        return render(document, files)

    monkeypatch.setattr(page, "render_page", remove)
    result = search("--gallery", gallery, "--query", query, "--page", "found.html", "--top", "2")
    assert result.exit_code == 0, result.stderr
    assert Path("found.html").read_text().count('<span class="gone">gone</span>') == 2


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (["--gallery", "nowhere"], 2, "--gallery nowhere does not exist; name a folder"),
        (["--gallery", "file"], 2, "--gallery file is not a folder"),
        (["--gallery", "empty"], 1, "--gallery empty holds no pictures, files whose names end in"),
        (["--query", "nowhere"], 2, "--query nowhere: there is no such file or folder"),
        (["--query", "empty"], 1, "--query empty holds no pictures"),
        (["--json", "--format", "csv"], 2, "--json and --format csv contradict each other"),
        (["--page", "found.png"], 2, "--page found.png: the name of a page ends in .html"),
        (["--page", "a.html", "--top", "9999"], 2, "are more than 5,000 pictures; give fewer"),
        (["--weights", "w.pth"], 2, "--weights does not go with --model"),
        (["--query", "text"], 1, "text is not a JPEG, PNG, BMP, TIFF or WebP image; mend or"),
        (["--query", "text", "--skip-unreadable"], 0, "Skipped: text is not a JPEG"),
    ],
)
def test_mistakes_are_one_line(
    search: Bench, gallery: Path, query: Path, options: list[str], exit_code: int, message: str
) -> None:
    Path("file").touch()
    Path("text").write_text("hello")
    Path("empty").mkdir()
    (Path("empty") / "notes.txt").touch()
    result = search("--gallery", "gallery", "--query", query, *options)
    assert result.exit_code == exit_code
    lines = [line for line in result.stderr.splitlines() if message in line]
    assert len(lines) == 1, result.stderr


def test_queries_that_all_give_no_picture_are_an_error(search: Bench, gallery: Path) -> None:
    Path("text").write_text("hello")
    result = search("--gallery", gallery, "--query", "text", "--skip-unreadable")
    assert result.exit_code == 1
    assert "Error: no query can be read; the lines above name the files" in result.stderr


def test_a_training_is_named_by_its_file_or_its_folder(
    bench: Bench, registry: Registry, gallery: Path, query: Path
) -> None:
    spec, variant = registry.method("xiv")
    small = ("image_height=32", "image_width=16")
    choice = choose_method(spec, variant, "quick", small)
    description = describe_training(
        method="xiv", variant="full", config=choice.config.model_dump(mode="json")
    )
    method = build_method(choice, description.num_identities)
    report = TrainingReport(seconds=1.0, waiting_for_data=0.0, device="cpu")
    path = Path("training") / MODEL_FILE
    path.parent.mkdir()
    save_model(path, method.networks, description, report)
    options = ("--gallery", gallery, "--query", query, "--json", "--no-cache")
    by_file = found(bench("search", "--model", path, *options))
    by_folder = found(bench("search", "--model", path.parent, *options))
    assert by_file["queries"] == by_folder["queries"]
    assert by_file["model"]["identity"] == by_folder["model"]["identity"]
    assert by_file["model"]["path"] == str(path)


def test_a_released_model_searches_with_its_weights(
    bench: Bench,
    released_model: Path,
    gallery: Path,
    query: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, weights = released_model / "theirs.toml", released_model / "theirs.t"
    path.write_text('name = "theirs"\ntitle = "T"\n' + (released_model / "agw.toml").read_text())
    with monkeypatch.context() as patch:
        patch.syspath_prepend(released_model)
        network = importlib.import_module("model").embed_net(class_num=5)
    torch.save({"net": network.state_dict()}, weights)
    options = ("--gallery", gallery, "--query", query, "--json", "--no-cache")
    document = found(bench("search", "--method", path, "--weights", weights, *options))
    assert document["model"]["method"] == "theirs"
    assert document["model"]["path"] == str(weights)
    assert len(document["queries"][0]["results"]) == NUM_PICTURES
