"""A released model as a method: its file decides what it is, its declaration how it is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import torch
from torch import nn

from bench_core.contracts.errors import CheckpointError, PluginError, UsageError
from bench_core.contracts.images import INFRARED, VISIBLE
from bench_core.features.fast import choose_extractor
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.modeling.weights_files import open_weights_file
from bench_core.released.declaration import imported_first, read_declaration
from bench_core.released.method import ReleasedMethod

AGW = (Path(__file__).parents[2] / "released_model" / "agw.toml").read_text()
Declare: TypeAlias = Callable[..., Path]
IMAGES = torch.rand(6, 3, 32, 16, generator=torch.Generator().manual_seed(0))
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
SIMPLE = 'network = "model:{}"\narguments = {{ {} }}\nimage_height = 32\nimage_width = 16\n'


@pytest.fixture
def build(declare_model: Declare) -> Callable[..., ReleasedMethod]:
    """Build the model of a declaration."""

    def declared(text: str = AGW) -> ReleasedMethod:
        found = read_declaration(declare_model(text))
        with imported_first(found.code):
            method = ReleasedMethod(found.config, num_identities=3)
        method.networks.eval()
        return method

    return declared


Build: TypeAlias = Callable[..., ReleasedMethod]


def load(method: ReleasedMethod, path: Path) -> None:
    method.load_pretrained(PretrainedWeights("file", path))


@pytest.mark.parametrize(("embedding", "place"), [("pooled", 0), ("neck", 1)])
@pytest.mark.parametrize(("modality", "modal"), [(VISIBLE, 1), (INFRARED, 2)])
def test_the_network_is_called_as_its_author_calls_it(
    build: Build,
    their_network: nn.Module,
    their_file: Path,
    embedding: str,
    place: int,
    modality: Any,
    modal: int,
) -> None:
    method = build(AGW.replace('embedding = "neck"', f'embedding = "{embedding}"'))
    load(method, their_file)
    with torch.no_grad():
        normalised = (IMAGES - MEAN) / STD
        expected = their_network(normalised, normalised, modal=modal)[place]
        torch.testing.assert_close(method.extract(IMAGES, modality), expected[:, None])
    assert method.metric == "cosine"


def test_mirror_images_are_added_and_norms_are_divided_by_in_the_end(
    build: Build, their_file: Path
) -> None:
    plain, summed = build(), build("flip = true\nl2 = true\n" + AGW)
    load(plain, their_file)
    load(summed, their_file)
    with torch.no_grad():
        both = plain.extract(IMAGES, VISIBLE) + plain.extract(IMAGES.flip(3), VISIBLE)
        found = summed.extract(IMAGES, VISIBLE)
    torch.testing.assert_close(found, nn.functional.normalize(both, dim=-1))
    torch.testing.assert_close(summed.extract(IMAGES.flip(3), VISIBLE), found)


def test_normalisation_is_as_declared(build: Build, their_file: Path) -> None:
    given, own = build(), build("mean = [0.0, 0.0, 0.0]\nstd = [1.0, 1.0, 1.0]\n" + AGW)
    for method in (given, own):
        load(method, their_file)
    with torch.no_grad():
        found = own.extract((IMAGES - MEAN) / STD, VISIBLE)
        torch.testing.assert_close(found, given.extract(IMAGES, VISIBLE))


def test_a_part_that_is_passed_through_leaves_the_feature_before_it(build: Build) -> None:
    text = 'passed_through = ["fc"]\noutputs = { whole = ["answer"] }\n'
    method = build(text + SIMPLE.format("Mapped", ""))
    assert method.extract(IMAGES, VISIBLE).shape == (6, 1, 4)


def test_a_network_of_torchvision_needs_no_code_of_its_own(build: Build) -> None:
    names = 'network = "torchvision.models:resnet18"\npassed_through = ["fc"]\n'
    method = build(names + "image_height = 32\nimage_width = 16\n")
    assert method.extract(IMAGES, INFRARED).shape == (6, 1, 512)
    assert method.config.source.startswith("torchvision ")


def test_what_does_not_fit_is_refused_by_name(
    build: Build, their_network: nn.Module, tmp_path: Path
) -> None:
    state = {f"module.{name}": tensor for name, tensor in their_network.state_dict().items()}
    state["module.classifier.weight"] = torch.zeros(9, 32)
    state["module.extra"] = torch.zeros(1)
    del state["module.bottleneck.weight"]
    torch.save({"net": state}, tmp_path / "w.t")
    with pytest.raises(CheckpointError, match=r"weights info") as raised:
        load(build(), tmp_path / "w.t")
    for words in (
        "1 of 30 tensors are missing, such as bottleneck.weight",
        "extra",
        "classifier.weight (9, 32) for (5, 32)",
    ):
        assert words in str(raised.value)


def test_what_need_not_fit_is_declared(
    build: Build, their_network: nn.Module, tmp_path: Path
) -> None:
    state = {**their_network.state_dict(), "classifier.weight": torch.zeros(9, 32)}
    torch.save({"net": state}, tmp_path / "w.t")
    method = build('unused = ["classifier.*"]\nmissing = ["classifier.weight"]\n' + AGW)
    load(method, tmp_path / "w.t")
    found = method.networks["network"].state_dict()
    assert torch.equal(found["bottleneck.running_mean"], state["bottleneck.running_mean"])
    assert found["classifier.weight"].shape == (5, 32)
    fit = method.fit(open_weights_file(tmp_path / "w.t", "FILE", "net"))
    assert fit.difference is None
    assert len(fit.matched) == 29


@pytest.mark.parametrize("kind", ["imagenet", "none"])
def test_without_its_file_it_is_another_model(build: Build, kind: Any) -> None:
    with pytest.raises(UsageError, match=f"--weights {kind}: Theirs is what its weights file"):
        build().load_pretrained(PretrainedWeights(kind))


def test_code_that_has_changed_since_is_refused(
    build: Build, released_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = build()
    monkeypatch.syspath_prepend(released_model)
    with (released_model / "resnet.py").open("a") as file:
        file.write("# another version\n")
    with pytest.raises(CheckpointError, match=r"sha256:.* but was sha256:"):
        ReleasedMethod(method.config, num_identities=3)


def test_a_module_of_the_same_name_elsewhere_is_not_taken_for_loaded_code(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = build()
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed" / "model.py").write_text("# of another package\n")
    monkeypatch.syspath_prepend(tmp_path / "installed")
    assert ReleasedMethod(method.config, num_identities=3).networks


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SIMPLE.format("refuses", ""), "cannot be built: RuntimeError: needs a card"),
        (SIMPLE.format("makes_nothing", ""), "made a NoneType and no network"),
        (SIMPLE.format("fetches", ""), "URLError.*if it fetches .* weights .* turn that off"),
        (SIMPLE.format("needs_more", ""), "'nowhere_at_all'; install nowhere_at_all, or .* 'code'"),
        (SIMPLE.format("embed_net", ""), "cannot be built: TypeError: .*class_num"),
        ('passed_through = ["head"]\n' + SIMPLE.format("Mapped", ""), "has no part 'head'"),
    ],
)
def test_a_network_that_cannot_be_built_is_told(build: Build, text: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        build(text)


@pytest.mark.parametrize(
    ("answer", "outputs", "message"),
    [
        ("feature", "[1]", r"outputs\.whole is not in its output, a dictionary of 'answer': a te"),
        ("feature", "[]", r"is no tensor \(images, dimensions\), but a dictionary"),
        ("maps", '["answer"]', r"but a tensor \(6, 4, 16, 8\)"),
        ("text", '["answer"]', "but a str"),
    ],
)
def test_an_output_that_is_no_feature_is_put_into_words(
    build: Build, answer: str, outputs: str, message: str
) -> None:
    text = f"outputs = {{ whole = {outputs} }}\n" + SIMPLE.format("Mapped", f"answer = '{answer}'")
    with pytest.raises(PluginError, match=message):
        build(text).extract(IMAGES, VISIBLE)


def test_features_that_depend_on_their_batch_are_caught(build: Build) -> None:
    method = build(SIMPLE.format("LooksAround", ""))
    with pytest.raises(PluginError, match="depend on the other images of their batch"):
        choose_extractor(method, [(VISIBLE, IMAGES)], "float32")
