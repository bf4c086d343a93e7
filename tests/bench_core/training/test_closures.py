"""Optimisers that compute losses more than once a step: as a loop written by hand has it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import nn

from bench_core import PluginError
from bench_core.methods import ClippingConfig, OptimizerConfig, OptimizerPlan, Updates
from bench_core.modeling.division import Division
from bench_core.modeling.sharing import Sharing
from bench_core.training.checkpoint import check_optimizers
from bench_core.training.stages import updates_of

RADIUS, RATE, NUM_STEPS = 0.5, 0.1, 3


class Sam(torch.optim.SGD):
    """As it is often written: it finds gradients, moves, and asks for those of where it is then."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        assert closure is not None
        moved = [p for group in self.param_groups for p in group["params"]]
        shift = [p.grad * (RADIUS / norm_of(moved)) for p in moved]
        for p, by in zip(moved, shift, strict=True):
            p.data.add_(by)
            p.grad = None
        closure()
        for p, by in zip(moved, shift, strict=True):
            p.data.sub_(by)
        super().step()


class SamAlone(Sam):
    """Asks for the first gradients, too."""

    def step(self, closure: Callable[[], Any]) -> None:  # type: ignore[override]
        closure()
        super().step(closure)


def norm_of(parameters: list[nn.Parameter]) -> torch.Tensor:
    return torch.stack([p.grad.norm() for p in parameters if p.grad is not None]).norm()


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3)
    )


def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(step)
    kind = torch.get_default_dtype()
    images = torch.randn(8, 6, generator=draw, dtype=torch.float64).to(kind)
    return images, torch.arange(8) % 3


def loss_of(net: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(net(images).float(), labels)


def by_hand(
    arithmetic: Callable[[], AbstractContextManager[Any]], norm: float | None
) -> dict[str, torch.Tensor]:
    """Two passes a step, each in a block of its own; the second learns no running statistics."""
    net = network().train()
    parameters = list(net.parameters())
    for step in range(NUM_STEPS):
        statistics: dict[str, torch.Tensor] = {}
        shift: list[torch.Tensor] = []
        for place in ("here", "there"):
            torch.manual_seed(step)
            net.zero_grad()
            with arithmetic():
                loss = loss_of(net, *batch(step))
            loss.backward()
            if norm is not None:
                nn.utils.clip_grad_norm_(parameters, norm)
            if place == "here":
                statistics = {name: value.clone() for name, value in net.named_buffers()}
                shift = [p.grad * (RADIUS / norm_of(parameters)) for p in parameters]
                with torch.no_grad():
                    for p, by in zip(parameters, shift, strict=True):
                        p.add_(by)
        with torch.no_grad():
            for p, by in zip(parameters, shift, strict=True):
                p.sub_(by)
                p.sub_(RATE * p.grad)
            for name, value in net.named_buffers():
                value.copy_(statistics[name])
    return net.state_dict()


def plan_of(net: nn.Module, kind: Any, **options: Any) -> OptimizerPlan:
    config = OptimizerConfig(kind="sgd", learning_rate=RATE, momentum=0.0, weight_decay=0.0)
    return OptimizerPlan.of(config, net, factory=kind, **options)


def updates(net: nn.Module, kind: Any, **options: Any) -> Updates:
    plan = plan_of(net, kind, **options)
    stage: Any = type("Stage", (), {"optimizers": {"all": plan}})
    return updates_of(stage, {"all": plan.build()}, net)


def trained(
    kind: Any, block: Callable[[nn.Module], AbstractContextManager[Any]], **options: Any
) -> tuple[dict[str, torch.Tensor], list[float]]:
    net = network().train()
    stepping = updates(net, kind, **options)
    totals = []
    for step in range(NUM_STEPS):
        torch.manual_seed(step)
        with block(net):
            logged = stepping.minimize_by(
                lambda step=step: {"identity": loss_of(net, *batch(step))},  # type: ignore[misc]
                "all",
            )
        assert logged["total"] == logged["identity"]
        totals.append(logged["total"].item())
    return net.state_dict(), totals


def mixed() -> AbstractContextManager[Any]:
    return torch.autocast("cpu", dtype=torch.bfloat16)


@pytest.mark.parametrize("norm", [None, 0.05])
@pytest.mark.parametrize("arithmetic", [nullcontext, mixed], ids=["float32", "bfloat16"])
@pytest.mark.parametrize(("kind", "use"), [(Sam, "after-gradients"), (SamAlone, None)])
def test_it_is_the_loop_written_by_hand(
    kind: Any, use: Any, arithmetic: Any, norm: float | None
) -> None:
    """Under autocast, too, which would go on with the weights of the first pass."""
    clipping = ClippingConfig(norm=norm)
    found, totals = trained(kind, lambda _net: arithmetic(), closure=use, clipping=clipping)
    expected = by_hand(arithmetic, norm)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6)
    assert found["1.num_batches_tracked"] == NUM_STEPS
    assert len(set(totals)) == NUM_STEPS


