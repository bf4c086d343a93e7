"""What whoever shows a result has to say of it: never a reason to refuse it, always said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_core.contracts.method import FROM_DESCRIPTION
from bench_core.results.joined import members_of
from bench_core.results.provenance import CORE_DISTRIBUTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench_core.contracts.result import ResultRecord

ORIGINS = {
    "trained-elsewhere": "trained elsewhere",
    "features": "features from outside",
    "given": "gallery as given",
}
NO_PACKAGES_OF_OTHERS = frozenset({"python", *CORE_DISTRIBUTIONS})
CODE_KEYS = ("source", "script")
"""Keys of a configuration that name somebody's own code: of a declared model, of a script."""


def disclosures(record: ResultRecord) -> tuple[str, ...]:
    """Return what is to be said of a result, such as "re-ranked" and "selected on validation".

    Args:
        record: The result.
    """
    said = (text for member in members_of(record) for text in _disclosures(member))
    return tuple(dict.fromkeys(said))


def _disclosures(record: ResultRecord) -> Iterator[str]:
    provenance = record.provenance
    if record.method.fidelity == FROM_DESCRIPTION:
        yield "method from a description"
    if record.protocol.reranker is not None:
        yield "re-ranked"
    if provenance.selection == "validation":
        yield "selected on validation"
    if record.origin.kind in ORIGINS:
        yield ORIGINS[record.origin.kind]
    if record.dataset.evidence == "features":
        yield "images as claimed"
    if provenance.normalized_shares:
        yield "statistics of shares"
    if own := own_code(record):
        yield f"own code: {', '.join(own)}"


def own_code(record: ResultRecord) -> tuple[str, ...]:
    """Return what took part in a result besides this program: packages, or a declared model."""
    versions = record.provenance.versions
    packages = [
        f"{name} {versions[name]}" for name in sorted(versions) if name not in NO_PACKAGES_OF_OTHERS
    ]
    config = record.method.config
    brought = record.origin.kind != "trained-here" and any(config.get(key) for key in CODE_KEYS)
    return (*packages, *(("the model's",) if brought else ()))
