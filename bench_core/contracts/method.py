"""What a method is: a paper, its variants and presets, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

Metric: TypeAlias = Literal["euclidean", "cosine"]
Precision: TypeAlias = Literal["float32", "tf32", "bfloat16"]
"""Number format of convolutions and matrix products, in training and extraction.

"float32" is IEEE single precision and nothing less; "tf32" rounds factors to 10 bits of mantissa,
on CUDA alone; "bfloat16" is mixed precision under autocast.
"""
Selection: TypeAlias = Literal["last", "validation"]
"""Which state of a training is kept: that after the last epoch, or the best on validation people.

There is no selection on test people.
"""
BatchStatistics: TypeAlias = Literal["whole", "share"]
"""What batch normalisation in training normalises a batch by that is divided into shares.

"whole" are the statistics of all of it, as if it were not divided; "share" are those of each share.
"""


QUICK: Mapping[str, Any] = MappingProxyType(
    {"backbone": "small", "weights": "none", "image_height": 96, "image_width": 48}
)
"""What the preset "quick" of every method with a backbone sets: small networks, small images."""


Fidelity: TypeAlias = Literal["verified", "from paper", "from description"]
"""What an implementation rests on: checked against the numbers of the authors' own code; written
from equations and figures that the authors published, in the paper or with their code; or from a
description that leaves open what the paper did."""
FROM_DESCRIPTION: Fidelity = "from description"

PaperKind: TypeAlias = Literal["inproceedings", "article", "misc"]
"""What a publication is, in the words of BibTeX: of a conference, of a journal, or neither."""


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Where a method was published.

    Attributes:
        title: As it is printed.
        authors: Their names, parted by commas: "G. Wang, T. Zhang".
        venue: Conference or journal.
        year: Of the publication.
        kind: What a citation calls it.
        volume: Of the journal or the proceedings, where it is known; likewise the next three.
        number: Within the volume.
        pages: First and last, such as "155-161".
        url: Where it can be read.
    """

    title: str
    authors: str
    venue: str
    year: int
    kind: PaperKind = "misc"
    volume: str = ""
    number: str = ""
    pages: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class VariantSpec:
    """A named ablation of a paper: what it changes against the full method.

    Attributes:
        name: Used as `method:name`.
        summary: One line, with the paper's table where it has one.
        values: Configuration values that the variant fixes.
    """

    name: str
    summary: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PresetSpec:
    """A named set of configuration values, such as the paper's or one for a laptop."""

    name: str
    summary: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MethodSpec:
    """A method as its plugin registers it; nothing here imports torch.

    Attributes:
        id: Short name, such as "xiv".
        title: Name for people.
        paper: The publication.
        variants: The first is the whole method, called "full", used when a command names none.
        presets: Must include "paper" and "quick".
        method: "module:Class" of a `bench_core.methods.Method`.
        config: "module:Class" of its configuration, a `MethodConfig`.
        fidelity: What the implementation rests on; None where its author does not say. Every table
            marks what is from a description: it is no reproduction.
    """

    id: str
    title: str
    paper: Paper
    variants: tuple[VariantSpec, ...]
    presets: tuple[PresetSpec, ...]
    method: str
    config: str
    fidelity: Fidelity | None = None

    def label(self, variant: VariantSpec) -> str:
        """Return the name of a variant on the command line: the first one's is the method's own."""
        return self.id if variant == self.variants[0] else f"{self.id}:{variant.name}"
