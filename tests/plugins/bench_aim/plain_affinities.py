"""Test support: AIM as its equations tell it, one image at a time, in float64."""

from __future__ import annotations

import numpy as np


def unit_features(features: np.ndarray) -> np.ndarray:
    """Bring every view to length 1, and all views of an image together: float64 (N, V x D)."""
    exact = features.astype(np.float64)
    views = exact / np.linalg.norm(exact, axis=2, keepdims=True)
    return views.reshape(len(views), -1) / np.sqrt(features.shape[1])


def keep_largest(row: np.ndarray, k1: int) -> np.ndarray:
    least = sorted(row, reverse=True)[:k1][-1]
    return np.array([value if value >= least else 0.0 for value in row])


def unit_row(row: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(row)
    return row / length if length else row


def rerank_plainly(query: np.ndarray, gallery: np.ndarray, *, k1: int, k2: int) -> np.ndarray:
    """Return the authors' distance, float64 (Q, G), from -2 to 2."""
    query, gallery = unit_features(query), unit_features(gallery)
    to_gallery, among_gallery = query @ gallery.T, gallery @ gallery.T
    kept = [keep_largest(row, k1) for row in among_gallery]
    averaged = []
    for row in among_gallery:
        nearest = sorted(range(len(row)), key=lambda image, row=row: (-row[image], image))
        averaged.append(np.mean([kept[image] for image in nearest[:k2]], axis=0))
    of_queries = np.stack([unit_row(keep_largest(row, k1)) for row in to_gallery])
    of_gallery = np.stack([unit_row(row) for row in averaged])
    distances: np.ndarray = -(of_queries @ of_gallery.T) - to_gallery
    return distances
