"""Clothes: cuts, cloth and patterns of what people wear."""

from __future__ import annotations

from dataclasses import dataclass

from bench_core.synthetic.bands import Band
from bench_core.synthetic.elementary import Field
from bench_core.synthetic.materials import Material, sample_accent, sample_cloth
from bench_core.synthetic.patterns import (
    PATTERNS,
    PLAIN,
    Pattern,
    Surface,
    accent_mask,
    sample_pattern,
)
from bench_core.synthetic.randomness import Randomness

SHORT_SLEEVE = (0.34, 0.48)
"""Range of the length of a short sleeve, as a share of the arm."""

WOVEN = ("checks", "vertical", "horizontal")
TROUSER_PATTERNS = ("side-panels", "checks", "vertical")
SKIRT_PATTERNS = ("checks", "horizontal", "vertical", "dots")


@dataclass(frozen=True)
class Fabric:
    """Cloth with a pattern, wrinkled or not.

    Attributes:
        base: What most of it is made of.
        accent: What the pattern is made of.
        pattern: Geometry of the pattern.
        folds: How strongly creases show, in [0, 1].
    """

    base: Material
    accent: Material
    pattern: Pattern
    folds: float

    def paint(self, surface: Surface, band: Band) -> Field:
        """Return the reflectance of every pixel, float32 (C, h, w) or (C, 1, 1)."""
        base = self.base.tone(band)
        if self.pattern.kind == PLAIN:
            return base
        return base + accent_mask(self.pattern, surface) * (self.accent.tone(band) - base)


@dataclass(frozen=True)
class Top:
    """What covers the trunk and the arms.

    Attributes:
        kind: A key of `TOP_CUTS`.
        fabric: Cloth of the trunk.
        sleeves: Cloth of the sleeves.
        sleeve_length: Share of the arm that is covered, 0 to 1.
        hem: Height of the lower edge as a share of the body's height.
        ease: How far the cloth stands off the body, in metres.
        flare: Widening of the lower edge below the hips, in metres.
        opening: Half width (radians) of the open front; 0 is closed.
        inner: What shows in the opening.
        collar: Collar or hood: "none", "collar" or "hood".
    """

    kind: str
    fabric: Fabric
    sleeves: Fabric
    sleeve_length: float
    hem: float
    ease: float
    flare: float
    opening: float
    inner: Material
    collar: str


@dataclass(frozen=True)
class Bottom:
    """What covers the legs.

    Attributes:
        kind: "trousers", "jeans", "leggings", "shorts" or "skirt".
        fabric: Its cloth.
        length: Share of the leg, from the crotch to the ankle, that is covered.
        ease: How far the cloth stands off the leg, in metres.
        flare: Widening at the lower edge, in metres.
    """

    kind: str
    fabric: Fabric
    length: float
    ease: float
    flare: float


@dataclass(frozen=True)
class _TopCut:
    """Ranges that a kind of top is drawn from."""

    hem: tuple[float, float]
    ease: tuple[float, float]
    flare: tuple[float, float]
    long_sleeves: float  # probability
    open_front: float  # probability
    collar: str
    patterns: tuple[str, ...]
    patterned: float  # probability


TOP_CUTS = {
    "t-shirt": _TopCut(
        (0.46, 0.53), (0.006, 0.022), (0, 0.01), 0.15, 0, "none", tuple(PATTERNS), 0.88
    ),
    "shirt": _TopCut((0.46, 0.58), (0.008, 0.02), (0, 0.01), 0.6, 0.15, "collar", WOVEN, 0.8),
    "hoodie": _TopCut(
        (0.47, 0.53), (0.018, 0.032), (0, 0.005), 1, 0.3, "hood", tuple(PATTERNS), 0.75
    ),
    "jacket": _TopCut(
        (0.46, 0.54),
        (0.02, 0.045),
        (0, 0.012),
        1,
        0.55,
        "collar",
        ("chest-band", "lower-block", "horizontal", "side-panels"),
        0.7,
    ),
    "coat": _TopCut(
        (0.26, 0.40),
        (0.02, 0.04),
        (0.01, 0.06),
        1,
        0.4,
        "collar",
        ("checks", "lower-block", "vertical"),
        0.55,
    ),
    "dress": _TopCut(
        (0.22, 0.38), (0.004, 0.012), (0.03, 0.14), 0.35, 0, "none", tuple(PATTERNS), 0.85
    ),
}


