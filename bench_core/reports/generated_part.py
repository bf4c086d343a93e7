"""The part of a report that shows what a method generates, and measures it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench_core.contracts.errors import UsageError
from bench_core.contracts.images import MODALITIES
from bench_core.figures.drawing import png_bytes
from bench_core.figures.histograms import draw_channel_intensities
from bench_core.figures.image_grids import draw_image_grid
from bench_core.pipeline.embeddings import tested_rows
from bench_core.reports.document import LeftOut, Part, Picture, Table
from bench_core.reports.generated import Generated, Pairs, draw_pairs, generate, mix
from bench_core.reports.quality import Quality, measure_quality
from bench_core.training.pictures import MixesImages

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench_core.reports.subjects import ReportOptions, Trained

NUM_SHOWN = 10
"""People of a grid."""
NUM_STRIPS = 2
"""Mixing strips of each modality."""
MEASURES = (
    "MD is the mean distance of a generated image to the real one that it was made of, FID the "
    "Fréchet distance of generated images to real ones of the same modality; smaller is better. "
    "The method's own embeddings have length 1 and are those that it gives infrared images; values "
    "over them compare with no other method."
)
ALPHAS = (0.9, 0.7, 0.5, 0.3, 0.1)


@dataclass(frozen=True, kw_only=True)
class GeneratedPart:
    """What was generated, with what was not.

    Attributes:
        parts: One part, or none.
        left_out: What is missing.
        quality: The measures, where there are any.
    """

    parts: tuple[Part, ...] = ()
    left_out: tuple[LeftOut, ...]
    quality: tuple[Quality, ...] = ()


def generated_part(trained: Trained, options: ReportOptions) -> GeneratedPart:
    """Show and measure the pictures of a method.

    Raises:
        PluginError: The method's pictures are not what they must be.
        CheckpointError: The weights of the Inception network cannot be used.
    """
    inputs, model = trained.inputs, trained.model
    pixels = inputs.images(model.config.image_size, model.config.resize_filter).pixels
    pairs = draw_pairs(inputs.dataset.images, tested_rows(model, inputs), pixels)
    if not len(pairs):
        return _nothing("no test person is seen in both modalities")
    made = generate(model.method, pairs, options.device)
    if made is None:
        return _nothing("the method, or this variant of it, generates none")
    strips, left_out = _strips(trained, pairs, options)
    quality, tables, unmeasured = _quality(made, options)
    return GeneratedPart(
        parts=(
            Part(
                heading="Generated images",
                text=(*_explanation(trained, len(pairs)), *([MEASURES] if quality else [])),
                tables=tables,
                pictures=(_grid(made), *strips, _intensities(made)),
            ),
        ),
        left_out=(*left_out, *unmeasured),
        quality=tuple(quality),
    )


def _nothing(why: str) -> GeneratedPart:
    return GeneratedPart(left_out=(LeftOut("generated images", why),))


def _explanation(trained: Trained, num_pairs: int) -> tuple[str, ...]:
    source = (
        f"Made of {num_pairs} pairs of images of test people, drawn at random; column by column "
        "one person. The method has not seen these people in training."
    )
    changed = (
        "The method's code has changed since the training: these are the pictures it makes now."
    )
    return (source, changed) if trained.code_changed else (source,)


def _grid(made: Generated) -> Picture:
    rows = {name: images[:NUM_SHOWN] for name, images in made.pictures.items()}
    return Picture(
        name="generated",
        caption="Real and generated images of the same people.",
        png=png_bytes(draw_image_grid(rows)),
    )


def _intensities(made: Generated) -> Picture:
    return Picture(
        name="channel-intensities",
        caption="How bright the colour channels are: the mean of a channel over the pixels of an "
        "image, as a histogram over images.",
        png=png_bytes(draw_channel_intensities(made.pictures)),
    )


def _strips(
    trained: Trained, pairs: Pairs, options: ReportOptions
) -> tuple[list[Picture], list[LeftOut]]:
    method = trained.model.method
    if not isinstance(method, MixesImages):
        return [], []
    if len(pairs) < 2 * NUM_STRIPS:
        return [], [LeftOut("mixed images", "too few test people are seen in both modalities")]
    rows: dict[str, NDArray[np.uint8]] = {}
    try:
        for modality in MODALITIES:
            for number in range(NUM_STRIPS):
                two = pairs.of(modality)[2 * number : 2 * number + 2]
                name = f"{modality} {number + 1}"
                rows[name] = mix(method, two, modality, ALPHAS, options.device)
    except UsageError as error:
        return [], [LeftOut("mixed images", str(error))]
    titles = ["first", *(f"{alpha:g}" for alpha in ALPHAS), "second"]
    picture = Picture(
        name="mixing",
        caption="Two real images, left and right, and mixes of both; above each the share of the "
        "first.",
        png=png_bytes(draw_image_grid(rows, titles)),
    )
    return [picture], []


def _quality(
    made: Generated, options: ReportOptions
) -> tuple[list[Quality], tuple[Table, ...], tuple[LeftOut, ...]]:
    inception = None
    if options.inception is not None:
        from bench_core.modeling.inception import InceptionFeatures

        inception = InceptionFeatures(options.inception, options.device)
    quality = measure_quality(made, inception)
    if not quality:
        why = "the method generates no images, or only one, of one of the two modalities"
        return [], (), (LeftOut("MD and FID of generated images", why),)
    missing = LeftOut(
        "FID over an Inception network", "no weights were given; name a file with --inception FILE"
    )
    name = "" if inception is None else inception.name
    return quality, (_quality_table(quality, name),), () if inception else (missing,)


def _quality_table(quality: list[Quality], inception: str) -> Table:
    columns = ["generated", "images", "MD, own embedding", "FID, own embedding"]
    if inception:
        columns.append(f"FID, {inception}")
    return Table(columns=tuple(columns), rows=tuple(_quality_row(each) for each in quality))


def _quality_row(quality: Quality) -> tuple[str, ...]:
    fid = quality.inception_fid
    return (
        quality.images,
        str(quality.num_images),
        f"{quality.mean_distance:.3f}",
        f"{quality.fid:.4f}",
        *(() if fid is None else (f"{fid:.2f}",)),
    )
