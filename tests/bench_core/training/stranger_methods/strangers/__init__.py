"""Methods as strangers write them, through the public doors alone; each is small, none a paper."""

from __future__ import annotations

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec


def _spec(name: str, title: str) -> MethodSpec:
    return MethodSpec(
        id=f"{name}-like",
        title=title,
        paper=Paper(title=title, authors="A. Stranger", venue="Venue", year=2026),
        variants=(VariantSpec(name="full", summary="the whole method"),),
        presets=(
            PresetSpec(name="paper", summary="as printed"),
            PresetSpec(name="quick", summary="for a CPU", values={**QUICK, "epochs": 2}),
        ),
        method=f"strangers.{name}:Method",
        config=f"strangers.{name}:Config",
    )


SPECS = (
    _spec("agw", "Two streams, attention and a weighted triplet"),
    _spec("caj", "Channel exchange in a third view"),
    _spec("clusters", "Clusters and a moving average, without labels"),
    _spec("sam", "Sharpness-aware minimisation"),
    _spec("own_loop", "A training loop of its own"),
)
