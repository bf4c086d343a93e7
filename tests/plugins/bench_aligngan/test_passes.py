"""What a step of AlignGAN costs and how it runs: passes, modes, precision, waiting, memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from bench_aligngan.batches import pixels_first, signed
from bench_aligngan.method import AlignGAN
from bench_core.methods import Batch, Losses, SamplingConfig, Updates
from bench_core.testing import watch_step

Make = Callable[..., AlignGAN]

FEATURES = {"encoder", "classifier", "embedder"}
GENERATORS = {"generator_to_infrared", "generator_to_visible"}
VARIANTS = ["full", "baseline", "pixalign", "featalign", "aligngan-minus"]
PART = ("pixel_identities=2", "pixel_images=1")


class Passes:
    """Counts the calls of each network, and the images that pass it."""

    def __init__(self, networks: nn.ModuleDict) -> None:
        self.calls: Counter[str] = Counter()
        self.images: Counter[str] = Counter()
        for name, network in networks.items():
            network.register_forward_hook(self._hook(name))

    def _hook(self, name: str) -> Callable[..., None]:
        def count(_network: nn.Module, inputs: tuple[torch.Tensor, ...], _output: object) -> None:
            self.calls[name] += 1
            self.images[name] += len(inputs[0])

        return count


def test_a_joint_step_runs_each_network_as_often_as_the_algorithm_needs_it(
    make: Make, batch: Batch
) -> None:
    """Six images a modality. After F's step the encoder is another function, so P's runs it."""
    method = make()
    passes = Passes(method.networks)
    watch_step(method, "joint", batch)
    assert passes.images == {
        "encoder": 12 + 6 + 6,  # F: X and X'. P: X without a gradient, and X'
        "embedder": 12 + 6 + 6,
        "classifier": 12 + 6,
        **dict.fromkeys(GENERATORS, 6 + 6),  # there, and back
        "discriminator_joint": 2 * 6 + 2 * 6 + 5 * 6,  # the pairs of Eqs. 10, 9 and 8
        "discriminator_visible": 6 + 12,
    }
    assert passes.calls["encoder"] == 2 + 1 + 1  # X and X' pass F each by itself
    assert passes.calls["discriminator_joint"] == 3


@pytest.mark.parametrize(("statistics", "apart"), [("separate", True), ("shared", False)])
@pytest.mark.parametrize("variant", ["full", "baseline"])
def test_batch_statistics_of_real_and_fake_images_are_shared_where_asked(
    variant: str, statistics: str, apart: bool, make: Make, batch: Batch
) -> None:
    """Then what F sees in an infrared image depends on the visible ones of its batch."""
    other = Batch(torch.rand_like(batch.visible), batch.infrared, batch.labels)
    seen = []
    for shown in (batch, other):
        method = make(variant, f"batch_statistics={statistics}")
        hook = lambda *args: seen.append(args[2][:6])  # noqa: E731
        method.networks["encoder"].register_forward_hook(hook)
        watch_step(method, "joint", shown)
        del seen[1 if shown is batch else 2 :]  # the first pass alone
    assert torch.equal(*seen) == apart


def test_p_and_d_may_learn_from_a_part_of_the_batch(make: Make, batch: Batch) -> None:
    """Two of six images: all are translated once for F, and the part alone is translated back."""
    method = make("full", *PART)
    passes = Passes(method.networks)
    watch_step(method, "joint", batch)
    assert passes.images == {
        "encoder": 12 + 2 + 2,
        "embedder": 12 + 2 + 2,
        "classifier": 12 + 2,
        "generator_to_infrared": 6 + 2,
        "generator_to_visible": 2 + 2,
        "discriminator_joint": 2 * 6 + 2 * 2 + 5 * 2,
        "discriminator_visible": 2 + 4,
    }


def test_cyclegans_identity_loss_translates_each_image_once_more(make: Make, batch: Batch) -> None:
    method = make("full", "same_modality_weight=1.0")
    passes = Passes(method.networks)
    watch_step(method, "joint", batch)
    assert {name: passes.images[name] for name in GENERATORS} == dict.fromkeys(GENERATORS, 18)


def test_the_warm_ups_run_each_image_once_through_the_encoder(make: Make, batch: Batch) -> None:
    method = make()
    passes = Passes(method.networks)
    watch_step(method, "feature-warm-up", batch)
    assert passes.images == dict.fromkeys(FEATURES, 6)
    watch_step(method, "pixel-warm-up", batch)
    assert passes.images == {
        "encoder": 6 + 6 + 6,
        "embedder": 6 + 6 + 6,
        "classifier": 6 + 6,
        **dict.fromkeys(GENERATORS, 12),
        "warmup_discriminator_infrared": 6 + 12,
        "warmup_discriminator_visible": 6 + 12,
    }


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("featalign", {**dict.fromkeys(FEATURES, 12), "discriminator_features": 6 + 12}),
        ("baseline", dict.fromkeys(FEATURES, 12)),
    ],
)
def test_without_pixel_alignment_real_images_pass_once(
    variant: str, expected: dict[str, int], make: Make, batch: Batch
) -> None:
    method = make(variant)
    passes = Passes(method.networks)
    watch_step(method, "joint", batch)
    assert passes.images == expected


def test_the_part_is_the_first_images_of_the_first_identities(batch: Batch) -> None:
    ordered = pixels_first(signed(batch), 2, SamplingConfig(identities=2, images=1))
    order = [0, 2, 1, 3, 4, 5]
    assert torch.equal(ordered.labels, batch.labels[order])
    assert torch.equal(ordered.visible, batch.visible[order] * 2 - 1)
    assert torch.equal(ordered.infrared, batch.infrared[order] * 2 - 1)


def test_without_a_part_a_batch_keeps_its_order(batch: Batch) -> None:
    ordered = pixels_first(signed(batch), 2, SamplingConfig(identities=3, images=2))
    assert torch.equal(ordered.labels, batch.labels)
    assert torch.equal(ordered.visible, batch.visible * 2 - 1)


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("stage", ["pixel-warm-up", "joint"])
def test_f_is_in_evaluation_mode_while_p_learns_only_where_asked(
    stage: str, fixed: bool, make: Make, batch: Batch
) -> None:
    """By default it has batch statistics and dropout, as in the authors' code."""
    method = make("full", f"fixed_statistics={str(fixed).lower()}")
    seen: dict[str, set[bool]] = {}

    def look(optimizer: str) -> None:
        modules = [module for name in FEATURES for module in method.networks[name].modules()]
        seen[optimizer] = {module.training for module in modules}

    watch_step(method, stage, batch, before=look)
    assert seen.pop("pixels") == {not fixed}
    assert all(modes == {True} for modes in seen.values())
    assert all(module.training for module in method.networks.modules())


