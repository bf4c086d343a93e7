"""The image table: one row an image, the form in which every dataset reaches the harness."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Modality: TypeAlias = Literal["visible", "infrared"]

VISIBLE: Modality = "visible"
INFRARED: Modality = "infrared"
MODALITIES: tuple[Modality, ...] = get_args(Modality)

ResizeFilter: TypeAlias = Literal["bilinear", "bicubic", "lanczos"]
"""How images are brought to the size that a method wants."""

IMAGE_COLUMNS = ("path", "identity", "camera", "modality", "index")
"""Columns of an image table.

- `path` (str): relative to the dataset's root, with forward slashes.
- `identity` (int64): the person, as the dataset numbers them.
- `camera` (int64): the camera, as the dataset numbers them, from 1.
- `modality` (str): "visible" or "infrared".
- `index` (int64): 0-based place of the image among the sorted files of its camera and identity.
"""
