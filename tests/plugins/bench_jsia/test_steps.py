"""The two stages: which losses with which weights, how often what is computed, in which modes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from bench_core.methods import Batch, Losses
from bench_core.testing import enter_stage, record_step, take_step
from bench_jsia.config import JSIAConfig
from bench_jsia.learner import Recognition
from bench_jsia.method import JSIA

Make = Callable[..., JSIA]
Parts = Callable[[JSIA], dict[str, nn.Module]]

REAL = {"identity", "triplet"}
GENERATION = {"reconstruction", "cycle", "adversarial"}
CRITICS = {"discriminator", "modality-discriminator"}
JOINT = {
    "full": REAL | GENERATION | {"region-identity", "variation", "instance", "region", "unseen"},
    "baseline": REAL,
    "sl": REAL | GENERATION,
    "il": REAL | GENERATION | {"instance"},
    "sl-il": REAL | GENERATION | {"instance"},
    "sl-il-lr": REAL | GENERATION | {"instance", "region", "region-identity"},
    "without-disentanglement": REAL
    | GENERATION
    | {"region-identity", "variation", "instance", "region", "unseen", "set-adversarial"},
    "unpaired-regions": REAL
    | GENERATION
    | {"region-identity", "variation", "instance", "region", "unseen"},
    "il-without-disentanglement": REAL | GENERATION | {"instance", "set-adversarial"},
}


class NoReading(TorchDispatchMode):
    """Refuses what brings a value, or a size that depends on values, to the host."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.__name__.split(".")[0] not in ("_local_scalar_dense", "nonzero"), func.__name__
        return func(*args, **(kwargs or {}))


def calls_of(networks: Mapping[str, nn.Module], run: Callable[[], object]) -> Counter[str]:
    """Count how often the first layer of each network runs, and for how many images."""
    seen: Counter[str] = Counter()

    def count(name: str, inputs: Any) -> None:
        seen[name] += 1
        seen[f"{name} images"] += len(inputs[0])

    handles = [
        network.register_forward_pre_hook(lambda _, inputs, name=name: count(name, inputs))
        for name, network in networks.items()
    ]
    run()
    for handle in handles:
        handle.remove()
    return seen


def first_layers(parts: dict[str, nn.Module]) -> dict[str, nn.Module]:
    chosen = {
        "E^sl": parts["set_level"][0],
        "E^il": parts["instance_level"][0],
        "C": parts["neck"],
        "V": parts["variation"].encoder,
    }
    for name in ("style_encoder", "decoder", "discriminator"):
        chosen[name] = parts[f"{name}_visible"]
        chosen[f"{name}'"] = parts[f"{name}_infrared"]
    return chosen


@pytest.mark.parametrize("variant", JOINT)
def test_the_joint_losses_are_those_of_the_variant(variant: str, make: Make, batch: Batch) -> None:
    losses, calls = record_step(make(variant), "joint", batch)
    critics = set(losses) & CRITICS
    assert set(losses) - critics == JOINT[variant]
    assert ("discriminator" in critics) == (variant != "baseline")
    assert ("modality-discriminator" in critics) == ("set-adversarial" in JOINT[variant])
    assert len(calls) == (2 if critics else 1)


def test_eq_16_weighs_each_loss(make: Make, batch: Batch) -> None:
    weights = {
        "reconstruction": 2.0, "cycle": 3.0, "adversarial": 5.0, "instance": 7.0, "region": 11.0,
        "unseen": 13.0, "identity": 17.0, "set_adversarial": 19.0,
        "feature_reconstruction": 23.0,
    }  # fmt: skip
    settings = [f"{name}_weight={weight}" for name, weight in weights.items()]
    losses, calls = record_step(make("without-disentanglement", *settings), "joint", batch)
    expected = {name.replace("_", "-"): weight for name, weight in weights.items()}
    expected |= {"triplet": 17, "region-identity": 17, "variation": 1}
    assert set(expected) == set(losses) - CRITICS
    apart = expected.pop("feature-reconstruction") * losses["feature-reconstruction"].item()
    total = sum(weight * losses[name].item() for name, weight in expected.items())
    critics = sum(losses[name].item() for name in CRITICS)
    assert [loss.item() for loss, _ in calls] == pytest.approx([total, apart, critics], rel=1e-4)
    assert [names for _, names in calls] == [
        ("learner", "content", "generator"),
        ("generator",),
        ("discriminator",),
    ]


