"""The RegDB dataset and its protocols, as a plugin.

Nguyen et al., "Person Recognition System Based on a Combination of Body Images from Visible Light
and Thermal Cameras", Sensors 17(3):605, 2017.
"""

from __future__ import annotations

from bench_core import DatasetSpec, ProtocolSpec, PublishedCount, hookimpl
from bench_regdb.layout import (
    CAMERA_MODALITY,
    DATASET_ID,
    DIRECTIONS,
    FOLDERS,
    INDEX_FOLDER,
    MODALITIES,
    NUM_TRIALS,
    ROLES,
    subset_name,
)

TESTED_PEOPLE, IMAGES_OF_EACH = 206, 10
"""Of every trial, and of each person in each modality."""


@hookimpl
def bench_register_datasets() -> list[DatasetSpec]:
    """Register RegDB."""
    return [
        DatasetSpec(
            id=DATASET_ID,
            title="RegDB",
            paper="Nguyen et al., Person Recognition System Based on a Combination of Body Images "
            "from Visible Light and Thermal Cameras, Sensors 17(3):605, 2017",
            source="http://dm.dongguk.edu/link.html",
            synthetic="bench_regdb.synthetic:LAYOUT",
            reader="bench_regdb.dataset:RegdbReader",
            camera_modalities=dict(CAMERA_MODALITY),
            folders=(*FOLDERS.values(), INDEX_FOLDER),
            published=tuple(_published_counts()),
            exports={"market": "bench_regdb.exchange:market_copy"},
        )
    ]


@hookimpl
def bench_register_protocols() -> list[ProtocolSpec]:
    """Register visible to thermal and thermal to visible."""
    return [
        ProtocolSpec(
            id=id_,
            dataset=DATASET_ID,
            title=f"RegDB {id_.removeprefix('regdb-').replace('-', ' ')}",
            query_modality=query,
            gallery_modality=gallery,
            cmc="image",
            num_trials=NUM_TRIALS,
            conventions=("official",),
            definition="bench_regdb.protocols:RegdbProtocol",
            num_queries=TESTED_PEOPLE * IMAGES_OF_EACH,
            num_gallery=TESTED_PEOPLE * IMAGES_OF_EACH,
        )
        for id_, (query, gallery) in DIRECTIONS.items()
    ]


def _published_counts() -> list[PublishedCount]:
    """Return the counts of 412 people, ten images of each modality, halved in every trial."""
    halves = [subset_name(role, number) for number in range(1, NUM_TRIALS + 1) for role in ROLES]
    sizes = {"all": 412, **dict.fromkeys(halves, TESTED_PEOPLE)}
    return [
        PublishedCount(
            subset=subset,
            modality=modality,
            images=IMAGES_OF_EACH * identities,
            identities=identities,
        )
        for subset, identities in sizes.items()
        for modality in MODALITIES
    ]
