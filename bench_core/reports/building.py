"""Builds the report on a result or a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench_core.reports.camera_part import camera_part, confusion_part, tally_searches
from bench_core.reports.document import LeftOut, Part
from bench_core.reports.folder import Page
from bench_core.reports.generated_part import GeneratedPart, generated_part
from bench_core.reports.learning_part import learning_part
from bench_core.reports.map_part import map_part
from bench_core.reports.plain_parts import cost_part, origin_part, scores_part
from bench_core.reports.search_part import first_search, search_part
from bench_core.reports.similarity_part import similarity_part
from bench_core.reports.subjects import open_subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench_core.plugins import Registry
    from bench_core.reports.subjects import Opened, ReportOptions, Subject

NEED_THE_MODEL = "searches, cameras, wrong answers, similarities, maps, generated images"
"""Parts of a report that are made of a model and images."""
NO_PLUGIN = "no installed plugin knows the method; install it"
NO_RECORD = "it is part of a result record; report on that of the run"


def build_report(registry: Registry, path: Path, options: ReportOptions) -> Page:
    """Build the report on a result record or a trained model.

    Args:
        registry: The plugins.
        path: A result record (.json), a training's folder, or a model file.
        options: Where data, models and weights lie.

    Raises:
        BenchError: The path, the dataset or the model is not what it must be.
    """
    opened = open_subject(registry, path, options)
    subject, generated = opened.subject, _generated(opened, options)
    found = [
        *_searched(opened, umap=options.umap),
        *generated.parts,
        *generated.left_out,
        learning_part(opened.log),
    ]
    parts = [scores_part(subject), *(each for each in found if isinstance(each, Part))]
    left_out = [each for each in found if isinstance(each, LeftOut)]
    left_out += _left_out_of(subject)
    if subject.cost is not None:
        parts.append(cost_part(subject.cost))
    parts.append(origin_part(subject))
    return Page(
        title=_title(subject),
        synthetic=subject.synthetic,
        parts=tuple(parts),
        left_out=tuple(left_out),
        facts={
            "protocol": subject.protocol,
            "convention": subject.convention,
            "rerank": subject.reranker is not None,
            "mean": subject.scores.mean.by_name(),
            "image_quality": [quality.as_document() for quality in generated.quality],
        },
    )


def _left_out_of(subject: Subject) -> Iterator[LeftOut]:
    """Say what is not known of a subject."""
    if subject.paper is None:
        why = "the method came from outside" if subject.foreign else NO_PLUGIN
        yield LeftOut("paper", why)
    if subject.cost is None:
        why = "nobody can count it of features alone" if subject.foreign else NO_RECORD
        yield LeftOut("cost", why)


def default_folder(path: Path) -> Path:
    """Return where the report on a path lies: in a run's folder, else in the working directory."""
    if path.is_dir():
        return path / "report"
    return path.parent / "report" if path.suffix == ".safetensors" else Path(f"report-{path.stem}")


def _searched(opened: Opened, *, umap: bool) -> Iterator[Part | LeftOut]:
    """Yield what the features of a model show, and what they do not."""
    subject, trained = opened.subject, opened.trained
    if trained is None:
        yield LeftOut(NEED_THE_MODEL, opened.why_not)
        return
    first = first_search(subject, trained)
    yield search_part(subject, trained, first)
    tally = tally_searches(subject, trained, first)
    yield confusion_part(tally, trained)
    yield camera_part(tally, first)
    yield similarity_part(trained.features, trained.inputs.protocol.spec)
    maps, without = map_part(trained.features, umap=umap)
    if maps is not None:
        yield maps
    yield from without


def _generated(opened: Opened, options: ReportOptions) -> GeneratedPart:
    if opened.trained is None:
        return GeneratedPart(left_out=())
    return generated_part(opened.trained, options)


def _title(subject: Subject) -> str:
    kind = " (synthetic)" if subject.synthetic else ""
    return (
        f"{subject.label} on {subject.dataset}{kind}: {subject.protocol}, "
        f"{subject.convention} galleries"
    )
