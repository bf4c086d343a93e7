"""DNS: domain shifting for heterogeneous cross-modality ReID (Jiang et al., ECCV 2024)."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Domain Shifting: A Generalized Solution for Heterogeneous Cross-Modality Person "
    "Re-Identification",
    authors="Y. Jiang, X. Cheng, H. Yu, X. Liu, H. Chen, G. Zhao",
    venue="ECCV",
    year=2024,
    kind="inproceedings",
    pages="289-306",
    url="https://github.com/Joey623/DNS",
)

PARTS = ("spatial_shift", "channel_shift", "alignment", "distillation")


def _with(*parts: str) -> dict[str, bool]:
    return {part: part in parts for part in PARTS}


VARIANTS = (
    VariantSpec(name="full", summary="HSS, CSS, alignment and distillation, the whole method"),
    VariantSpec(
        name="baseline",
        summary="the two-stream network with identity and circle losses alone",
        values=_with(),
    ),
    VariantSpec(
        name="hss",
        summary="the baseline with the spatial shift (HSS)",
        values=_with("spatial_shift"),
    ),
    VariantSpec(
        name="hss-css-da",
        summary="with spatial and channel shift (CSS) and domain alignment",
        values=_with("spatial_shift", "channel_shift", "alignment"),
    ),
    VariantSpec(
        name="hss-css-dd",
        summary="with spatial and channel shift and domain distillation",
        values=_with("spatial_shift", "channel_shift", "distillation"),
    ),
    VariantSpec(
        name="without-css",
        summary="the whole method without the channel shift",
        values=_with("spatial_shift", "alignment", "distillation"),
    ),
)

PRESETS = (
    PresetSpec(name="paper", summary="for SYSU-MM01: 288x144, 6 x 4 images a modality, 100 epochs"),
    PresetSpec(
        name="official-code",
        summary="as its code runs: each step has the rate of the one before it",
        values={"schedule": {"rate_of": "the-step-before"}},
    ),
    PresetSpec(
        name="llcm",
        summary="for LLCM: no erasing before the normalisation, no grey visible images",
        values={"augmentation": {"erasing": 0.0}, "exchange_to_gray": False},
    ),
    PresetSpec(
        name="regdb",
        summary="for RegDB: half the rate, no erasing behind the normalisation, no grey, no hue",
        values={
            "optimizer": {"learning_rate": 0.1},
            "infrared_hue": 0.0,
            "late_erasing": 0.0,
            "exchange_to_gray": False,
        },
    ),
    PresetSpec(
        name="quick",
        summary="a small backbone on small images, for a CPU in minutes",
        values={
            **QUICK,
            "epochs": 16,
            "sampling": {"identities": 8, "images": 4, "steps_per_epoch": 25},
            # Nothing is pretrained here: all layers start at random, and learn at one rate.
            "optimizer": {"kind": "adam", "learning_rate": 3e-3, "nesterov": False},
            "body_rate_scale": 1.0,
            "layer3_rate_scale": 1.0,
            "layer4_rate_scale": 1.0,
            "schedule": {"warmup_epochs": 2},
            "augmentation": {"padding": 4},
            # Rendered infrared images have three equal channels, and so no hue.
            "infrared_hue": 0.0,
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register DNS."""
    return [
        MethodSpec(
            id="dns",
            title="DNS",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_dns.method:DNS",
            config="bench_dns.config:DNSConfig",
            fidelity="from paper",
        )
    ]
