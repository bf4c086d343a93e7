"""The vision transformer: torchvision's and timm's numbers, overlapping patches, its weights."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torchvision import models

from bench_core.contracts.errors import CheckpointError, UsageError
from bench_core.modeling.division import Division
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.modeling.sharing import Sharing
from bench_core.modeling.vision_transformer import (
    StochasticDepth,
    VisionTransformer,
    VisionTransformerConfig,
    resized_positions,
)

SIZE = (32, 32)
SMALL = VisionTransformerConfig(
    patch_size=8, patch_stride=8, width=16, depth=2, heads=4, norm_eps=1e-5
)


def build(size: tuple[int, int] = SIZE, **changes: Any) -> VisionTransformer:
    torch.manual_seed(0)
    config = VisionTransformerConfig(**(SMALL.model_dump() | changes))
    return VisionTransformer(size, config).eval()


def torchvisions(eps: float = 1e-5) -> Any:
    """Build torchvision's transformer of the same size, with all parameters random."""
    torch.manual_seed(1)
    network = models.VisionTransformer(
        image_size=32,
        patch_size=8,
        num_layers=2,
        num_heads=4,
        hidden_dim=16,
        mlp_dim=64,
        num_classes=3,
        norm_layer=lambda width: torch.nn.LayerNorm(width, eps=eps),
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.3)
    return network.eval()


def as_downloaded(name: str) -> str:
    """Return a name of torchvision as its weights on the network have it."""
    return name.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2.")


def load(ours: VisionTransformer, state: dict[str, torch.Tensor], folder: Path) -> None:
    torch.save(state, folder / "weights.pth")
    ours.load_pretrained(PretrainedWeights("file", folder / "weights.pth"))


@pytest.mark.parametrize("renamed", [str, as_downloaded], ids=["in-code", "downloaded"])
def test_with_torchvisions_weights_features_are_torchvisions(renamed: Any, tmp_path: Path) -> None:
    theirs, ours = torchvisions(), build()
    load(ours, {renamed(n): value for n, value in theirs.state_dict().items()}, tmp_path)
    theirs.heads = torch.nn.Identity()
    images = torch.rand(3, 3, *SIZE)
    with torch.no_grad():
        expected = theirs(images)
        torch.testing.assert_close(ours(images), expected, rtol=1e-5, atol=1e-5)
    assert expected.std() > 0.1


def test_the_epsilon_of_the_normalisations_counts(tmp_path: Path) -> None:
    ours, other = build(), build(norm_eps=1e-2)
    other.load_state_dict(ours.state_dict())
    images = torch.rand(2, 3, *SIZE)
    assert not torch.allclose(ours(images), other(images), atol=1e-3)


def test_with_timms_weights_features_are_timms(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.models.vision_transformer.VisionTransformer(
        img_size=32, patch_size=8, embed_dim=16, depth=2, num_heads=4, num_classes=3
    ).eval()
    ours = build(norm_eps=1e-6)
    load(ours, theirs.state_dict(), tmp_path)
    theirs.reset_classifier(0)
    images = torch.rand(3, 3, *SIZE)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-5, atol=1e-5)


def test_vit_b_16_has_torchvisions_tensors() -> None:
    with torch.device("meta"):
        theirs, ours = models.vit_b_16(), VisionTransformer((224, 224), VisionTransformerConfig())
    fit = ours.fit(theirs.state_dict())
    assert fit.difference is None
    assert len(fit.matched) == len(theirs.state_dict()) - 2  # without the classifier


@pytest.mark.parametrize(
    ("size", "stride", "grid"),
    [((256, 128), 16, (16, 8)), ((256, 128), 12, (21, 10)), ((16, 17), 12, (1, 1))],
)
def test_the_grid_of_patches(size: tuple[int, int], stride: int, grid: tuple[int, int]) -> None:
    config = VisionTransformerConfig(patch_stride=stride)
    assert config.grid(size) == grid
    with torch.device("meta"):
        network = VisionTransformer(size, config)
        assert network.pos_embed.shape == (1, 1 + grid[0] * grid[1], 768)
        assert network.patch_embed(torch.empty(1, 3, *size)).shape[1] == grid[0] * grid[1]
    assert config.grid((15, 128))[0] == 0


