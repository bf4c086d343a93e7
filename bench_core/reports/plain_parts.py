"""The parts of a report that need no images: scores, cost, where a result came from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench_core.contracts.metrics import SUMMARY_RANKS
from bench_core.figures.cmc import draw_cmc
from bench_core.figures.drawing import png_bytes
from bench_core.leaderboard.cells import percent
from bench_core.reports.document import Part, Picture, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench_core.contracts.result import Cost
    from bench_core.contracts.scores import Scores
    from bench_core.reports.subjects import Subject


def scores_part(subject: Subject) -> Part:
    """Return the scores with their CMC curve, and the trials."""
    scores = subject.scores
    names = tuple(scores.mean.by_name())
    gallery = sorted(set(scores.gallery))
    sizes = f"{gallery[0]:,}" if len(gallery) == 1 else f"{gallery[0]:,} to {gallery[-1]:,}"
    trials = f"{len(scores.trials)} trial{'s' if len(scores.trials) > 1 else ''}"
    text = (
        f"{scores.valid_queries:,} of {scores.queries:,} queries have a match in a gallery of "
        f"{sizes} images; {trials}. In percent; the interval of the mean is by bootstrap over "
        "people, the deviation is that of the trials."
    )
    return Part(
        heading="Scores",
        text=(*([f"Method: {subject.paper}."] if subject.paper else []), text, *subject.remarks),
        tables=(
            Table(columns=("", "mean", "deviation", "95 % interval"), rows=tuple(_means(scores))),
            Table(columns=("", *names), rows=tuple(_trials(scores, subject.first_trial))),
        ),
        pictures=(_cmc(scores),),
    )


def cost_part(cost: Cost) -> Part:
    """Return what extraction costs, and how long the run took."""
    rows = {
        "parameters of extraction": f"{cost.parameters / 1e6:.2f} M",
        "multiply-adds of a visible image": _giga(cost.macs_visible),
        "multiply-adds of an infrared image": _giga(cost.macs_infrared),
        "parameters that only training needs": None
        if cost.training_only_parameters is None
        else f"{cost.training_only_parameters / 1e6:.2f} M",
        "images extracted in a second": None
        if cost.images_per_second is None
        else f"{cost.images_per_second:,.0f} in {cost.precision}",
        "time of all trainings": None
        if cost.training_seconds is None
        else f"{cost.training_seconds:,.0f} s",
        "device": cost.device,
    }
    shown = tuple((name, value or "not measured") for name, value in rows.items())
    return Part(heading="Cost", tables=(Table(rows=shown, text=True),))


def origin_part(subject: Subject) -> Part:
    """Return where a subject came from, and its configuration."""
    origin = tuple((name, value) for name, value in subject.origin.items() if value)
    return Part(
        heading="Where it comes from",
        tables=(
            Table(rows=origin, text=True),
            Table(columns=("configuration", ""), rows=tuple(_flat(subject.config)), text=True),
        ),
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of a configuration by their keys, nested ones as in "optimizer.kind"."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value if isinstance(value, str) else json.dumps(value)


def _means(scores: Scores) -> Iterator[tuple[str, ...]]:
    """Yield the mean over trials of each metric, in percent."""
    std, interval = scores.std.by_name(), scores.interval.by_name()
    for name, mean in scores.mean.by_name().items():
        low, high = interval[name]
        ends = f"{100 * low:.1f} to {100 * high:.1f}"
        yield name, percent(mean), percent(std[name]), ends


def _trials(scores: Scores, first: int) -> Iterator[tuple[str, ...]]:
    """Yield the trials, in percent; `first` is the number of the first, from 0."""
    for number, trial in enumerate(scores.trials, start=first + 1):
        metrics = trial.as_metrics().by_name()
        yield (f"trial {number}", *map(percent, metrics.values()))


def _cmc(scores: Scores) -> Picture:
    intervals = scores.interval.by_name()
    figure = draw_cmc(
        [trial.cmc for trial in scores.trials],
        {rank: intervals[f"rank-{rank}"] for rank in SUMMARY_RANKS},
    )
    return Picture(
        name="cmc",
        caption="CMC curve: the mean over trials, with the 95 % interval of the mean by bootstrap "
        "over people, and the spread of the trials.",
        png=png_bytes(figure),
    )


def _giga(macs: int) -> str:
    return f"{macs / 1e9:.3f} G" if macs else "uncounted"
