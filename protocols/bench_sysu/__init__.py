"""The SYSU-MM01 dataset and its protocols, as a plugin.

Wu et al., "RGB-Infrared Cross-Modality Person Re-Identification", ICCV 2017.
"""

from __future__ import annotations

from bench_core import DatasetSpec, ProtocolSpec, hookimpl
from bench_sysu.layout import (
    CAMERA_MODALITY,
    FOLDERS,
    GALLERY_SETTINGS,
    NUM_TRIALS,
    PUBLISHED_COUNTS,
    VALIDATION_SPLIT,
    GallerySetting,
)

DATASET_ID = "sysu-mm01"


@hookimpl
def bench_register_datasets() -> list[DatasetSpec]:
    """Register SYSU-MM01."""
    return [
        DatasetSpec(
            id=DATASET_ID,
            title="SYSU-MM01",
            paper="Wu et al., RGB-Infrared Cross-Modality Person Re-Identification, ICCV 2017",
            source="https://github.com/wuancong/SYSU-MM01",
            synthetic="bench_sysu.synthetic:LAYOUT",
            reader="bench_sysu.dataset:SysuMM01Reader",
            camera_modalities=dict(CAMERA_MODALITY),
            folders=FOLDERS,
            published=PUBLISHED_COUNTS,
            exports={
                "agw-npy": "bench_sysu.exchange:array_rows",
                "market": "bench_sysu.exchange:market_copy",
                "sysu-mm01": "bench_sysu.exchange:own_tree",
            },
            imports={
                "agw-npy": "bench_sysu.exchange:tree_of_arrays",
                "market": "bench_sysu.exchange:tree_of_market_copy",
            },
        )
    ]


@hookimpl
def bench_register_protocols() -> list[ProtocolSpec]:
    """Register all-search and indoor-search, single-shot and multi-shot, and the analyses.

    The analyses match each modality with each, as in Table 1 of Wang et al., "RGB-Infrared
    Cross-Modality Person Re-Identification via Joint Pixel and Feature Alignment", ICCV 2019.
    """
    return [_protocol_spec(id_, setting) for id_, setting in GALLERY_SETTINGS.items()]


def _protocol_spec(id_: str, setting: GallerySetting) -> ProtocolSpec:
    shots = "single-shot" if setting.shots == 1 else f"{setting.shots}-shot"
    return ProtocolSpec(
        id=id_,
        dataset=DATASET_ID,
        title=f"SYSU-MM01 {setting.search}, {shots}",
        query_modality=setting.query_modality,
        gallery_modality=setting.gallery_modality,
        query_cameras=setting.query_cameras,
        gallery_cameras=setting.cameras,
        cmc="identity",
        excluded_camera_pairs=setting.excluded_camera_pairs,
        num_trials=NUM_TRIALS,
        conventions=("official", "agw") if setting.has_agw_draw else ("official",),
        definition="bench_sysu.protocols:SysuProtocol",
        validation_split=VALIDATION_SPLIT,
        num_queries=setting.num_queries,
        num_gallery=setting.num_gallery,
    )