def test_a_token_sees_the_pixels_of_its_patch_alone() -> None:
    """Patches of 8 every 6 pixels: row by row, each overlaps the next by 2."""
    embedding = build((32, 20), patch_stride=6).patch_embed
    images = torch.rand(1, 3, 32, 20, requires_grad=True)
    tokens = embedding(images)[0]
    assert len(tokens) == 5 * 3
    for place, (row, column) in enumerate(itertools.product(range(5), range(3))):
        (gradient,) = torch.autograd.grad(tokens[place].sum(), images, retain_graph=True)
        seen = gradient[0].abs().sum(0).nonzero()
        assert seen.amin(0).tolist() == [6 * row, 6 * column]
        assert seen.amax(0).tolist() == [6 * row + 7, 6 * column + 7]


def test_positions_are_resized_bilinearly_and_the_class_token_stays() -> None:
    """Against the formula: places are the middles of cells, clamped at the borders."""
    table = torch.rand(1, 1 + 4 * 4, 3, dtype=torch.float64)
    rows, columns = 7, 3
    resized = resized_positions(table, (rows, columns))
    assert resized.shape == (1, 1 + rows * columns, 3)
    assert resized.dtype == table.dtype
    assert torch.equal(resized[:, 0], table[:, 0])
    old = table[0, 1:].reshape(4, 4, 3)

    def neighbours(place: int, number: int) -> list[tuple[int, float]]:
        exact = min(max((place + 0.5) * 4 / number - 0.5, 0), 3)
        low = min(int(exact), 3)
        return [(low, 1 - (exact - low)), (min(low + 1, 3), exact - low)]

    for row, column in itertools.product(range(rows), range(columns)):
        expected = sum(
            weight * other * old[i, j]
            for i, weight in neighbours(row, rows)
            for j, other in neighbours(column, columns)
        )
        found = resized[0, 1 + row * columns + column]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("number", "grid"), [(16, (4, 4)), (15, (5, 3)), (15, (3, 3))])
def test_a_table_of_as_many_patches_or_of_no_square_stays(
    number: int, grid: tuple[int, int]
) -> None:
    table = torch.rand(1, 1 + number, 3)
    assert resized_positions(table, grid) is table


def test_weights_of_another_grid_are_loaded_with_their_positions_resized(tmp_path: Path) -> None:
    theirs, ours = build(), build((32, 20), patch_stride=6)
    load(ours, theirs.state_dict(), tmp_path)
    state = theirs.state_dict()
    state["pos_embed"] = resized_positions(state["pos_embed"], (5, 3))
    for name, value in ours.state_dict().items():
        assert torch.equal(value, state[name]), name


def test_weights_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"12 of 42 tensors are missing, such as blocks\.2"):
        load(build(depth=3), build().state_dict(), tmp_path)
    table = {**build().state_dict(), "pos_embed": torch.zeros(1, 16, 16)}
    with pytest.raises(CheckpointError, match=r"pos_embed \(1, 16, 16\) for \(1, 17, 16\)"):
        load(build(), table, tmp_path)


def test_no_weights_leave_it_as_it_is() -> None:
    network = build()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_pretrained(PretrainedWeights("none"))
    assert all(torch.equal(value, before[n]) for n, value in network.state_dict().items())


def test_only_vit_b_16_has_imagenet_weights() -> None:
    with pytest.raises(UsageError, match="this backbone has none; use --weights none or a file"):
        build().load_pretrained(PretrainedWeights("imagenet"))


