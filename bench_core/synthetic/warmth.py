"""How warm a person's surfaces look to a far-infrared camera: bare skin most, what hangs off least.

Dyes and prints hardly show. What a garment lets through depends on how far it stands off the body.
"""

from __future__ import annotations

from dataclasses import replace

from bench_core.synthetic.materials import Material
from bench_core.synthetic.randomness import Randomness
from bench_core.synthetic.wardrobe import Bottom, Fabric, Top

Range = tuple[float, float]

SKIN: Range = (0.7, 0.84)
HAIR: Range = (0.42, 0.56)
HAT: Range = (0.34, 0.48)
SHOES: Range = (0.28, 0.42)
BAG: Range = (0.06, 0.18)

CLOTH: Range = (0.32, 0.64)
TIGHT_CLOTH = 0.58
COOLING_PER_METRE = 8.0
"""How much cooler cloth is for each metre that it stands off the body."""

CLOTH_SPREAD = 0.07
BOTTOM = -0.06
"""How much warmer trousers are than a top as loose: legs are cooler than a trunk."""

PRINT = -0.025
SLEEVE = -0.03
BELOW_OUTER = 0.05
"""What an open jacket shows is warmer than the jacket."""


def warmed(material: Material, limits: Range, heat: Randomness) -> Material:
    """Return a material with an apparent temperature drawn from a range."""
    return replace(material, thermal=heat.uniform(*limits))


def warmed_top(top: Top, heat: Randomness) -> Top:
    """Return a top with the temperatures of its cloth, its sleeves and what it is worn over."""
    warmth = _cloth_warmth(top.ease, heat)
    return replace(
        top,
        fabric=_warmed_fabric(top.fabric, warmth),
        sleeves=_warmed_fabric(top.sleeves, warmth + SLEEVE),
        inner=replace(top.inner, thermal=warmth + BELOW_OUTER),
    )


def warmed_bottom(bottom: Bottom, heat: Randomness) -> Bottom:
    """Return trousers or a skirt with the temperature of their cloth."""
    warmth = _cloth_warmth(bottom.ease, heat) + BOTTOM
    return replace(bottom, fabric=_warmed_fabric(bottom.fabric, warmth))


def _cloth_warmth(ease: float, heat: Randomness) -> float:
    warmth = TIGHT_CLOTH - COOLING_PER_METRE * ease + heat.normal(0, CLOTH_SPREAD)
    return min(max(warmth, CLOTH[0]), CLOTH[1])


def _warmed_fabric(fabric: Fabric, warmth: float) -> Fabric:
    return replace(
        fabric,
        base=replace(fabric.base, thermal=warmth),
        accent=replace(fabric.accent, thermal=warmth + PRINT),
    )
