"""The training of DDAG: its losses, which parameters learn and how, and what is compared."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from bench_core import Modality
from bench_core.methods import Batch, SampledImages, Updates
from bench_core.modeling.division import Division
from bench_core.modeling.sharing import Sharing
from bench_core.testing import enter_stage, stage_of, take_step
from bench_ddag.config import DDAGConfig
from bench_ddag.method import DDAG, LEARNER

Choose = Callable[..., DDAGConfig]
Make = Callable[..., DDAG]
Rows = list[list[float]]

VARIANTS = ["full", "baseline", "iwpa", "cgsa"]
WITH_PARTS, WITH_GRAPH = ["full", "iwpa"], ["full", "cgsa"]
END: Any = SimpleNamespace()
"""Of an epoch; the hook looks at nothing of it."""


def cross_entropy(logits: Rows, labels: list[int]) -> float:
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        total -= math.log(math.exp(row[label]) / sum(map(math.exp, row)))
    return total / len(labels)


def hardest_triplets(features: Rows, labels: list[int], margin: float) -> float:
    total = 0.0
    for anchor, label in zip(features, labels, strict=True):
        away = [math.dist(anchor, other) for other in features]
        positive = max(d for d, other in zip(away, labels, strict=True) if other == label)
        negative = min(d for d, other in zip(away, labels, strict=True) if other != label)
        total += max(margin + positive - negative, 0.0)
    return total / len(labels)


def watched_step(method: DDAG, batch: Batch) -> tuple[dict[str, torch.Tensor], dict[str, Rows]]:
    """Take a step; return its losses, f, and the logits of b, attended feature and graph."""
    seen: dict[str, torch.Tensor] = {}
    neck = method.networks["neck"]
    hooks = [neck.register_forward_hook(lambda *args: seen.update(f=args[1][0]))]
    called: list[torch.Tensor] = []
    hooks.append(neck.classifier.register_forward_hook(lambda *args: called.append(args[2])))
    if "graph" in method.networks:
        graph = method.networks["graph"]
        classify = graph.classify

        def noted(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            seen["graph-of"] = features
            seen["graph"] = classify(features, labels)
            return seen["graph"]

        graph.classify = noted  # type: ignore[assignment]
    losses = dict(take_step(method, "joint", batch))
    for hook in hooks:
        hook.remove()
    names = ["b", "attended"][: len(called)]
    seen.update(zip(names, called, strict=True))
    return losses, {name: value.tolist() for name, value in seen.items()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_losses_are_those_of_the_description(variant: str, make: Make, batch: Batch) -> None:
    losses, seen = watched_step(make(variant), batch)
    labels = batch.labels.tolist() * 2  # both modalities together
    expected = {
        "identity": cross_entropy(seen["b"], labels),
        "triplet": hardest_triplets(seen["f"], labels, 0.3),
    }
    if variant in WITH_PARTS:
        expected["part-identity"] = cross_entropy(seen["attended"], labels)
    if variant in WITH_GRAPH:
        assert seen["graph-of"] == seen["f"]
        assert min(map(min, seen["graph"])) >= -1  # behind an ELU
        expected["graph"] = cross_entropy(seen["graph"], labels)
        expected["graph-weight"] = 0
    total = sum(value for name, value in expected.items() if not name.startswith("graph"))
    assert losses.keys() == expected.keys() | {"total"}
    for name, value in {**expected, "total": total}.items():
        assert losses[name].item() == pytest.approx(value, rel=1e-4), name


@pytest.mark.parametrize("variant", WITH_GRAPH)
def test_the_graph_counts_by_the_mean_of_the_other_losses_of_the_epoch_before(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant)
    end = stage_of(method, "joint").end
    assert end is not None
    updates, totals = enter_stage(method, "joint"), []
    for _ in range(3):
        losses = method.step(batch, updates)
        assert losses["graph-weight"].item() == 0
        totals.append(losses["total"].item())
    end(END)
    weight = 1 / (1 + sum(totals) / 3)
    losses = method.step(batch, updates)
    assert losses["graph-weight"].item() == pytest.approx(weight, rel=1e-5)
    parts = sum(losses[name].item() for name in ("identity", "triplet"))
    parts += losses["part-identity"].item() if variant == "full" else 0
    total = parts + weight * losses["graph"].item()
    assert losses["total"].item() == pytest.approx(total, rel=1e-5)
    end(END)
    assert method.step(batch, updates)["graph-weight"].item() == pytest.approx(1 / (1 + parts))


def test_in_the_first_epoch_the_graph_teaches_nothing(make: Make, batch: Batch) -> None:
    """It decays all the same, as its gradient is zero and not absent."""
    method = make()
    graph = method.networks["graph"]
    before = [value.clone() for value in graph.parameters()]
    take_step(method, "joint", batch)
    for old, new in zip(before, graph.parameters(), strict=True):
        assert new.grad is not None
        assert not new.grad.any()
        # Nesterov's first step is 1.9 times the gradient, here the decay alone.
        torch.testing.assert_close(new, old * (1 - 0.1 * 1.9 * 5e-4))


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_step_behind_the_first_epoch_reaches_every_parameter(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant)
    updates = enter_stage(method, "joint")
    method.step(batch, updates)
    method.end_epoch(END)
    method.step(batch, updates)
    fixed = {"neck.normalization.bias", "parts.normalization.bias"}
    for name, value in method.networks.named_parameters():
        if name in fixed:
            assert not value.any()
            continue
        assert value.grad is not None, name
        assert bool(value.grad.isfinite().all()), name
        # The key's bias adds the same to the score of every part: softmax does not see it.
        if name != "parts.key.bias":
            assert bool((value.grad != 0).any()), name


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_that_can_learn_is_in_one_group(variant: str, make: Make) -> None:
    method = make(variant)
    plan = stage_of(method, "joint").optimizers[LEARNER]
    optimized = [id(value) for group in plan.build().param_groups for value in group["params"]]
    assert len(set(optimized)) == len(optimized)
    learnable = {id(value) for value in method.networks.parameters() if value.requires_grad}
    assert set(optimized) == learnable


def test_rates_by_group_and_epoch(config_of: Choose) -> None:
    with torch.device("meta"):
        method = DDAG(config_of("paper"), num_identities=2)
    plan = stage_of(method, "joint").optimizers[LEARNER]
    body, head = plan.build().param_groups
    assert {id(value) for value in body["params"]} == {
        id(value) for value in method.networks["streams"].parameters()
    }
    table = {
        (group, epoch): round(each["base_lr"] * plan.schedule.factor(epoch), 6)  # type: ignore[attr-defined]
        for (group, each), epoch in product(
            [("body", body), ("head", head)], [0, 9, 19, 20, 49, 50, 80]
        )
    }
    rates = [0.01, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    epochs = [0, 9, 19, 20, 49, 50, 80]
    assert table == {
        **{("head", epoch): rate for epoch, rate in zip(epochs, rates, strict=True)},
        **{("body", epoch): rate / 10 for epoch, rate in zip(epochs, rates, strict=True)},
    }
    assert {each["weight_decay"] for each in (body, head)} == {5e-4}


def test_there_is_one_stage_as_configured(make: Make) -> None:
    method = make()
    (stage,) = method.stages()
    config = method.config
    assert (stage.name, stage.epochs) == ("joint", config.epochs)
    assert (stage.sampling, stage.augmentation) == (config.sampling, config.augmentation)
    assert stage.optimizers[LEARNER].schedule == config.schedule
    assert stage.frozen == ()
    assert stage.memory.keys() == {"weight", "loss-sum", "steps"}


@pytest.mark.parametrize("variant", ["baseline", "iwpa"])
def test_without_a_graph_nothing_is_kept_from_epoch_to_epoch(variant: str, make: Make) -> None:
    (stage,) = make(variant).stages()
    assert (stage.end, dict(stage.memory)) == (None, {})


def test_images_are_drawn_with_replacement(make: Make) -> None:
    (stage,) = make("full", "sampling.identities=2", "sampling.images=4").stages()
    assert stage.sampler is not None
    labels = np.repeat(np.arange(3), 4)
    sampler = stage.sampler(
        SampledImages(
            labels={"visible": labels, "infrared": labels},
            cameras={},
            counts={"visible": 12, "infrared": 12},
            sampling=stage.sampling,
        )
    )
    assert sampler.steps_per_epoch == 12 // 8 + 1
    batches = list(sampler.epoch(np.random.default_rng(0)))
    assert any(len(set(visible.tolist())) < 8 for visible, _ in batches)
    assert all((labels[visible] == labels[infrared]).all() for visible, infrared in batches)


@pytest.mark.parametrize(
    ("variant", "parts"),
    [
        ("baseline", 0),
        ("iwpa", 3 * (2048 * 2048 + 2048) + 3 + 2 * 2048),
        ("cgsa", 4 * (2048 * 512 + 2 * 512) + 2048 * 395 + 2 * 395),
        ("full", 12_593_155 + 5_008_150),
    ],
)
def test_the_method_has_the_parameters_of_the_fact_sheet(
    variant: str, parts: int, config_of: Choose
) -> None:
    """ResNet-50 with a second stem, neck and classifier of 395 identities, and the attentions."""
    with torch.device("meta"):
        method = DDAG(config_of("paper", variant), num_identities=395)
    stem = 3 * 64 * 7 * 7 + 2 * 64
    expected = 23_508_032 + stem + 2 * 2048 + 2048 * 395 + parts
    assert sum(value.numel() for value in method.networks.parameters()) == expected


def test_the_public_codes_parameters_are_these_and_its_dead_layers(config_of: Choose) -> None:
    """94,756,825 are stored there, 41.93 M of them with a gradient, 36.11 M for a test."""
    with torch.device("meta"):
        method = DDAG(config_of("paper"), num_identities=395)
    parameters = dict(method.networks.named_parameters())
    sizes = {name: value.numel() for name, value in parameters.items()}
    whole = sum(sizes.values())
    resnet, streams = 23_508_032, sum(n for name, n in sizes.items() if name.startswith("streams"))
    dead = {
        "layers 1 to 4 of both stems' copies, the stem of the shared one": 3 * resnet - streams,
        "two classifiers": 2 * 2048 * 395,
        "a convolution and its normalisation in IWPA": 2048 * 2048 + 2048 + 2 * 2048,
    }
    assert whole + sum(dead.values()) == 94_756_825
    learnable = sum(sizes[name] for name, value in parameters.items() if value.requires_grad)
    assert learnable == 41_927_833
    for_a_test = whole - sum(
        n for name, n in sizes.items() if name.startswith(("graph.", "neck.classifier"))
    )
    assert for_a_test == 36_114_819


def settled(method: DDAG, batch: Batch) -> DDAG:
    """Give the batch normalisations statistics, then evaluate."""
    torch.manual_seed(0)
    updates = enter_stage(method, "joint")
    for _ in range(3):
        method.step(batch, updates)
    method.networks.eval()
    return method


@pytest.mark.parametrize("modality", ["visible", "infrared"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_compared_is_the_feature_behind_its_neck_at_unit_length(
    variant: str, modality: Modality, make: Make, batch: Batch
) -> None:
    """That with its parts aggregated, or the global one where there is no other."""
    method = settled(make(variant), batch)
    networks = method.networks
    maps = networks["streams"](networks["normalization"](batch.visible), modality)
    feature = networks["neck"].normalization(maps.mean((2, 3)))
    if variant in WITH_PARTS:
        feature = networks["parts"](maps, feature)
    found = method.extract(batch.visible, modality)
    assert found.shape == (6, 1, 256)
    expected = feature / feature.norm(dim=1, keepdim=True)
    torch.testing.assert_close(found[:, 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("embedding", ["pooled", "neck"])
def test_the_global_feature_and_those_before_the_neck_can_be_compared(
    embedding: str, make: Make, batch: Batch
) -> None:
    methods = {
        scored_by: settled(make("full", f"scored_by={scored_by}", f"embedding={embedding}"), batch)
        for scored_by in ("attended", "global")
    }
    networks = methods["global"].networks
    maps = networks["streams"](networks["normalization"](batch.visible), "visible")
    pooled = maps.mean((2, 3))
    neck, parts = networks["neck"].normalization, networks["parts"]
    summed = parts.aggregate(maps, neck(pooled))
    expected = {"global": (pooled, neck), "attended": (summed, parts.normalization)}
    for scored_by, (feature, normalization) in expected.items():
        wanted = normalization(feature) if embedding == "neck" else feature
        found = methods[scored_by].extract(batch.visible, "visible")[:, 0]
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_each_modality_has_layers_of_its_own(make: Make, batch: Batch) -> None:
    method = settled(make(), batch)
    visible, infrared = (method.extract(batch.visible, m) for m in ("visible", "infrared"))  # type: ignore[arg-type]
    assert not torch.allclose(visible, infrared, atol=1e-3)


def test_a_batch_in_parts_takes_the_same_step(
    make: Make, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph connects all images of a batch, also of those that networks see part by part."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    double = Batch(batch.visible.double(), batch.infrared.double(), batch.labels)

    def stepped(sharing: Sharing | None) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
        method = make("full", "graph_heads=2")
        method.networks.double()
        method._dynamic.memory["weight"] = torch.tensor(0.5, dtype=torch.float64)
        updates: Updates = enter_stage(method, "joint")
        torch.manual_seed(5)
        if sharing is None:
            losses = method.step(double, updates)
        else:
            with Division(method.networks, sharing).divided():
                losses = method.step(double, updates)
        return dict(losses), [value.detach() for value in method.networks.state_dict().values()]

    whole_losses, whole = stepped(None)
    part_losses, parts = stepped(Sharing(parts=2))
    for name, value in whole_losses.items():
        torch.testing.assert_close(part_losses[name], value, rtol=1e-9, atol=1e-9)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-9)