@pytest.mark.parametrize(
    ("source", "file"),
    [("torchvision", "vit_b_16-c867db91.pth"), ("timm", "jx_vit_base_p16_224-80ecf9dd.pth")],
)
def test_imagenet_weights_are_those_of_the_source(
    source: Any, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def offline(url: str, *_: object, **options: Any) -> None:
        asked.append(url)
        assert options["check_hash"]
        raise OSError("no route")

    # Torchvision has its own name for the same function.
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    with torch.device("meta"):
        network = VisionTransformer((256, 128), VisionTransformerConfig(imagenet=source))
    with pytest.raises(CheckpointError, match=rf"ImageNet weights \(no route\); fetch .*{file}"):
        network.load_pretrained(PretrainedWeights("imagenet"))
    assert [url.rsplit("/", 1)[-1] for url in asked] == [file]


def test_the_original_imagenet_weights_fit_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """As timm's export has them: square positions and a classifier."""
    config = VisionTransformerConfig(patch_stride=12, imagenet="timm")
    with torch.device("meta"):
        state = VisionTransformer((224, 224), VisionTransformerConfig()).state_dict()
        network = VisionTransformer((256, 128), config)
    state |= {"head.weight": torch.empty(1000, 768), "head.bias": torch.empty(1000)}
    fit = network.fit(state)
    assert fit.difference is None
    assert len(fit.matched) == len(state) - 2


def test_stochastic_depth_rises_evenly() -> None:
    config = VisionTransformerConfig(depth=12, stochastic_depth=0.1)
    assert config.skip_rates == pytest.approx([0.1 * place / 11 for place in range(12)])
    assert VisionTransformerConfig(depth=1, stochastic_depth=0.1).skip_rates == [0.0]
    network = build(depth=3, stochastic_depth=0.4)
    rates = [(block.skip1.draw.p, block.skip2.draw.p) for block in network.blocks]
    assert rates == [(0.0, 0.0), (0.2, 0.2), (0.4, 0.4)]


def test_stochastic_depth_skips_whole_images_as_often_as_it_says() -> None:
    torch.manual_seed(0)
    branch = torch.rand(4000, 3, 2) + 1
    kept = StochasticDepth(0.25).train()(branch)
    skipped = (kept == 0).flatten(1).all(1)
    torch.testing.assert_close(kept[~skipped], branch[~skipped] / 0.75)
    assert 0.22 < skipped.float().mean() < 0.28  # 4.4 standard deviations
    assert StochasticDepth(0.25).eval()(branch) is branch


def test_dropout_is_behind_positions_projections_and_both_layers_of_an_mlp() -> None:
    network = build(dropout=0.5)
    applied: list[tuple[float, tuple[int, ...]]] = []
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.register_forward_hook(
                lambda drop, _, output: applied.append((drop.p, tuple(output.shape)))
            )
    network(torch.rand(2, 3, *SIZE))
    block = [(0.5, (2, 17, 16)), (0.5, (2, 17, 64)), (0.5, (2, 17, 16))]
    assert applied == [(0.5, (2, 17, 16)), *block, *block]


def test_a_batch_in_parts_draws_as_the_whole_batch() -> None:
    network = build(dropout=0.3, stochastic_depth=0.5).double().train()
    images = torch.rand(8, 3, *SIZE, dtype=torch.float64)
    networks = torch.nn.ModuleDict({"transformer": network})
    torch.manual_seed(3)
    with Division(networks).divided():
        whole = network(images)
    torch.manual_seed(3)
    with Division(networks, Sharing(parts=4)).divided():
        parts = network(images)
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 100, "heads": 12}, "a width of 100 does not part into 12 heads"),
        ({"patch_stride": 17}, "patch_stride=17 leaves pixels between patches of 16"),
        ({"depth": 0}, "greater than or equal to 1"),
        ({"dropout": 1.0}, "less than 1"),
        ({"imagenet": "google"}, "'torchvision' or 'timm'"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        VisionTransformerConfig(**changes)
