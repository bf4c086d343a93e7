"""The conformance suite of re-rankers: what every one must hold to, as named checks.

A plugin's tests run them through pytest:

    @pytest.mark.parametrize("check", reranker_checks(SPEC), ids=str)
    def test_conformance(check):
        check.run()
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import numpy as np

from bench_core.configuration import (
    RerankerConfig,
    parse_assignments,
    validate_config,
)
from bench_core.contracts.errors import PluginError, UsageError
from bench_core.contracts.images import INFRARED, VISIBLE
from bench_core.contracts.method import Metric
from bench_core.contracts.reranker import RerankerSpec
from bench_core.evaluation.reranking.contract import Reranker, RerankerInput, SearchedImages
from bench_core.loading import load_reranker
from bench_core.nested_values import merged
from bench_core.scoring.reranking import NO_PROTOCOL, checked_distances, own_config
from bench_core.system.guard import Guard, Kind
from bench_core.testing.checks import Check
from bench_core.testing.conformance import DeedError, NothingToldError
from bench_core.testing.rules import Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

FloatArray: TypeAlias = "NDArray[np.floating[Any]]"

TOLERANCE = 1e-4
"""Largest difference between distances that should be equal, relative to the largest one."""
SHAPE, REPEATED = "distances-have-the-contracted-shape", "distances-are-deterministic"
_EVERYTHING = "Nothing but the images may count: "


def reranker_checks(spec: RerankerSpec, assignments: Sequence[str] = ()) -> list[Check]:
    """Return the checks of a re-ranker.

    Args:
        spec: The re-ranker.
        assignments: `key=value` texts over its default settings.

    Returns:
        Checks, in the order of what they build on.
    """
    suite = _Suite(spec, tuple(assignments))
    return [
        Check(
            f"{spec.id}:{rule.name}",
            getattr(suite, rule.name.replace("-", "_")),
            rule.part,
            rule.mend,
            rule.needs,
        )
        for rule in RERANKER_RULES
    ]


RERANKER_RULES = (
    Rule(
        "unknown-keys-are-refused",
        "config",
        "Derive the settings from bench_core.rerankers.RerankerConfig, and set no model_config of "
        "your own.",
        (),
    ),
    Rule(
        "the-settings-round-trip",
        "config",
        "A validator or serialiser changes what it is given, or by_protocol has a wrong value. "
        "Results store the settings as JSON: what is read back must be what was written.",
        (),
    ),
    Rule(
        SHAPE,
        "rerank",
        "Return a NumPy array of floats (queries, gallery images), finite, for either metric and "
        "any number of views.",
        (),
    ),
    Rule(
        REPEATED,
        "rerank",
        "Draw no random numbers, and keep nothing from one call to the next.",
        (SHAPE,),
    ),
    Rule(
        "distances-follow-the-order-of-the-gallery",
        "rerank",
        _EVERYTHING + "in another order of gallery images come the same distances in that order.",
        (REPEATED,),
    ),
    Rule(
        "distances-follow-the-order-of-the-queries",
        "rerank",
        _EVERYTHING + "in another order of queries come the same distances in that order.",
        (REPEATED,),
    ),
    Rule(
        "few-images-are-ranked",
        "rerank",
        "A group may have one query and one gallery image: a number of neighbours beyond that of "
        "the images means all images.",
        (SHAPE,),
    ),
    Rule(
        "equal-images-are-ranked",
        "rerank",
        "Images may be equal, so that distances are 0: divide by none of them.",
        (SHAPE,),
    ),
    Rule(
        "images-are-left-unchanged",
        "rerank",
        "Work on a copy of features and distances: the next re-ranker is given the same arrays.",
        (SHAPE,),
    ),
    Rule(
        "the-network-is-not-used",
        "rerank",
        "A result must be the same where there is no network.",
        (SHAPE,),
    ),
    Rule(
        "no-file-is-written-elsewhere",
        "rerank",
        "Write into a folder of tempfile, or write nothing.",
        (SHAPE,),
    ),
)


class _Suite:
    def __init__(self, spec: RerankerSpec, assignments: tuple[str, ...]) -> None:
        self._spec, self._assignments = spec, assignments
        packages = {name.partition(".")[0] for name in (spec.reranker, spec.config)}
        self._guard = Guard(packages, [Path(tempfile.gettempdir())])

    def unknown_keys_are_refused(self) -> None:
        own = own_config(self._spec, NO_PROTOCOL)
        values = {**own.model_dump(mode="json"), "no_such_key": 1}
        try:
            validate_config(type(own), values)
        except UsageError:
            return
        raise PluginError("the settings accept an unknown key; derive them from RerankerConfig")

    def the_settings_round_trip(self) -> None:
        for protocol in (NO_PROTOCOL, *self._spec.by_protocol):
            config = own_config(self._spec, protocol)
            written = config.model_dump(mode="json")
            read = validate_config(type(config), written)
            changed = [key for key, value in read.model_dump(mode="json").items()
                       if value != written.get(key)]  # fmt: skip
            _require(
                read == config and not changed,
                f"the settings for {protocol} are others when they are read back"
                + (f": {', '.join(changed)}" if changed else ""),
            )

    def distances_have_the_contracted_shape(self) -> None:
        for images in _searches():
            self._distances(images)

    def distances_are_deterministic(self) -> None:
        for images in _searches():
            reranker = self._build()
            first, second = (self._distances(images, reranker) for _ in range(2))
            another = self._distances(images)
            _require(
                np.array_equal(first, second) and np.array_equal(first, another),
                "distances are others at the second time",
            )

    def distances_follow_the_order_of_the_gallery(self) -> None:
        for images in _searches():
            order = np.random.default_rng(5).permutation(len(images.gallery))
            self._require_same_in_order(images, np.arange(len(images.query)), order, "gallery")

    def distances_follow_the_order_of_the_queries(self) -> None:
        for images in _searches():
            order = np.random.default_rng(6).permutation(len(images.query))
            self._require_same_in_order(images, order, np.arange(len(images.gallery)), "queries")

    def few_images_are_ranked(self) -> None:
        for num_queries, num_gallery in ((1, 1), (1, 4), (4, 1)):
            for images in _searches(num_queries, num_gallery):
                self._distances(images)

    def equal_images_are_ranked(self) -> None:
        for images in _searches(equal=True):
            self._distances(images)

    def images_are_left_unchanged(self) -> None:
        for images in _searches():
            query, gallery = images.query.copy(), images.gallery.copy()
            given = self._input(images)
            before = self._rows(given)
            self._distances(images, given=given)
            _require(
                np.array_equal(images.query, query) and np.array_equal(images.gallery, gallery),
                "rerank changes the features that it is given",
            )
            _require(
                np.array_equal(self._rows(given), before),
                "rerank changes the distances that it is given",
            )

    def the_network_is_not_used(self) -> None:
        self._refuse("network", "it reaches for the network")

    def no_file_is_written_elsewhere(self) -> None:
        self._refuse("file", "it changes files")

    def _refuse(self, kind: Kind, message: str) -> None:
        try:
            self._distances(next(_searches()))
        except Exception as error:
            self._refuse_deeds(kind, message)
            raise NothingToldError(SHAPE) from error
        self._refuse_deeds(kind, message)

    def _refuse_deeds(self, kind: Kind, message: str) -> None:
        for deed in self._guard.deeds:
            if deed.kind == kind:
                raise DeedError(f"{message}: {deed.what}", deed.place)

    def _require_same_in_order(
        self,
        images: SearchedImages,
        queries: NDArray[np.int64],
        gallery: NDArray[np.int64],
        what: str,
    ) -> None:
        before = self._distances(images)[np.ix_(queries, gallery)]
        ordered = self._input(images).subset(queries, gallery)
        after = self._distances(images, given=ordered)
        difference, largest = float(np.abs(after - before).max()), float(np.abs(before).max())
        _require(
            difference <= TOLERANCE * largest,
            f"in another order of {what}, distances differ by {difference:.2g} where the largest "
            f"is {largest:.2g}",
        )

    def _distances(
        self,
        images: SearchedImages,
        reranker: Reranker[Any] | None = None,
        given: RerankerInput | None = None,
    ) -> FloatArray:
        chosen, taken = reranker or self._build(), given or self._input(images)
        with self._guard.watching():
            distances = chosen.rerank(taken)
        return checked_distances(distances, taken)

    def _build(self) -> Reranker[Any]:
        own = own_config(self._spec, NO_PROTOCOL)
        changes = parse_assignments(self._assignments)
        config: RerankerConfig = validate_config(
            type(own), merged(own.model_dump(mode="json"), changes)
        )
        with self._guard.watching():
            reranker: Reranker[Any] = load_reranker(self._spec, config)
        return reranker

    def _input(self, images: SearchedImages) -> RerankerInput:
        return RerankerInput(images, self._spec.needs)

    def _rows(self, given: RerankerInput) -> FloatArray:
        """Return all distances, where the re-ranker is given them."""
        if "distances" not in self._spec.needs:
            return np.zeros(0)
        rows = given.distances.rows(0, given.num_queries + given.num_gallery)
        return np.array(rows)


def _searches(
    num_queries: int = 14, num_gallery: int = 17, *, equal: bool = False
) -> Iterator[SearchedImages]:
    """Draw searches, the same each time: of either metric, with one view and with two."""
    for metric in get_args(Metric):
        for num_views in (1, 2):
            random = np.random.default_rng(7)
            people = random.standard_normal((5, num_views, 6))
            shown = random.integers(0, 5, num_queries + num_gallery)
            noise = random.standard_normal((len(shown), num_views, 6))
            features = np.ones_like(noise) if equal else people[shown] + 0.4 * noise
            cameras = random.integers(1, 5, len(shown))
            yield SearchedImages(
                query=features[:num_queries].astype(np.float32),
                gallery=features[num_queries:].astype(np.float32),
                metric=metric,
                query_cameras=cameras[:num_queries],
                gallery_cameras=cameras[num_queries:],
                modalities=(INFRARED, VISIBLE),
            )


def _require(holds: bool, message: str) -> None:  # noqa: FBT001
    if not holds:
        raise PluginError(message)
