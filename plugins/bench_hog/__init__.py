"""HOG: histograms of oriented gradients (Dalal and Triggs, CVPR 2005), with two metrics."""

from __future__ import annotations

from collections.abc import Sequence

from bench_core import MethodSpec, Paper, PresetSpec, VariantSpec, hookimpl

PAPER = Paper(
    title="Histograms of Oriented Gradients for Human Detection",
    authors="N. Dalal, B. Triggs",
    venue="CVPR",
    year=2005,
    kind="inproceedings",
    volume="1",
    pages="886-893",
)

VARIANTS = (
    VariantSpec(name="full", summary="Euclidean distance of the descriptor; nothing is learned"),
    VariantSpec(
        name="kissme",
        summary="with KISSME, a row of Wu et al. (ICCV 2017)",
        values={"learner": "kissme"},
    ),
    VariantSpec(
        name="lfda",
        summary="with LFDA, a row of Wu et al. (ICCV 2017)",
        values={"learner": "lfda"},
    ),
)

PRESETS = (
    PresetSpec(name="paper", summary="128x64, 3,780 dimensions; metrics on 200 components"),
    PresetSpec(
        name="quick",
        summary="the same descriptor; metrics on few components, for few people",
        values={
            "kissme": {"pca_dimensions": 40},
            "lfda": {"pca_dimensions": 60, "dimensions": 30},
        },
    ),
)


@hookimpl
def bench_register_methods() -> Sequence[MethodSpec]:
    """Register HOG."""
    return [
        MethodSpec(
            id="hog",
            title="HOG",
            paper=PAPER,
            variants=VARIANTS,
            presets=PRESETS,
            method="bench_hog.method:HOG",
            config="bench_hog.config:HOGConfig",
            fidelity="from paper",
        )
    ]
