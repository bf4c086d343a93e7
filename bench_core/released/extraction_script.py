"""Features of a list of images by somebody's network; run as `python extraction_script.py JOB`.

It imports nothing but Python, NumPy and torch, in versions from 2018 on, so that the interpreter of
an old repository can run it. This program uses the same functions where it runs a network itself.

JOB is a JSON file:

- `pixels`, `shape`: a file of uint8 pixels, row by row of (N, height, width, 3), RGB.
- `rows`: the rows to extract, in the order in which features are handed back.
- `modalities`: "visible" or "infrared" of each; `paths`: the image file of each.
- `declaration`: the network, as it is declared; `code`: the folder that its module lies in.
- `weights`: a folder of names.json and one .npy for each tensor; null for none.
- `device`, `batch`: where to compute, and how many images at once.
- `output`: the .npy file to write, float (rows, dimensions) or (rows, views, dimensions).
- `progress`: a file to write the number of finished rows to, after each batch.
- `versions`: a file that may be written: a JSON object of versions, by name.
"""

import fnmatch
import importlib
import json
import sys
from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np
import torch

MODALITIES = ("visible", "infrared")
INDEPENDENCE = 1e-3
"""Largest norm of the difference between an image's features in two batches, relative to theirs."""


def build(declaration: Mapping[str, Any]) -> torch.nn.Module:
    """Build a declared network: call what it names with its arguments, and take layers out."""
    module, _, name = declaration["network"].partition(":")
    network = getattr(importlib.import_module(module), name)(**declaration["arguments"])
    if not isinstance(network, torch.nn.Module):
        raise TypeError(f"{name} made a {type(network).__name__} and no network")
    for path in declaration["passed_through"]:
        if path not in dict(network.named_modules()):
            raise ValueError(f"passed_through: the network has no part '{path}'")
        parent, _, last = path.rpartition(".")
        holder: Any = network
        for part in filter(None, parent.split(".")):
            holder = getattr(holder, part)
        setattr(holder, last, torch.nn.Sequential())
    return network


def embed(
    network: torch.nn.Module, images: torch.Tensor, modality: str, declaration: Mapping[str, Any]
) -> torch.Tensor:
    """Embed images (B, 3, H, W), float in [0, 1], of one modality: (B, views, dimensions)."""
    shape = (1, 3, 1, 1)
    mean = torch.tensor(declaration["mean"], device=images.device).view(shape)
    std = torch.tensor(declaration["std"], device=images.device).view(shape)
    images = (images - mean) / std
    features = _call(network, images, modality, declaration)
    if declaration["flip"]:
        features = features + _call(network, images.flip(3), modality, declaration)
    if features.dim() == 2:
        features = features[:, None]
    if declaration["l2"]:
        features = torch.nn.functional.normalize(features, dim=-1)
    return features


def _call(
    network: torch.nn.Module, images: torch.Tensor, modality: str, declaration: Mapping[str, Any]
) -> torch.Tensor:
    call = declaration["call"]
    given = {"images": images, "modality": call[modality]}
    positional = [_filled(value, given) for value in call["positional"]]
    keywords = {name: _filled(value, given) for name, value in call["keywords"].items()}
    output = network(*positional, **keywords)
    chosen = declaration["embedding"]
    features = output
    try:
        for step in declaration["outputs"][chosen]:
            features = features[step]
    except (LookupError, TypeError):
        text = f"outputs.{chosen} is not in its output, {describe(output)}"
        raise ValueError(text) from None
    if not isinstance(features, torch.Tensor) or features.dim() not in (2, 3):
        found = describe(features)
        raise ValueError(f"outputs.{chosen} is no tensor (images, dimensions), but {found}")
    return features


def _filled(value: Any, given: Mapping[str, Any]) -> Any:
    return given[value] if isinstance(value, str) and value in given else value


