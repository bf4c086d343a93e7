"""The files that a user may give, and what reads them: each reads a mutant or refuses it."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

MUTATION = runpy.run_path(str(Path(__file__).parent / "mutation.py"))
RECORD = Path(__file__).parents[1] / "bench_core" / "contracts" / "records" / "schema-1.json"
CAMERAS = {1: "visible", 2: "visible", 3: "infrared"}

Reader: TypeAlias = Callable[[Path], object]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of file.

    Attributes:
        make: Writes a valid example into an empty folder and returns the file to mutate.
        read: Reads that file in its folder; returns, or raises a `BenchError`.
        mutate: Function of `mutation.py` that changes the file's content.
    """

    make: Callable[[Path], Path]
    read: Reader
    mutate: str


@cache
def _registry() -> Any:
    from bench_core.plugins import load_registry

    return load_registry()


def _features(folder: Path) -> Path:
    path = folder / "features.npz"
    np.savez(
        path,
        features=np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 6),
        identity=[1, 1, 2, 2],
        camera=[1, 3, 1, 3],
        index=[0, 0, 0, 0],
        modality=["visible", "infrared"] * 2,
        metric="cosine",
    )
    return path


def _read_features(path: Path) -> object:
    from bench_core.features.table import read_features

    return read_features(path)


def _official_features(folder: Path) -> Path:
    from scipy.io import savemat

    for camera in CAMERAS:
        cell = np.empty((1, 3), dtype=object)
        for identity in range(3):
            cell[0, identity] = np.full((identity, 4), camera / 7)
        savemat(folder / f"net_cam{camera}.mat", {"feature": cell}, do_compression=camera == 2)
    return folder / "net_cam1.mat"


def _compressed_features(folder: Path) -> Path:
    _official_features(folder)
    return folder / "net_cam2.mat"


def _read_official_features(path: Path) -> object:
    from bench_core.features.matlab import read_official_features

    return read_official_features(path.parent, CAMERAS, row_order="ascending")  # type: ignore[arg-type]


def _given_features(folder: Path) -> Path:
    from scipy.io import savemat

    features = np.linspace(0, 1, 24).reshape(4, 6)
    content = {"f": features, "label": [1, 1, 2, 2], "cam": [1, 3, 1, 3]}
    parts = {
        f"{role}_{key}": value for role in ("query", "gallery") for key, value in content.items()
    }
    savemat(folder / "pytorch_result.mat", parts)
    return folder / "pytorch_result.mat"


def _features_with_paths(folder: Path) -> Path:
    from scipy.io import savemat

    paths = [f"cam{camera}/000{identity}/0001.jpg" for identity in (1, 2) for camera in (1, 3)]
    content = {"feat": np.linspace(0, 1, 24).reshape(4, 6), "img_path": paths}
    content |= {"ids": [1, 1, 2, 2], "cam_ids": [1, 3, 1, 3]}
    savemat(folder / "query-x.mat", content, do_compression=True)
    return folder / "query-x.mat"


def _hdf5_features(folder: Path) -> Path:
    import h5py

    path = folder / "pytorch_result.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for role in ("query", "gallery"):
            features = np.linspace(0, 1, 24, dtype=np.float32).reshape(6, 4)
            file.create_dataset(f"{role}_f", data=features, compression="gzip")
            file.create_dataset(f"{role}_label", data=np.array([[1.0], [1], [2], [2]]))
            file.create_dataset(f"{role}_cam", data=np.array([[1.0], [3], [1], [3]]))
        for item in file.values():
            item.attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


def _manifest(folder: Path) -> Path:
    np.save(folder / "mine.npy", np.linspace(0, 1, 24).reshape(4, 6))
    rows = "1,1,visible,0\n1,3,infrared,0\n2,1,visible,0\n2,3,infrared,0\n"
    (folder / "mine.csv").write_text(f"identity,camera,modality,index\n{rows}")
    return folder / "mine.csv"


def _read_any_features(path: Path) -> object:
    from bench_core.features.formats import read_any
    from bench_core.features.reading import ReadingChoices

    choices = ReadingChoices(dataset="Toy", camera_modalities=CAMERAS)  # type: ignore[arg-type]
    return read_any(path.with_suffix(".npy") if path.suffix == ".csv" else path, choices)