def test_a_batch_in_parts_is_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    try:
        (whole, _), (parts, _) = (
            trained(SamAlone, lambda net: Division(net, sharing).divided())  # noqa: B023
            for sharing in (Sharing(), Sharing(parts=2))
        )
    finally:
        torch.set_default_dtype(torch.float32)
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-9, atol=1e-9)


def test_one_that_needs_a_closure_is_noticed_and_finds_the_minimum() -> None:
    net = nn.Linear(2, 1)
    places = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5], [2.0, 2.0]])
    values = places @ torch.tensor([[2.0], [-1.0]]) + 0.5

    def squares() -> dict[str, torch.Tensor]:
        return {"squares": (net(places) - values).square().mean()}

    stepping = updates(net, lambda groups: torch.optim.LBFGS(groups, max_iter=50))
    with pytest.raises(PluginError, match=r"'all' \(LBFGS\) .* call updates.minimize_by\(compute"):
        stepping.minimize(squares(), "all")
    for _ in range(5):
        stepping.minimize_by(squares, "all")
    assert squares()["squares"].item() < 1e-8
    optimizer = stepping._optimizers["all"]
    with pytest.raises(PluginError, match="LBFGS keeps 'func_evals' as a int"):
        check_optimizers([optimizer])


def test_weights_count_and_plain_optimisers_may_be_stepped_so() -> None:
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 1.0)
    losses = {"kept": 2.0, "doubled": 3.0}
    logged = updates(net, torch.optim.SGD).minimize_by(
        lambda: {name: by * net.weight.sum() for name, by in losses.items()},
        "all",
        weights={"kept": 1.0, "doubled": 2.0},
    )
    assert {name: loss.item() for name, loss in logged.items()} == {"total": 8.0, **losses}
    assert net.weight.item() == pytest.approx(1 - RATE * 8)


class Deaf(torch.optim.SGD):
    def step(self, closure: Any = None) -> None:
        del closure


class Handless(torch.optim.SGD):
    def step(self) -> None:  # type: ignore[override]
        super().step()


@pytest.mark.parametrize(
    ("kind", "optimizer", "losses", "message"),
    [
        (Deaf, "all", {}, 'Deaf.step never called its closure, .* closure="after-gradients"'),
        (Handless, "all", {}, "Handless.step takes no closure"),
        (torch.optim.SGD, "other", {}, "unknown optimizer 'other'"),
        (torch.optim.SGD, "all", {"l": 3.0}, "as the loss 'l'"),
    ],
)
def test_what_cannot_be_is_the_plugins_error(
    kind: Any, optimizer: str, losses: dict[str, Any], message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        updates(network(), kind).minimize_by(lambda: losses, optimizer)


def test_a_network_that_was_updated_is_used_as_it_is_then_under_autocast() -> None:
    first, second = nn.Linear(4, 4), nn.Linear(4, 1)
    stepping = Updates({"second": torch.optim.SGD(second.parameters(), lr=5.0)})
    images = torch.ones(2, 4)
    with mixed():
        stepping.minimize({"sum": second(first(images)).float().sum()}, "second")
        inside = second(images)
    with mixed():
        assert torch.equal(inside, second(images))