def describe(output: Any) -> str:
    """Put what a network returned into words."""
    if isinstance(output, torch.Tensor):
        return f"a tensor {tuple(output.shape)}"
    if isinstance(output, (tuple, list)):
        parts = ", ".join(map(describe, output))
        return f"a {type(output).__name__} of {parts}"
    if isinstance(output, dict):
        parts = ", ".join(f"'{key}': {describe(value)}" for key, value in output.items())
        return f"a dictionary of {parts}"
    return f"a {type(output).__name__}"


def load(network: torch.nn.Module, folder: str, declaration: Mapping[str, Any]) -> None:
    """Load tensors by name; those that do not fit are an error that names some of them."""
    names = json.loads(Path(folder, "names.json").read_text(encoding="utf-8"))
    expected = network.state_dict()
    left_out = declaration["unused"]
    found = {
        name: torch.from_numpy(np.load(str(Path(folder, f"{number}.npy"))))
        for number, name in enumerate(names)
        if not _matches(name, left_out)
    }
    differing = [name for name in found if name not in expected]
    differing += [n for n in found if n in expected and found[n].shape != expected[n].shape]
    optional = [*declaration["missing"], "*.num_batches_tracked"]
    differing += [n for n in expected if n not in found and not _matches(n, optional)]
    if differing:
        names = ", ".join(differing[:5])
        raise ValueError(f"{len(differing)} tensors of the file do not fit, such as {names}")
    expected.update(found)
    network.load_state_dict(expected)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def extract(network: torch.nn.Module, job: Mapping[str, Any]) -> Any:
    """Return the features of the rows of a job, in their order."""
    pixels = np.memmap(job["pixels"], dtype=np.uint8, mode="r", shape=tuple(job["shape"]))
    rows, modalities = np.array(job["rows"]), np.array(job["modalities"])
    features: Any = None
    done = 0
    for modality in MODALITIES:
        places = np.flatnonzero(modalities == modality)
        for start in range(0, len(places), job["batch"]):
            chosen = places[start : start + job["batch"]]
            images = torch.from_numpy(np.array(pixels[rows[chosen]])).to(job["device"])
            images = images.permute(0, 3, 1, 2).float() / 255
            with torch.no_grad():
                embedded = embed(network, images, modality, job["declaration"])
                if start == 0:
                    check_independence(network, images, modality, embedded, job)
            found = embedded.cpu().numpy()
            if features is None:
                features = np.empty((len(rows), *found.shape[1:]), dtype=np.float32)
            features[chosen] = found
            done += len(chosen)
            write_progress(job, done)
    return features


def check_independence(
    network: torch.nn.Module,
    images: torch.Tensor,
    modality: str,
    embedded: torch.Tensor,
    job: Mapping[str, Any],
) -> None:
    """Refuse features that depend on the other images of their batch, or on chance."""
    half = (len(images) + 1) // 2
    again = embed(network, images.flip(0)[:half], modality, job["declaration"])
    expected = embedded.flip(0)[:half]
    difference = float((again - expected).norm() / expected.norm().clamp(min=1e-30))
    if difference > INDEPENDENCE:
        raise ValueError(
            f"{modality} features depend on the other images of their batch, or on chance: they "
            f"differ by {difference:.1e} in another"
        )


def write_progress(job: Mapping[str, Any], done: int) -> None:
    """Say how many rows are finished."""
    Path(job["progress"]).write_text(str(done))


def main(path: str) -> None:
    """Do what a job says."""
    job = json.loads(Path(path).read_text(encoding="utf-8"))
    if job["code"]:
        sys.path.insert(0, job["code"])
    torch.manual_seed(0)
    network = build(job["declaration"])
    if job["weights"]:
        load(network, job["weights"], job["declaration"])
    network.to(job["device"]).eval()
    write_progress(job, 0)
    features = extract(network, job)
    versions = {
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "torch": str(torch.__version__),
    }
    Path(job["versions"]).write_text(json.dumps(versions))
    partly = job["output"] + ".part.npy"
    np.save(partly, features)
    Path(partly).rename(job["output"])


if __name__ == "__main__":
    main(sys.argv[1])