def test_the_generation_stage_minimises_l_g_and_l_v(make: Make, batch: Batch) -> None:
    losses, calls = record_step(make(), "generation", batch)
    assert set(losses) == GENERATION | {"variation", "discriminator"}
    weights = {"reconstruction": 1, "cycle": 10, "adversarial": 1, "variation": 1}
    total = sum(weight * losses[name].item() for name, weight in weights.items())
    assert calls[0][0].item() == pytest.approx(total, rel=1e-4)
    assert [names for _, names in calls] == [("content", "generator"), ("discriminator",)]


def test_a_joint_step_runs_each_network_once_for_each_kind_of_image(
    make: Make, parts_of: Parts, batch: Batch
) -> None:
    """Of 12 real images, 8 are translated and 8 mixed."""
    method = make()
    seen = calls_of(first_layers(parts_of(method)), lambda: take_step(method, "joint", batch))
    for name in ("E^sl", "E^il", "C"):
        assert (seen[name], seen[f"{name} images"]) == (3, 12 + 8 + 8)
    for prime in ("", "'"):
        # Real and translated images; reconstructions with translations, cycles, mixes.
        assert (seen[f"style_encoder{prime}"], seen[f"style_encoder{prime} images"]) == (2, 8)
        assert (seen[f"decoder{prime}"], seen[f"decoder{prime} images"]) == (3, 8 + 4 + 4)
        # As the generators' opponent, and to learn from real and translated ones together.
        assert (seen[f"discriminator{prime}"], seen[f"discriminator{prime} images"]) == (2, 4 + 8)
    assert (seen["V"], seen["V images"]) == (1, 8)


def test_a_generation_step_runs_each_network_once_for_each_kind_of_image(
    make: Make, parts_of: Parts, batch: Batch
) -> None:
    method = make()
    seen = calls_of(first_layers(parts_of(method)), lambda: take_step(method, "generation", batch))
    assert (seen["E^sl"], seen["E^sl images"]) == (2, 12 + 12)
    assert seen["E^il"] == seen["C"] == 0
    for prime in ("", "'"):
        assert (seen[f"style_encoder{prime}"], seen[f"style_encoder{prime} images"]) == (2, 12)
        assert (seen[f"decoder{prime}"], seen[f"decoder{prime} images"]) == (2, 12 + 6)
        assert seen[f"discriminator{prime}"] == 2
    assert (seen["V"], seen["V images"]) == (1, 12)


def test_the_baseline_generates_nothing(make: Make, batch: Batch) -> None:
    method = make("baseline")
    assert [stage.name for stage in method.stages()] == ["joint"]
    assert set(method.networks) == {"normalization", "backbone", "neck"}
    assert set(take_step(method, "joint", batch)) == REAL | {"total"}


def test_images_are_generated_for_the_first_images_of_the_first_identities(make: Make) -> None:
    method = make("full", "sampling.identities=3", "sampling.images=3",
                  "generation_sampling.identities=2", "generation_sampling.images=2")  # fmt: skip
    rows = torch.arange(18).view(18, 1)  # three identities with three images, twice
    assert method._drawn(rows).flatten().tolist() == [0, 1, 3, 4, 9, 10, 12, 13]


