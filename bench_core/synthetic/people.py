"""People: everything that belongs to an identity and is the same in all of its images."""

from __future__ import annotations

from dataclasses import dataclass

from bench_core.synthetic import warmth
from bench_core.synthetic.materials import Material, sample_hair, sample_leather, sample_skin
from bench_core.synthetic.randomness import Randomness
from bench_core.synthetic.wardrobe import Bottom, Top, sample_bottom, sample_top

PERSON_STREAM = 2
WARMTH_STREAM = 5
FEMININE = 0.45

HAIR_STYLES = ("bald", "short", "full", "bob", "long", "ponytail", "bun")
HATS = ("none", "cap", "beanie", "brim")
BAGS = ("none", "backpack", "messenger", "tote", "handbag", "suitcase")
ANY_SIDE = "any side"
FRONT = "front"
BACK = "back"
VIEWS = (ANY_SIDE, FRONT, BACK)


@dataclass(frozen=True)
class Body:
    """Build of a person.

    Attributes:
        height: Standing height in metres.
        girth: Width and depth against an average person's; 1 is average.
        shoulders: Shoulder breadth against an average person's.
        hips: Hip breadth against an average person's.
        waist: How far the waist is drawn in, in [0, 1].
        belly: How far the belly stands out, in metres.
        legs: Height of the crotch as a share of the standing height.
        head: Size of the head against an average person's.
    """

    height: float
    girth: float
    shoulders: float
    hips: float
    waist: float
    belly: float
    legs: float
    head: float


@dataclass(frozen=True)
class Carried:
    """A bag.

    Attributes:
        kind: One of `BAGS`.
        side: -1 or 1: which hand or shoulder.
        size: Against an average one.
        material: What it is made of.
        trim: Its flap, pocket and straps.
    """

    kind: str
    side: int
    size: float
    material: Material
    trim: Material


@dataclass(frozen=True)
class Person:
    """An identity.

    Attributes:
        body: Build.
        skin: Skin.
        hair_style: One of `HAIR_STYLES`.
        hair: Hair colour.
        hat: One of `HATS`.
        hat_material: What the hat is made of.
        top: What covers the trunk and the arms.
        bottom: What covers the legs.
        shoes: What the shoes are made of.
        soles: What their soles are made of.
        boots: Height of the shoes' shaft, as a share of the shin.
        bag: What is carried.
        stride: Length of the stride against an average person's.
        arm_spread: How far the arms hang from the trunk, in radians.
        view: One of `VIEWS`: from where the cameras see them.
    """

    body: Body
    skin: Material
    hair_style: str
    hair: Material
    hat: str
    hat_material: Material
    top: Top
    bottom: Bottom
    shoes: Material
    soles: Material
    boots: float
    bag: Carried
    stride: float
    arm_spread: float
    view: str = ANY_SIDE


def sample_person(
    seed: int, identity: int, *, feminine: bool | None = None, view: str = ANY_SIDE
) -> Person:
    """Draw a person.

    Args:
        seed: Seed of the dataset; >= 0.
        identity: Number of the person; >= 0.
        feminine: Whose build, hair and clothes it has; None leaves it to chance.
        view: One of `VIEWS`.

    Returns:
        The same person for the same arguments.
    """
    rng = Randomness(seed, PERSON_STREAM, identity)
    heat = Randomness(seed, WARMTH_STREAM, identity)
    by_chance = rng.chance(FEMININE)
    feminine = by_chance if feminine is None else feminine
    top = sample_top(rng, feminine=feminine)
    return Person(
        body=_sample_body(rng, feminine=feminine),
        skin=warmth.warmed(sample_skin(rng), warmth.SKIN, heat),
        hair_style=_sample_hair_style(rng, feminine=feminine),
        hair=warmth.warmed(sample_hair(rng), warmth.HAIR, heat),
        hat=HATS[rng.choose((0.64, 0.16, 0.11, 0.09))],
        hat_material=warmth.warmed(sample_leather(rng), warmth.HAT, heat),
        top=warmth.warmed_top(top, heat),
        bottom=warmth.warmed_bottom(
            sample_bottom(rng, feminine=feminine, under_dress=top.kind == "dress"), heat
        ),
        shoes=warmth.warmed(sample_leather(rng), warmth.SHOES, heat),
        soles=Material((0.75, 0.74, 0.72), 0.6) if rng.chance(0.4) else sample_leather(rng),
        boots=rng.uniform(0.3, 0.9) if rng.chance(0.2) else 0.0,
        bag=_sample_bag(rng, heat),
        stride=rng.uniform(0.8, 1.2),
        arm_spread=rng.uniform(0.06, 0.2),
        view=view,
    )


def _sample_body(rng: Randomness, *, feminine: bool) -> Body:
    return Body(
        height=rng.normal(1.64 if feminine else 1.75, 0.065),
        girth=min(max(rng.normal(0.96 if feminine else 1.02, 0.13), 0.76), 1.38),
        shoulders=rng.normal(0.93 if feminine else 1.03, 0.045),
        hips=rng.normal(1.05 if feminine else 0.97, 0.05),
        waist=rng.uniform(0.5, 1.0) if feminine else rng.uniform(0.0, 0.5),
        belly=max(0.0, rng.normal(0.0, 0.035)),
        legs=min(max(rng.normal(0.47, 0.012), 0.445), 0.495),
        head=rng.normal(1.0, 0.045),
    )


def _sample_hair_style(rng: Randomness, *, feminine: bool) -> str:
    if feminine:
        return HAIR_STYLES[rng.choose((0.0, 0.08, 0.08, 0.24, 0.30, 0.20, 0.10))]
    return HAIR_STYLES[rng.choose((0.10, 0.55, 0.25, 0.05, 0.03, 0.01, 0.01))]


def _sample_bag(rng: Randomness, heat: Randomness) -> Carried:
    return Carried(
        kind=BAGS[rng.choose((0.20, 0.28, 0.18, 0.12, 0.14, 0.08))],
        side=-1 if rng.chance(0.5) else 1,
        size=rng.uniform(0.8, 1.25),
        material=warmth.warmed(sample_leather(rng), warmth.BAG, heat),
        trim=warmth.warmed(sample_leather(rng), warmth.BAG, heat),
    )
