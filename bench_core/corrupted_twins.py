"""The corrupted twins of protocols: the published benchmark of 20 corruptions, by name.

Chen, Wang and Zheng, "Benchmarks for Corruption Invariant Person Re-identification", NeurIPS 2021
Datasets and Benchmarks. This module names things; `bench_core.corruption` computes the pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from bench_core.contracts.degradation import DegradationSpec, Stage
from bench_core.contracts.images import VISIBLE
from bench_core.contracts.protocol import ProtocolSpec

GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "noise": ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"),
        "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur"),
        "weather": ("snow", "frost", "fog", "brightness", "spatter", "rain"),
        "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression", "saturate"),
    }
)
"""The 20 corruptions by kind; the kinds are a reading aid and no part of the benchmark."""
CORRUPTIONS: Final = (
    *("gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur"),
    *("motion_blur", "zoom_blur", "snow", "frost", "fog", "brightness", "contrast"),
    *("elastic_transform", "pixelate", "jpeg_compression", "speckle_noise", "gaussian_blur"),
    *("spatter", "saturate", "rain"),
)
"""The corruptions in the published order, which the draw of an image's corruption relies on."""
SEVERITIES: Final = (1, 2, 3, 4, 5)

CORRUPTION_ID: Final = "corruption"
CORRUPTION_VERSION: Final = 2
"""Raised whenever the same image would be corrupted to other pixels."""
SEED: Final = 0
"""Of the draws; it is fixed, so that every result is on the same pixels."""
DEVIATIONS: Final = (
    "frost is drawn by this program, not taken from the published photographs",
    "spatter measures the distance to the edges of drops exactly, not as OpenCV approximates it",
    "rain's lightness is not converted to 8-bit HLS and back, as its factor is 1",
    "normal numbers are sums of eight random bytes, which end at 4.9 deviations",
    "images are resized by the method's own filter and size, not by Lanczos to 288x144",
)
"""Where the pixels are not those of the published code, besides its unseeded draws."""

SUFFIXES: Final[Mapping[str, Stage]] = MappingProxyType(
    {"-corrupted": "resized", "-corrupted-original": "original"}
)
"""What a twin's id ends in, and the stage at which its images are corrupted."""


def corruption(stage: Stage, settings: Mapping[str, str | int] | None = None) -> DegradationSpec:
    """Return the published benchmark as a degradation of visible images.

    Args:
        stage: Whether images are corrupted after they were resized, or before.
        settings: Nothing for the published draw; for a cell of the grid, from `cell_settings`.
    """
    return DegradationSpec(
        id=CORRUPTION_ID,
        title="20 corruptions of Chen et al. (NeurIPS 2021)",
        version=CORRUPTION_VERSION,
        definition="bench_core.corruption.degrading:degrade",
        modality=VISIBLE,
        stage=stage,
        settings=settings or {"seed": SEED},
        deviations=DEVIATIONS,
    )


def cell_settings(name: str, severity: int) -> dict[str, str | int]:
    """Return the settings under which every image gets one corruption of one severity."""
    return {"seed": SEED, "corruption": name, "severity": severity}


def twins(spec: ProtocolSpec) -> tuple[ProtocolSpec, ...]:
    """Return the corrupted twins of a protocol: none without visible images, or of a degraded one.

    A twin has the queries, galleries, training and scores of its protocol; what differs are the
    pixels of the visible images that are scored.
    """
    has_visible = VISIBLE in (spec.query_modality, spec.gallery_modality)
    if not has_visible or spec.degradation is not None:
        return ()
    return tuple(
        replace(
            spec,
            id=spec.id + suffix,
            title=f"{spec.title}, corrupted{'' if stage == 'resized' else ' before resizing'}",
            degradation=corruption(stage),
            twin_of=spec.id,
        )
        for suffix, stage in SUFFIXES.items()
    )


def original_id(protocol_id: str) -> str:
    """Return the id of the protocol that an id would be a twin of; itself where of none."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if protocol_id.endswith(suffix):
            return protocol_id.removesuffix(suffix)
    return protocol_id


def with_twins(protocols: Mapping[str, ProtocolSpec]) -> Mapping[str, ProtocolSpec]:
    """Return protocols and their twins by id, sorted; a registered protocol is never replaced."""
    derived = {twin.id: twin for spec in protocols.values() for twin in twins(spec)}
    return MappingProxyType(dict(sorted((derived | dict(protocols)).items())))
