"""Pretrained weights: read without running code, fitted by name and shape, or refused clearly."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
import torch
from safetensors.torch import save_file
from torchvision import models

from bench_core.contracts.errors import CheckpointError, UsageError
from bench_core.modeling.backbones import Backbone, SmallResNet, build_backbone
from bench_core.modeling.pretrained import PretrainedWeights, parse_weights, read_state

State = dict[str, torch.Tensor]
Save = Callable[[State, Path], None]
IMAGENET = PretrainedWeights("imagenet")


@dataclass
class FakeWeights:
    """Torchvision's weights, without the network."""

    result: State | Exception
    url: str = "https://example.org/models/weights-0123.pth"

    def get_state_dict(self, *args: Any, **kwargs: Any) -> State:
        assert kwargs["check_hash"] is True
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class TouchWhenRead:
    """An object whose unpickling creates a file: what a hostile checkpoint might do."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self._path,)


def small(seed: int) -> SmallResNet:
    torch.manual_seed(seed)
    return SmallResNet(width=4)


def body_state(backbone: Backbone) -> State:
    return {name: value.clone() for name, value in backbone.body.state_dict().items()}


def from_file(path: Path) -> PretrainedWeights:
    return PretrainedWeights("file", path)


def same(first: State, second: State) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


@pytest.mark.parametrize(
    ("save", "suffix"), [(torch.save, "pth"), (torch.save, "pt"), (save_file, "safetensors")]
)
def test_a_file_gives_the_weights_it_holds(tmp_path: Path, save: Save, suffix: str) -> None:
    source, target = small(1), small(2)
    save(body_state(source), tmp_path / f"weights.{suffix}")
    target.load_pretrained(from_file(tmp_path / f"weights.{suffix}"))
    assert same(body_state(target), body_state(source))


def test_none_leaves_the_random_weights() -> None:
    backbone = small(1)
    backbone.load_pretrained(PretrainedWeights("none"))
    assert same(body_state(backbone), body_state(small(1)))


def test_torchvisions_file_of_resnet_50_fits_but_for_its_classifier() -> None:
    torch.manual_seed(0)
    whole = models.resnet50().state_dict()
    backbone = build_backbone("resnet50")
    backbone.imagenet = FakeWeights(whole)
    backbone.load_pretrained(IMAGENET)
    assert same(body_state(backbone), {k: v for k, v in whole.items() if not k.startswith("fc.")})


def test_older_files_that_count_no_batches_fit() -> None:
    backbone = build_backbone("resnet50")
    state = models.resnet50().state_dict()
    older = {name: value for name, value in state.items() if "num_batches" not in name}
    backbone.imagenet = FakeWeights(older)
    backbone.load_pretrained(IMAGENET)
    assert torch.equal(backbone.body.state_dict()["conv1.weight"], older["conv1.weight"])


def test_the_old_names_of_torchvisions_densenet_file_are_understood() -> None:
    """The file that torchvision publishes writes `norm.1` for what its modules call `norm1`."""
    torch.manual_seed(0)
    modern = models.densenet121().state_dict()
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", k): v for k, v in modern.items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    backbone = build_backbone("densenet121")
    for state in (old, modern):
        backbone.imagenet = FakeWeights(state)
        backbone.load_pretrained(IMAGENET)
        expected = {k: v for k, v in modern.items() if not k.startswith("classifier")}
        assert same(body_state(backbone), expected)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (URLError("Name or service not known"), "Name or service not known"),
        (HTTPError("u", 403, "Forbidden", None, None), "Forbidden"),  # type: ignore[arg-type]
        (TimeoutError("timed out"), "timed out"),
        (RuntimeError('invalid hash value (expected "a", got "b")'), "invalid hash value"),
    ],
)
def test_without_a_network_the_way_out_is_named(
    error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", "/torch-home")
    with pytest.raises(CheckpointError) as caught:
        read_state(IMAGENET, FakeWeights(error))
    message = str(caught.value)
    assert message.startswith(f"cannot download the ImageNet weights ({reason}")
    assert "fetch https://example.org/models/weights-0123.pth on another machine" in message
    assert "put it at /torch-home/hub/checkpoints/weights-0123.pth" in message
    assert "--weights FILE or --weights none" in message
    assert "\n" not in message


def test_a_backbone_without_imagenet_weights_says_so() -> None:
    with pytest.raises(UsageError, match="--weights imagenet: this backbone has none"):
        small(0).load_pretrained(IMAGENET)


@pytest.mark.parametrize(
    "write", [torch.save, lambda obj, path: path.write_bytes(pickle.dumps(obj))]
)
def test_a_file_with_code_is_refused_and_its_code_not_run(
    tmp_path: Path, write: Callable[[object, Path], object]
) -> None:
    path, touched = tmp_path / "weights.pth", tmp_path / "touched"
    write({"weight": TouchWhenRead(touched)}, path)
    expected = (
        f"--weights {path}: it is no file of tensors alone.*: save the tensors with torch.save"
    )
    with pytest.raises(CheckpointError, match=expected) as caught:
        read_state(from_file(path), None)
    assert not touched.exists()
    assert "weights_only" not in str(caught.value)  # torch's advice to read it unsafely


@pytest.mark.parametrize("save", [torch.save, save_file])
def test_the_prefix_of_data_parallel_is_taken_off(tmp_path: Path, save: Save) -> None:
    source, target, path = small(1), small(2), tmp_path / "weights.pth"
    save({f"module.{name}": value for name, value in body_state(source).items()}, path)
    target.load_pretrained(from_file(path))
    assert same(body_state(target), body_state(source))


@pytest.mark.parametrize("entry", ["state_dict", "model", "net"])
def test_weights_are_found_beside_what_a_training_program_saves_with_them(
    tmp_path: Path, entry: str
) -> None:
    source, target, path = small(1), small(2), tmp_path / "weights.pth"
    torch.save({entry: body_state(source), "epoch": 60, "optimizer": {"lr": 0.1}}, path)
    target.load_pretrained(from_file(path))
    assert same(body_state(target), body_state(source))


def test_files_without_the_counters_of_normalisations_fit(tmp_path: Path) -> None:
    """Older versions of PyTorch did not count batches."""
    source, target, path = small(1), small(2), tmp_path / "weights.safetensors"
    state = body_state(source)
    save_file({k: v for k, v in state.items() if "num_batches_tracked" not in k}, path)
    target.load_pretrained(from_file(path))
    assert same(body_state(target), state)


def test_many_differences_are_cut_to_a_few_names(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({f"backbone.{name}": v for name, v in body_state(small(0)).items()}, path)
    with pytest.raises(
        CheckpointError, match=r"are missing, such as 0.weight, .*; give its ten"
    ) as e:
        small(0).load_pretrained(from_file(path))
    assert len(str(e.value)) < 700


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>", "it is a web page and no weights; download the file"),
        (b"\n <html><body>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "it is a Git LFS pointer"),
    ],
)
def test_what_is_no_weights_file_is_called_by_its_name(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=f"--weights {path}: {message}"):
        read_state(from_file(path), None)


def test_a_folder_gives_each_training_split_its_file(tmp_path: Path) -> None:
    for split, suffix in (("trial-1", ".pth"), ("trial-2", ".safetensors"), ("trial-4", ".t")):
        (tmp_path / f"{split}{suffix}").write_bytes(split.encode())
    weights = parse_weights(str(tmp_path))
    assert weights.of_split("trial-1").path == tmp_path / "trial-1.pth"
    assert weights.of_split("trial-2").path == tmp_path / "trial-2.safetensors"
    assert weights.of_split("trial-4").path == tmp_path / "trial-4.t"
    with pytest.raises(UsageError, match=r"has neither trial-3\.safetensors nor trial-3"):
        weights.of_split("trial-3")
    assert IMAGENET.of_split("trial-1") == IMAGENET


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"\xff" * 9, b"PK\x03\x04 no archive", b"\x80\x02}q\x00.", bytes(64), b"\x80"],
)
def test_a_file_that_holds_no_weights_is_named(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=f"^--weights {path}: ") as caught:
        read_state(from_file(path), None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_cut_short_is_named(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"weights.{suffix}"
    save: Save = torch.save if suffix == "pth" else save_file
    save(body_state(small(0)), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match=f"--weights {path}: cannot be read"):
        read_state(from_file(path), None)


@pytest.mark.parametrize("content", [[torch.ones(2)], torch.ones(2), {"state": {}}, {"epoch": 3}])
def test_anything_but_a_dictionary_of_tensors_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=f"{path}: expected a dictionary of tensors"):
        read_state(from_file(path), None)


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (
            {"0.weight": torch.zeros(8, 3, 3, 3)},
            r"of another shape, such as 0.weight \(8, 3, 3, 3\) for \(4, 3, 3, 3\)",
        ),
        ({"head.weight": torch.zeros(1)}, r"1 of \d+ tensors are unknown, such as head.weight"),
        ({"0.weight": None}, r"1 of \d+ tensors are missing, such as 0.weight"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, change: dict[str, torch.Tensor | None], detail: str
) -> None:
    path = tmp_path / "weights.safetensors"
    state = {k: v for k, v in {**body_state(small(0)), **change}.items() if v is not None}
    save_file(state, path)
    with pytest.raises(
        CheckpointError, match=f"--weights {path}: does not fit .*{detail}"
    ) as error:
        small(0).load_pretrained(from_file(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("option", ["imagenet", "none"])
def test_the_option_names_a_kind(option: str) -> None:
    weights = parse_weights(option)
    assert (weights.kind, weights.path, weights.label) == (option, None, option)


def test_the_option_names_a_file_which_a_result_records_by_content(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"content")
    weights = parse_weights(str(path))
    assert (weights.kind, weights.path) == ("file", path)
    assert weights.label == f"sha256:{hashlib.sha256(b'content').hexdigest()}"


def test_the_option_names_nothing_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=f"--weights {tmp_path / 'missing'}: no such file; give 'imag"
    ):
        parse_weights(str(tmp_path / "missing"))
