"""What `bench search --json` prints: what was searched, and what was found for each query."""

# Annotations are evaluated when the classes are made, so this module does not postpone them.

from typing import Annotated, TypeAlias

from pydantic import Field

from bench_core.contracts.images import Modality
from bench_core.contracts.method import Metric
from bench_core.contracts.result import Count, Duration, Lines, Sha256
from bench_core.contracts.scores import PositiveCount, RecordPart

Distance: TypeAlias = Annotated[float, Field(ge=0)]


class FoundImage(RecordPart):
    """A picture of the gallery that was found.

    Attributes:
        rank: From 1, the nearest.
        path: Its file: the gallery's folder, as it was given, and the way from there.
        distance: From the query; the sum over views of the model's metric.
        same_file: Whether it has the very bytes of the query; only with --keep-same-file.
    """

    rank: PositiveCount
    path: str
    distance: Distance
    same_file: bool = False


class QueryFound(RecordPart):
    """What was found for a query.

    Attributes:
        path: Its file.
        left_out: How many files of the gallery were left out because they have its very bytes.
        results: The nearest pictures, the nearest first.
    """

    path: str
    left_out: Count
    results: Annotated[tuple[FoundImage, ...], Field(strict=False)]


class SkippedFile(RecordPart):
    """A file that gives no picture, and was left out.

    Attributes:
        path: Where it is.
        reason: What is wrong with it.
    """

    path: str
    reason: str


class SearchedModel(RecordPart):
    """The model that searched.

    Attributes:
        path: Its file, as it was given.
        method: Id of its method.
        variant: Variant of the method.
        identity: SHA-256 of all that decides its features.
        metric: Distance by which pictures were compared.
    """

    path: str
    method: str
    variant: str
    identity: Sha256
    metric: Metric


class SearchedGallery(RecordPart):
    """The gallery that was searched.

    Attributes:
        folder: Its folder, as it was given.
        modality: What its pictures were taken as.
        images: How many pictures were searched.
        extracted: Of how many of them features were extracted now; those of the others were kept.
    """

    folder: str
    modality: Modality
    images: Count
    extracted: Count


class SearchSeconds(RecordPart):
    """How long it took, in seconds.

    Attributes:
        model: To load the model.
        features: To list files and extract features, of gallery and queries.
        search: To search, for all queries together.
    """

    model: Duration
    features: Duration
    search: Duration


class SearchDocument(RecordPart):
    """What pictures of a folder are nearest to given ones, as `bench search --json` prints it.

    Attributes:
        model: What searched.
        gallery: What was searched.
        query_modality: What the queries were taken as.
        top: How many pictures were asked for.
        queries: What was found for each query, in the order in which they were given; those of a
            folder in the order of their names.
        skipped: Files that give no picture; none without --skip-unreadable.
        warnings: What makes one doubt the result.
        seconds: How long it took.
    """

    model: SearchedModel
    gallery: SearchedGallery
    query_modality: Modality
    top: PositiveCount
    queries: Annotated[tuple[QueryFound, ...], Field(strict=False)]
    skipped: Annotated[tuple[SkippedFile, ...], Field(strict=False)] = ()
    warnings: Lines = ()
    seconds: SearchSeconds