def _tree(layout: str, name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from bench_core.synthetic import generate

        root = folder / "root"
        generate(root, _registry().dataset(layout), scale="tiny", seed=0, workers=1)
        return root / name

    return make


def _read_root(dataset: str, *, depth: int) -> Reader:
    def read(path: Path) -> object:
        from bench_core.loading import load_object

        return load_object(_registry().dataset(dataset).reader)().read(path.parents[depth - 1])

    return read


def _image(suffix: str, **options: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from PIL import Image

        pixels = np.random.default_rng(0).integers(0, 256, (24, 12, 3), dtype=np.uint8)
        path = folder / f"0001{suffix}"
        Image.fromarray(pixels).save(path, **options)
        return path

    return make


def _read_image(path: Path) -> object:
    from bench_core.data.decoding import decode_image

    return decode_image(path, (16, 8))


def _record(folder: Path) -> Path:
    return Path(shutil.copy(RECORD, folder / "record.json"))


def _read_record(path: Path) -> object:
    from bench_core.results.store import read_result

    return read_result(path)


def _model(folder: Path) -> Path:
    from torch import nn

    from bench_core.training.checkpoint import TrainingReport, save_model
    from bench_core.training.identity import TrainingDescription

    fields: dict[str, Any] = {
        "method": "xiv",
        "variant": "full",
        "config": {"epochs": 1},
        "dataset": "sysu-mm01",
        "split": "train",
        "seed": 0,
        "weights": "none",
        "precision": "float32",
        "num_identities": 3,
        "threads": 1,
        **dict.fromkeys(("fingerprint", "images", "code"), "0" * 64),
    }
    path = folder / "model.safetensors"
    report = TrainingReport(seconds=1.0, waiting_for_data=0.0, device="cpu")
    save_model(path, nn.Linear(2, 2), TrainingDescription(**fields), report)
    return path


def _read_model(path: Path) -> object:
    from torch import nn

    from bench_core.training.checkpoint import load_model, load_networks

    state, description, _ = load_model(path)
    load_networks(nn.Linear(2, 2), state, path)
    return description.identity


def _weights(folder: Path) -> Path:
    import torch

    path = folder / "weights.t"
    state = {"module.weight": torch.zeros(2, 2), "module.bias": torch.zeros(2)}
    scores = {"cmc": np.zeros(20, np.float32), "mAP": np.float64(0.5), "epoch": 60}
    torch.save({"net": state, **scores}, path)  # as AGW does
    return path


def _read_weights(path: Path) -> object:
    from bench_core.modeling.pretrained import read_weights_file

    return read_weights_file(path, "--weights")


def _assignment(folder: Path) -> Path:
    path = folder / "assignment.txt"
    path.write_text('optimizer={"learning_rate": 1e-3, "betas": [0.9, 0.99]}')
    return path


def _read_assignment(path: Path) -> object:
    from bench_core.configuration import choose_method

    spec, variant = _registry().method("xiv")
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return choose_method(spec, variant, "quick", [text])


def _training_arrays(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        for kind in ("rgb", "ir"):
            np.save(folder / f"train_{kind}_resized_img.npy", np.zeros((6, 8, 4, 3), np.uint8))
            np.save(folder / f"train_{kind}_resized_label.npy", np.arange(6) // 2)
        return folder / name

    return make


def _read_training_arrays(path: Path) -> object:
    from bench_core.data.exchange.array_files import open_arrays

    arrays = open_arrays(path.parent, (8, 4))
    return [array.pixels().sum() for array in arrays.images.values()]


def _import_record(folder: Path) -> Path:
    path = folder / "import.json"
    path.write_text('{"format": "agw-npy", "doubts": ["images are pixels of arrays"]}')
    return path


def _read_import_record(path: Path) -> object:
    from bench_core.data.verification.first_look import read_doubts

    return "; ".join(read_doubts(path.parent))


LATEX_TABLE = r"""\begin{table}\caption{SYSU-MM01}
\begin{tabular}{l|cc}
\multirow{2}{*}{Method} & \multicolumn{2}{c}{All Search} \\ \cline{2-3}
 & $r$=1 & mAP \\ \hline
AGW~\cite{ye} & \textbf{47.50} & 49.65$_{\pm0.1}$ \\ % marks
Ours & 60.0 & 58/1 \\
\end{tabular}\end{table}
"""
MARKDOWN_TABLE = "# RegDB V2T\n\n| Method | R1 | mAP |\n|-|-:|-|\n| [BDTR](x) | **33.4** | 31.9 |\n"


def _text(name: str, text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_text(text)
        return folder / name

    return make


@cache
def _linter() -> Any:
    from bench_core.published.reading import read_published, shipped_folder
    from bench_core.table_lint.lint import TableLinter

    return TableLinter(read_published(shipped_folder()).published)


def _read_table(path: Path) -> object:
    return _linter().lint(path)


def _published(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from bench_core.published.reading import shipped_folder

        (folder / "tables").mkdir()
        for part in (
            *("sources.toml", "methods.toml", "conflicts.toml", "papers.toml"),
            "tables/saai-paper.csv",
        ):
            shutil.copy(shipped_folder() / part, folder / part)
        return folder / name

    return make


def _read_published(path: Path) -> object:
    from bench_core.published.reading import read_published

    folder = path.parents[path.parent.name == "tables"]
    found = read_published(folder)
    if found.defects:
        raise found.defects[0]
    return found


FORMATS: Mapping[str, Format] = {
    "features": Format(make=_features, read=_read_features, mutate="mutate_zip"),
    "official-features": Format(
        make=_official_features, read=_read_official_features, mutate="mutate_bytes"
    ),
    "compressed-features": Format(
        make=_compressed_features, read=_read_official_features, mutate="mutate_bytes"
    ),
    "given-features": Format(make=_given_features, read=_read_any_features, mutate="mutate_bytes"),
    "features-with-paths": Format(
        make=_features_with_paths, read=_read_any_features, mutate="mutate_bytes"
    ),
    "hdf5-features": Format(make=_hdf5_features, read=_read_any_features, mutate="mutate_bytes"),
    "manifest": Format(make=_manifest, read=_read_any_features, mutate="mutate_lines"),
    "sysu-permutations": Format(
        make=_tree("sysu-mm01", "exp/rand_perm_cam.mat"),
        read=_read_root("sysu-mm01", depth=2),
        mutate="mutate_bytes",
    ),
    "sysu-identities": Format(
        make=_tree("sysu-mm01", "exp/test_id.txt"),
        read=_read_root("sysu-mm01", depth=2),
        mutate="mutate_lines",
    ),
    "regdb-list": Format(
        make=_tree("regdb", "idx/test_visible_1.txt"),
        read=_read_root("regdb", depth=2),
        mutate="mutate_lines",
    ),
    "llcm-list": Format(
        make=_tree("llcm", "idx/train_vis.txt"),
        read=_read_root("llcm", depth=2),
        mutate="mutate_lines",
    ),
    "synthetic-marker": Format(
        make=_tree("sysu-mm01", "synthetic.json"),
        read=_read_root("sysu-mm01", depth=1),
        mutate="mutate_json",
    ),
    **{
        f"image{suffix}": Format(make=_image(suffix), read=_read_image, mutate="mutate_bytes")
        for suffix in (".jpg", ".png", ".bmp", ".tiff", ".webp")
    },
    **{
        name: Format(
            make=_training_arrays(f"train_rgb_resized_{part}.npy"),
            read=_read_training_arrays,
            mutate="mutate_bytes",
        )
        for name, part in (("training-images", "img"), ("training-labels", "label"))
    },
    "import-record": Format(make=_import_record, read=_read_import_record, mutate="mutate_json"),
    "record": Format(make=_record, read=_read_record, mutate="mutate_json"),
    "model": Format(make=_model, read=_read_model, mutate="mutate_bytes"),
    "weights": Format(make=_weights, read=_read_weights, mutate="mutate_zip"),
    "assignment": Format(make=_assignment, read=_read_assignment, mutate="mutate_bytes"),
    "latex-table": Format(
        make=_text("table.tex", LATEX_TABLE), read=_read_table, mutate="mutate_lines"
    ),
    "markdown-table": Format(
        make=_text("table.md", MARKDOWN_TABLE), read=_read_table, mutate="mutate_lines"
    ),
    "published-rows": Format(
        make=_published("tables/saai-paper.csv"), read=_read_published, mutate="mutate_lines"
    ),
    "published-papers": Format(
        make=_published("papers.toml"), read=_read_published, mutate="mutate_lines"
    ),
    "published-conflicts": Format(
        make=_published("conflicts.toml"), read=_read_published, mutate="mutate_lines"
    ),
}
"""By name."""


def mutant(form: Format, content: bytes, seed: int) -> bytes:
    """Return the mutant of a file's content that a seed gives."""
    import random

    mutated: bytes = MUTATION[form.mutate](content, random.Random(seed))
    return mutated


def fault_of(read: Reader, path: Path) -> str | None:
    """Read a file; return what is wrong with the way in which it failed, if anything."""
    import warnings

    from bench_core.contracts.errors import BenchError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", UserWarning)  # PIL's, of tags that it passes over
            read(path)
    except BenchError as error:
        text = str(error)
        if "\n" in text or len(text) > 2000:
            return f"the message is no short line: {text[:200]!r}"
    except Exception as error:  # noqa: BLE001  # anything else is what is looked for
        return f"{type(error).__name__}: {error}"[:300]
    return None
