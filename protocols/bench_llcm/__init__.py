"""The LLCM dataset and its protocols, as a plugin.

Zhang and Wang, "Diverse Embedding Expansion Network and Low-Light Cross-Modality Benchmark for
Visible-Infrared Person Re-identification", CVPR 2023.
"""

from __future__ import annotations

from bench_core import INFRARED, VISIBLE, DatasetSpec, ProtocolSpec, PublishedCount, hookimpl
from bench_llcm.layout import (
    CAMERAS,
    DATASET_ID,
    DIRECTIONS,
    FOLDERS,
    INDEX_FOLDER,
    NUM_TRIALS,
)

PUBLISHED = (
    PublishedCount(subset="training", modality=VISIBLE, images=16946, identities=713),
    PublishedCount(subset="training", modality=INFRARED, images=13975, identities=713),
    PublishedCount(subset="test", modality=VISIBLE, images=8680, identities=351),
    PublishedCount(subset="test", modality=INFRARED, images=7166, identities=351),
    PublishedCount(subset="all", modality=None, images=46767, identities=1064),
)

TESTED = {count.modality: count.images for count in PUBLISHED if count.subset == "test"}
DRAWN = {VISIBLE: 484, INFRARED: 619}
"""Gallery images of a trial: an image of each test identity in each camera that saw it."""


@hookimpl
def bench_register_datasets() -> list[DatasetSpec]:
    """Register LLCM."""
    return [
        DatasetSpec(
            id=DATASET_ID,
            title="LLCM",
            paper="Zhang and Wang, Diverse Embedding Expansion Network and Low-Light "
            "Cross-Modality Benchmark for Visible-Infrared Person Re-identification, CVPR 2023",
            source="https://github.com/ZYK100/LLCM",
            synthetic="bench_llcm.synthetic:LAYOUT",
            reader="bench_llcm.dataset:LlcmReader",
            folders=(
                *FOLDERS.values(),
                *(f"test_{folder}" for folder in FOLDERS.values()),
                INDEX_FOLDER,
            ),
            published=PUBLISHED,
            exports={"agw-npy": "bench_llcm.exchange:array_rows"},
            imports={"agw-npy": "bench_llcm.exchange:tree_of_arrays"},
        )
    ]


@hookimpl
def bench_register_protocols() -> list[ProtocolSpec]:
    """Register visible to infrared and infrared to visible.

    A query does not meet images of its own person and camera, as in the authors' evaluation: both
    modalities have the same cameras.
    """
    return [
        ProtocolSpec(
            id=id_,
            dataset=DATASET_ID,
            title=f"LLCM {id_.removeprefix('llcm-').replace('-', ' ')}",
            query_modality=query,
            gallery_modality=gallery,
            cmc="identity",
            excluded_match_camera_pairs=tuple((camera, camera) for camera in CAMERAS[INFRARED]),
            num_trials=NUM_TRIALS,
            conventions=("official",),
            definition="bench_llcm.protocols:LlcmProtocol",
            num_queries=TESTED[query],
            num_gallery=DRAWN[gallery],
        )
        for id_, (query, gallery) in DIRECTIONS.items()
    ]
