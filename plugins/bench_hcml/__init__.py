"""TONE and HCML: hierarchical discriminative learning for visible thermal ReID (Ye et al. 2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench_core import QUICK, MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Hierarchical Discriminative Learning for Visible Thermal Person Re-Identification",
    authors="M. Ye, X. Lan, J. Li, P. C. Yuen",
    venue="AAAI",
    year=2018,
    kind="inproceedings",
    volume="32",
    number="1",
    pages="7501-7508",
    url="https://ojs.aaai.org/index.php/AAAI/article/view/12293",
)

OFFICIAL: Mapping[str, Any] = {
    # The evaluation takes the checkpoint of 900 steps, and the rate is constant; one epoch, as the
    # code goes on in its list from batch to batch.
    "epochs": 1,
    "sampling": {"identities": 64, "images": 1, "steps_per_epoch": 900},
    "visible_order": "listed",
    "normalized_along": "batch",
    "crop_offset": "both-axes",
    "mean_order": "reversed",
    "embedding": "fc7-before-relu",
}
"""Where the authors' code is another thing than what it says."""

QUICK_TONE: Mapping[str, Any] = {
    **QUICK,
    "crop_margin": 6,
    "fc6_width": 256,
    "fc7_width": 256,
    "epochs": 24,
    "sampling": {"identities": 32, "images": 1, "steps_per_epoch": 25},
    # Nothing is pretrained here: all layers start at random.
    "optimizer": {"kind": "adam", "learning_rate": 1e-3},
    "dropout": 0.3,
    "augmentation": {"flip": 0.5, "padding": 6, "erasing": 0.5},
}


def _presets(quick: Mapping[str, Any], quirks: Mapping[str, Any]) -> tuple[PresetSpec, ...]:
    return (
        PresetSpec(name="paper", summary="AlexNet, 227x227 crops, 64 + 64 images, 1,501 steps"),
        PresetSpec(
            name="official-code",
            summary="with the slips of the authors' code, and 900 steps",
            values={**OFFICIAL, **quirks},
        ),
        PresetSpec(
            name="quick",
            summary="a small backbone on small images, for a CPU in minutes",
            values={**QUICK_TONE, **quick},
        ),
    )


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register TONE and HCML."""
    return [
        MethodSpec(
            id="tone",
            title="TONE",
            paper=PAPER,
            variants=(VariantSpec(name="full", summary="identity and contrastive loss"),),
            presets=_presets({}, {}),
            method="bench_hcml.tone:TONE",
            config="bench_hcml.config:TONEConfig",
            fidelity="from paper",
        ),
        MethodSpec(
            id="hcml",
            title="HCML",
            paper=PAPER,
            variants=(VariantSpec(name="full", summary="TONE, and the metric on its features"),),
            presets=_presets({"pca_dimensions": 128}, {"infrared_gradient": "by-visible"}),
            method="bench_hcml.hcml:HCML",
            config="bench_hcml.config:HCMLConfig",
            fidelity="from paper",
        ),
    ]
