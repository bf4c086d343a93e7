"""The three streams of CAJ: visible, visible with exchanged channels, infrared."""

from __future__ import annotations

from collections.abc import Mapping

from bench_caj.config import CAJConfig
from bench_core import INFRARED, VISIBLE
from bench_core.methods import (
    CopyChannel,
    Erase,
    Flip,
    Grayscale,
    ImageStep,
    InOrder,
    Normalized,
    OneOf,
    PadAndCrop,
    Sometimes,
    View,
)

EXCHANGED = "exchanged"
"""The view of visible images with exchanged channels."""


def views_of(config: CAJConfig) -> Mapping[str, View]:
    """Return the streams by name; the exchanged one only where channels are exchanged.

    Each augments the images of a batch for itself: the two copies of a visible image are flipped,
    cropped and erased independently.
    """
    common = common_steps(config)
    if not config.channel_exchange:
        return {VISIBLE: View(VISIBLE, common), INFRARED: View(INFRARED, common)}
    return {
        VISIBLE: View(VISIBLE, common),
        EXCHANGED: View(VISIBLE, InOrder(common, Normalized(CopyChannel()))),
        INFRARED: View(INFRARED, InOrder(common, Normalized(infrared_exchange()))),
    }


def common_steps(config: CAJConfig) -> ImageStep:
    """Return what all streams begin with: pad, crop, flip and, with channel erasing, erase.

    The value of an erased pixel is that before the normalisation, as anywhere in the harness.
    """
    wanted = config.augmentation
    moves = InOrder(PadAndCrop(wanted.padding), Flip(wanted.flip))
    if not config.channel_erasing:
        return moves
    return InOrder(moves, Erase(probability=wanted.erasing, values=wanted.erasing_values))


def infrared_exchange() -> ImageStep:
    """Return the exchange of infrared images, on normalised ones.

    One of four cases, equally likely: the first, second or third channel in place of all; or grey
    with probability 0.5, else nothing. As each channel is normalised by itself, the three channels
    of an infrared image differ, and no case is without effect but the last.
    """
    channels = (CopyChannel(channel) for channel in range(3))
    return OneOf(*channels, Sometimes(Grayscale(), 0.5))