@pytest.mark.parametrize("fixed", [True, False])
def test_fixed_statistics_are_not_updated_by_the_pixel_warm_up(
    fixed: bool, make: Make, batch: Batch
) -> None:
    method = make("full", f"fixed_statistics={str(fixed).lower()}")
    before = {name: value.clone() for name, value in method.networks["encoder"].named_buffers()}
    watch_step(method, "pixel-warm-up", batch)
    after = dict(method.networks["encoder"].named_buffers())
    assert all(torch.equal(before[name], after[name]) for name in before) == fixed


def test_the_step_of_d_leaves_the_generators_statistics_alone(make: Make, batch: Batch) -> None:
    method, seen = make(preset="official-code"), {}

    def look(optimizer: str) -> None:
        seen[optimizer] = {
            (network, name): value.clone()
            for network in GENERATORS
            for name, value in method.networks[network].named_buffers()
        }

    watch_step(method, "joint", batch, after=look)
    assert seen["pixels"]
    assert all(torch.equal(v, seen["discriminators"][key]) for key, v in seen["pixels"].items())


class GradientsAlone(Updates):
    """Computes gradients and takes no step."""

    def __init__(self) -> None:
        super().__init__({})

    def minimize(self, losses: Losses, *_: str, **__: object) -> Losses:
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        return losses


@pytest.mark.slow
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(variant, marks=[] if variant == "full" else pytest.mark.exhaustive)
        for variant in VARIANTS
    ],
)
def test_a_step_never_waits_for_a_number_and_its_losses_are_single_precision(
    variant: str, precision: torch.dtype, make: Make
) -> None:
    """Tensors without values refuse to tell one, as a device would make the host wait for it."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        method, maps = make(variant, *PART), []
        method.networks["encoder"].register_forward_hook(lambda *args: maps.append(args[2].dtype))
        images = torch.empty(6, 3, 64, 32)
        batch = Batch(images, images.clone(), torch.zeros(6, dtype=torch.int64))
        for stage in method.stages():
            with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
                losses = stage.step(batch, GradientsAlone())
            assert {loss.dtype for loss in losses.values()} == {torch.float32}
            for loss in losses.values():
                with pytest.raises(RuntimeError):
                    float(loss)
    assert set(maps) == {precision}


@pytest.mark.slow
@pytest.mark.parametrize("fixed", ["true", "false"])
@pytest.mark.parametrize("variant", ["full", "featalign"])
def test_recomputed_activations_give_the_same_bits(
    variant: str, fixed: str, make: Make, batch: Batch
) -> None:
    states = []
    for recomputed in ("true", "false"):
        method = make(
            variant,
            f"recompute_activations={recomputed}",
            f"fixed_statistics={fixed}",
            "generator_running_statistics=true",
            *PART,
        )
        for stage in method.stages():
            for _ in range(2):
                watch_step(method, stage.name, batch)
        states.append(method.networks.state_dict())
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name


def test_recomputed_activations_keep_less(make: Make, batch: Batch) -> None:
    def kept_bytes(*assignments: str) -> int:
        method, kept = make("full", *assignments), []

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            kept.append(tensor.numel() * tensor.element_size())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            watch_step(method, "joint", batch)
        return sum(kept)

    assert kept_bytes("recompute_activations=true") < 0.7 * kept_bytes()