def test_what_is_aligned_is_what_was_translated(
    make: Make, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real predictions of Eq. 11 are those of the images whose translations are compared."""
    method, seen = make(), []
    align = method._learner.alignment_losses

    def watched(real: Recognition, maps: torch.Tensor) -> Losses:
        seen.append(real.logits)
        return align(real, maps)

    monkeypatch.setattr(method._learner, "alignment_losses", watched)
    logits: list[torch.Tensor] = []
    handle = method.networks["neck"].register_forward_hook(lambda *args: logits.append(args[2][1]))
    record_step(method, "joint", batch)
    handle.remove()
    chosen = [0, 1, 2, 3, 6, 7, 8, 9]
    assert torch.equal(seen[0], logits[0][chosen])


def test_modes_of_the_generation_stage(make: Make, batch: Batch) -> None:
    """E^il and its classifiers rest; E^i normalises by the batch and learns its statistics."""
    method = make()
    before = {name: value.clone() for name, value in method.networks.state_dict().items()}
    take_step(method, "generation", batch)
    changed = {n for n, v in method.networks.state_dict().items() if not torch.equal(v, before[n])}
    set_level = {f"backbone.body.{index}." for index in range(4)}
    statistics = {name for name in changed if "running" in name}
    assert statistics
    for name in changed:
        assert not name.startswith(("neck", "region_necks")), name
        if name.startswith("backbone"):
            assert any(name.startswith(layer) for layer in set_level), name
    training = {id(module) for module in method.networks.modules() if module.training}
    set_level_part, instance_level = method.networks["backbone"].split(1)
    for resting in (instance_level, method.networks["neck"], method.networks["region_necks"]):
        layers = [module for module in resting.modules() if not list(module.children())]
        assert layers
        assert not training & {id(layer) for layer in layers}
    assert all(id(layer) in training for layer in set_level_part)


@pytest.mark.parametrize("stage", ["generation", "joint"])
def test_running_statistics_are_those_of_real_images(stage: str, make: Make, batch: Batch) -> None:
    """The first update of a running mean is a tenth of the mean of the real images."""
    method = make()
    first, normalization = method.networks["backbone"].body[:2]
    images = torch.cat([batch.visible, batch.infrared])
    expected = first(method.networks["normalization"](images)).mean((0, 2, 3)) * 0.1
    take_step(method, stage, batch)
    assert torch.allclose(normalization.running_mean, expected, atol=1e-5)
    assert normalization.num_batches_tracked == 1


@pytest.mark.parametrize("stage", ["generation", "joint"])
def test_recomputed_activations_give_the_same_step(stage: str, make: Make, batch: Batch) -> None:
    plain, recomputed = make(), make("full", "recompute_activations=true")
    losses = [take_step(method, stage, batch) for method in (plain, recomputed)]
    for name, value in losses[0].items():
        assert losses[1][name].item() == pytest.approx(value.item(), rel=1e-5), name
    gradients = [dict(method.networks.named_parameters()) for method in (plain, recomputed)]
    for name, value in gradients[0].items():
        again = gradients[1][name].grad
        assert (value.grad is None) == (again is None), name
        if value.grad is not None and again is not None:
            assert torch.allclose(again, value.grad, rtol=1e-3, atol=1e-5), name
    for name, value in plain.networks.state_dict().items():
        if "running" in name or "num_batches" in name:
            assert torch.allclose(recomputed.networks.state_dict()[name], value), name


@pytest.mark.parametrize("stage", ["generation", "joint"])
def test_recomputed_activations_are_not_kept(stage: str, make: Make, batch: Batch) -> None:
    kept = []
    for setting in ("true", "false"):
        sizes: dict[int, int] = {}

        def pack(tensor: torch.Tensor, sizes: dict[int, int] = sizes) -> torch.Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        method = make("full", f"recompute_activations={setting}")
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            _losses = record_step(method, stage, batch)
        kept.append(sum(sizes.values()))
    assert kept[0] < 0.5 * kept[1]


@pytest.mark.parametrize("stage", ["generation", "joint"])
@pytest.mark.parametrize("preset", ["paper", "official-code"])
def test_steps_work_in_mixed_precision(preset: str, stage: str, make: Make, batch: Batch) -> None:
    size = ("image_height=64", "image_width=64") if preset == "official-code" else ()
    method = make("full", *size, preset=preset)
    images = [
        nn.functional.interpolate(part, method.config.image_size)
        for part in (batch.visible, batch.infrared)
    ]
    big = Batch(images[0], images[1], batch.labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = take_step(method, stage, big)
    for name, loss in losses.items():
        assert loss.dtype == torch.float32, name
        assert math.isfinite(loss.item()), name
    for name, value in method.networks.named_parameters():
        assert value.grad is None or bool(value.grad.isfinite().all()), name


@pytest.mark.parametrize(
    ("variant", "stage"),
    [
        pytest.param(variant, stage, marks=[] if variant == "full" else pytest.mark.exhaustive)
        for variant in JOINT
        for stage in ("joint", "generation")
        if (variant, stage) != ("baseline", "generation")
    ],
)
def test_a_step_reads_no_value_back(variant: str, stage: str, make: Make, batch: Batch) -> None:
    """On a GPU it would have to wait for it."""
    with NoReading():
        losses, _ = record_step(make(variant), stage, batch)
        with pytest.raises(AssertionError, match="_local_scalar_dense"):
            losses["identity" if stage == "joint" else "cycle"].item()


@pytest.mark.slow
def test_a_few_generation_steps_lower_reconstruction_and_cycle(make: Make, batch: Batch) -> None:
    method = make("full", "generator_optimizer.learning_rate=3e-3")
    updates = enter_stage(method, "generation")
    losses = [take_step(method, "generation", batch, updates) for _ in range(12)]
    for name in ("reconstruction", "cycle", "variation"):
        assert losses[-1][name].item() < 0.8 * losses[0][name].item(), name


@pytest.mark.slow
def test_a_few_discriminator_steps_tell_real_from_generated(make: Make, batch: Batch) -> None:
    settings = ("discriminator_optimizer.learning_rate=1e-2", "style_width=8")
    method = make("full", *settings, "generator_optimizer.learning_rate=1e-9")
    updates = enter_stage(method, "generation")
    losses = [take_step(method, "generation", batch, updates)["discriminator"] for _ in range(12)]
    assert losses[-1].item() < 0.7 * losses[0].item()


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["full", "baseline", "without-disentanglement"])
def test_a_few_joint_steps_lower_the_identity_losses(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant, "learner_optimizer.learning_rate=2e-3")
    updates = enter_stage(method, "joint")
    losses = [take_step(method, "joint", batch, updates) for _ in range(8)]
    for name in {"identity", "region-identity"} & set(losses[0]):
        assert losses[-1][name].item() < 0.6 * losses[0][name].item(), name


def test_the_stages_are_as_configured(make: Make) -> None:
    method = make("full", "schedule.milestones=[3]", "epochs=4")
    config = method.config
    assert isinstance(config, JSIAConfig)
    generation, joint = method.stages()
    assert (generation.name, generation.epochs) == ("generation", config.generation_epochs)
    assert (joint.name, joint.epochs) == ("joint", 4)
    assert generation.sampling == config.generation_sampling
    assert joint.sampling == config.sampling
    assert generation.augmentation == joint.augmentation == config.augmentation
    assert set(generation.optimizers) == {"content", "generator", "discriminator"}
    assert set(joint.optimizers) == {"learner", "generator", "discriminator"}
    for plan in joint.optimizers.values():
        assert plan.schedule.milestones == (3,)
        assert plan.continued  # of those that the generation stage has
    for plan in generation.optimizers.values():
        assert plan.schedule.milestones == ()
        assert not plan.continued
    assert joint.optimizers["learner"].config == config.learner_optimizer
    assert joint.optimizers["generator"].config == config.generator_optimizer
    assert joint.optimizers["discriminator"].config == config.discriminator_optimizer