def sample_top(rng: Randomness, *, feminine: bool) -> Top:
    """Draw what covers the trunk and the arms."""
    kinds = tuple(TOP_CUTS)
    weights = (0.30, 0.15, 0.13, 0.15, 0.10, 0.17) if feminine else (0.36, 0.2, 0.17, 0.2, 0.07, 0)
    kind = kinds[rng.choose(weights)]
    cut = TOP_CUTS[kind]
    fabric = _sample_fabric(rng, cut.patterns, cut.patterned)
    long_sleeves = rng.chance(cut.long_sleeves)
    return Top(
        kind=kind,
        fabric=fabric,
        sleeves=_sample_sleeves(rng, fabric),
        sleeve_length=1.0 if long_sleeves else rng.uniform(*SHORT_SLEEVE),
        hem=rng.uniform(*cut.hem),
        ease=rng.uniform(*cut.ease),
        flare=rng.uniform(*cut.flare),
        opening=rng.uniform(0.15, 0.5) if rng.chance(cut.open_front) else 0.0,
        inner=sample_cloth(rng),
        collar=cut.collar,
    )


def sample_bottom(rng: Randomness, *, feminine: bool, under_dress: bool) -> Bottom:
    """Draw what covers the legs; under a dress, stockings or nothing to the knee."""
    if under_dress:
        return _stockings(rng)
    kinds = ("trousers", "jeans", "leggings", "shorts", "skirt")
    weights = (0.28, 0.22, 0.15, 0.12, 0.23) if feminine else (0.42, 0.34, 0.02, 0.22, 0.0)
    kind = kinds[rng.choose(weights)]
    patterns, patterned = (SKIRT_PATTERNS, 0.6) if kind == "skirt" else (TROUSER_PATTERNS, 0.35)
    lengths = {"shorts": (0.3, 0.55), "skirt": (0.28, 0.8)}
    eases = {"leggings": (0.002, 0.005), "skirt": (0.012, 0.03), "shorts": (0.015, 0.04)}
    flares = {"skirt": (0.0, 0.16), "leggings": (0.0, 0.001), "shorts": (0.0, 0.03)}
    return Bottom(
        kind=kind,
        fabric=_sample_fabric(rng, patterns, patterned if kind != "jeans" else 0.0),
        length=rng.uniform(*lengths.get(kind, (0.94, 1.02))),
        ease=rng.uniform(*eases.get(kind, (0.006, 0.03))),
        flare=rng.uniform(*flares.get(kind, (0.0, 0.035))),
    )


def _stockings(rng: Randomness) -> Bottom:
    cloth = sample_cloth(rng)
    length = 1.0 if rng.chance(0.5) else 0.12
    return Bottom("leggings", Fabric(cloth, cloth, Pattern(PLAIN), 0.03), length, 0.003, 0.0)


def _sample_fabric(rng: Randomness, patterns: tuple[str, ...], patterned: float) -> Fabric:
    base = sample_cloth(rng)
    accent = sample_accent(base, rng)
    pattern = sample_pattern(rng, patterns) if rng.chance(patterned) else Pattern(PLAIN)
    return Fabric(base, accent, pattern, rng.uniform(0.05, 0.14))


def _sample_sleeves(rng: Randomness, fabric: Fabric) -> Fabric:
    """Give the sleeves the trunk's cloth, or the pattern's second colour in plain."""
    prints = fabric.pattern.kind in ("disc", "block", "triangle", "side-panels", "lower-block")
    if rng.chance(0.35):
        return Fabric(fabric.accent, fabric.accent, Pattern(PLAIN), fabric.folds)
    if prints:
        return Fabric(fabric.base, fabric.base, Pattern(PLAIN), fabric.folds)
    return fabric
