"""The losses of AlignGAN, against loops over one triplet or one pair after another."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from bench_aligngan.config import AlignGANConfig, Mining
from bench_aligngan.discriminators import (
    JointJudge,
    Judge,
    Pairs,
    SeparateJudges,
    build_infrared_judge,
    build_visible_judge,
)
from bench_aligngan.losses import cross_triplet, triplet
from bench_aligngan.networks import build_feature_discriminator
from bench_core.methods import AdversarialForm

Choose = Callable[..., AlignGANConfig]

NUM_IMAGES, CHANNELS = 2, 5
MININGS: tuple[Mining, ...] = ("all", "hard")
WIDTHS = ("image_height=64", "image_width=64", "discriminator_width=4")


def pairs(requires_grad: bool = False) -> Pairs:
    """Two images of each of three identities, real and fake, with their maps."""
    random = torch.Generator().manual_seed(0)
    shapes = [(6, 3, 64, 64), (6, CHANNELS, 4, 4)] * 2
    return Pairs(
        *(torch.randn(shape, generator=random).requires_grad_(requires_grad) for shape in shapes)
    )


def similarity(first: list[float], second: list[float]) -> float:
    product = sum(a * b for a, b in zip(first, second, strict=True))
    return product / (math.hypot(*first) * math.hypot(*second))


def triplets(
    anchors: torch.Tensor, others: torch.Tensor, labels: list[int], margin: float, mining: str
) -> float:
    """Eq. 3 with the similarities that it means: mean of [m - s(a, p) + s(a, n)]_+."""
    terms: list[float] = []
    for anchor, label in zip(anchors.tolist(), labels, strict=True):
        alike = [similarity(anchor, other) for other in others.tolist()]
        positives = [s for s, other in zip(alike, labels, strict=True) if other == label]
        negatives = [s for s, other in zip(alike, labels, strict=True) if other != label]
        if mining == "hard":
            positives, negatives = [min(positives)], [max(negatives)]
        terms += [max(margin - p + n, 0.0) for p in positives for n in negatives]
    return sum(terms) / len(terms)


@pytest.mark.parametrize("labels", [[7, 7, 1, 1, 3, 3], [7, 7, 7, 1, 1, 3]])
@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("margin", [0.0, 0.3, 1.0])
def test_the_triplet_loss_is_eq_3_in_both_directions(
    margin: float, mining: Mining, labels: list[int]
) -> None:
    first, second = torch.randn(6, 4), torch.randn(6, 4)
    expected = triplets(first, second, labels, margin, mining)
    expected += triplets(second, first, labels, margin, mining)
    value = cross_triplet(first, second, torch.tensor(labels), margin, mining)
    assert value.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("mining", MININGS)
def test_within_one_set_an_anchor_is_a_positive_of_its_own(mining: Mining) -> None:
    embeddings, labels = torch.randn(6, 4), [7, 7, 1, 1, 3, 3]
    expected = triplets(embeddings, embeddings, labels, 1.0, mining)
    value = triplet(embeddings, embeddings, torch.tensor(labels), 1.0, mining)
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_a_worked_triplet() -> None:
    """Identity 0 at 0 and 60 degrees, identity 1 at 90 and 180 degrees."""
    first = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    second = torch.tensor([[0.5, math.sqrt(0.75)], [-1.0, 0.0]])
    labels = torch.tensor([0, 1])
    # Forth: 1 - 0.5 - 1 < 0 and 1 - 0 + sin 60. Back: 1 - 0.5 + sin 60 and 1 - 0 - 1 = 0.
    sine = math.sqrt(0.75)
    expected = (0 + 1 + sine) / 2 + (0.5 + sine + 0) / 2
    for mining in MININGS:  # with one image an identity there is no harder one
        value = cross_triplet(first, second, labels, 1.0, mining)
        assert value.item() == pytest.approx(expected)


@pytest.mark.parametrize("mining", MININGS)
def test_the_triplet_loss_pulls_the_same_identity_together(mining: Mining) -> None:
    """The signs are those of a similarity, whatever Eq. 3 calls it."""
    first = torch.tensor([[1.0, 0.2], [-0.2, 1.0]], requires_grad=True)
    second = torch.tensor([[1.0, -0.2], [0.2, 1.0]])
    labels = torch.tensor([0, 1])
    before = torch.cosine_similarity(first, second).sum().item()
    cross_triplet(first, second, labels, 1.0, mining).backward()  # type: ignore[no-untyped-call]
    assert first.grad is not None
    after = torch.cosine_similarity(first - 0.1 * first.grad, second).sum().item()
    assert after > before


@pytest.mark.parametrize("mining", MININGS)
def test_the_triplet_loss_is_single_precision_under_autocast(mining: Mining) -> None:
    first, second = torch.randn(6, 64), torch.randn(6, 64)
    labels = torch.tensor([7, 7, 1, 1, 3, 3])
    plain = cross_triplet(first, second, labels, 1.0, mining)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = cross_triplet(first, second, labels, 1.0, mining)
    assert torch.equal(value, plain)
    half = cross_triplet(first.bfloat16(), second.bfloat16(), labels, 1.0, mining)
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(plain.item(), rel=0.05)


def minus_log(score: torch.Tensor, real: bool) -> float:
    """-log D or -log(1 - D), the mean over a map, in plain double precision."""
    chances = [1 / (1 + math.exp(-value)) for value in score.flatten().tolist()]
    return -sum(math.log(chance if real else 1 - chance) for chance in chances) / len(chances)


def square(score: torch.Tensor, real: bool) -> float:
    values = score.flatten().tolist()
    return sum(math.pow(value - float(real), 2) for value in values) / len(values)


FORMS: dict[AdversarialForm, Callable[[torch.Tensor, bool], float]] = {
    "log": minus_log,
    "least-squares": square,
}


def joint(config_of: Choose, form: AdversarialForm, fooling: str) -> JointJudge:
    torch.manual_seed(1)
    config = config_of(
        "paper", "full", *WIDTHS, f"adversarial_form={form}", f"fooling_pairs={fooling}"
    )
    return JointJudge(config, CHANNELS, NUM_IMAGES)


def cost(
    judge: JointJudge, images: torch.Tensor, maps: torch.Tensor, form: AdversarialForm, real: bool
) -> float:
    """Mean over pairs of the cost that one pair, scored alone, is not taken as `real`."""
    network = judge.networks["discriminator_joint"]
    with torch.no_grad():
        costs: list[float] = [
            FORMS[form](network(image[None], each[None]), real)
            for image, each in zip(images, maps, strict=True)
        ]
    return sum(costs) / len(costs)


@pytest.mark.parametrize("fooling", ["all", "one-fake"])
@pytest.mark.parametrize("form", FORMS)
def test_fooling_by_images_is_eq_9(config_of: Choose, form: AdversarialForm, fooling: str) -> None:
    judge, (_, maps, fake_images, fake_maps) = joint(config_of, form, fooling), pairs()
    expected = cost(judge, fake_images, maps, form, real=True)
    if fooling == "all":
        expected = (expected + cost(judge, fake_images, fake_maps, form, real=True)) / 2
    assert judge.fooling_images(pairs()).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("fooling", ["all", "one-fake"])
@pytest.mark.parametrize("form", FORMS)
def test_fooling_by_features_is_eq_10(
    config_of: Choose, form: AdversarialForm, fooling: str
) -> None:
    judge, (images, _, fake_images, fake_maps) = joint(config_of, form, fooling), pairs()
    expected = cost(judge, images, fake_maps, form, real=True)
    if fooling == "all":
        expected = (expected + cost(judge, fake_images, fake_maps, form, real=True)) / 2
    assert judge.fooling_features(pairs()).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_joint_discrimination_is_eqs_7_and_8(config_of: Choose, form: AdversarialForm) -> None:
    """Real pairs of one identity; fake in image, in map, in both; real ones of two identities."""
    judge, (images, maps, fake_images, fake_maps) = joint(config_of, form, "all"), pairs()
    others = torch.cat([images[2:], images[:2]])  # of the identity after, in blocks of two
    fakes = [
        (fake_images, maps),
        (images, fake_maps),
        (fake_images, fake_maps),
        (others, maps),
    ]
    expected = cost(judge, images, maps, form, real=True)
    expected += sum(cost(judge, *fake, form, real=False) for fake in fakes) / 4
    assert judge.discrimination(pairs()).item() == pytest.approx(expected, rel=1e-4)


def test_mismatched_pairs_are_the_only_ones_of_two_identities(config_of: Choose) -> None:
    """Images and maps that hold nothing but their identity, as D_j is shown them."""
    judge, shown = joint(config_of, "log", "all"), []

    def note(_network: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        shown.append([value[:, 0, 0, 0].tolist() for value in inputs])

    judge.networks["discriminator_joint"].register_forward_pre_hook(note)
    identity = torch.arange(3.0).repeat_interleave(NUM_IMAGES).view(-1, 1, 1, 1)
    images, maps = identity.expand(6, 3, 64, 64), identity.expand(6, CHANNELS, 4, 4)
    judge.discrimination(Pairs(images, maps, images, maps))
    ((of_images, of_maps),) = shown
    same = [a == b for a, b in zip(of_images, of_maps, strict=True)]
    assert same == [True] * (4 * 6) + [False] * 6


def gradients(value: torch.Tensor, drawn: Pairs) -> set[str]:
    for part in drawn:
        part.grad = None
    if value.requires_grad:
        value.backward()  # type: ignore[no-untyped-call]
    named = drawn._asdict().items()
    return {name for name, part in named if part.grad is not None and bool(part.grad.any())}


@pytest.mark.parametrize("fooling", ["all", "one-fake"])
def test_the_joint_game_reaches_images_from_p_and_maps_from_f(
    config_of: Choose, fooling: str
) -> None:
    judge, drawn = joint(config_of, "log", fooling), pairs(requires_grad=True)
    assert gradients(judge.fooling_images(drawn), drawn) == {"fake_images"}
    assert gradients(judge.fooling_features(drawn), drawn) == {"fake_maps"}
    assert gradients(judge.discrimination(drawn), drawn) == set()


def separate(config_of: Choose) -> tuple[SeparateJudges, Judge, Judge]:
    config = config_of("paper", "aligngan-minus", *WIDTHS)
    images = build_infrared_judge(config)
    features = Judge(build_feature_discriminator(config, CHANNELS), "log")
    return SeparateJudges(images=images, features=features), images, features


def test_the_separate_game_judges_images_and_maps_on_their_own(config_of: Choose) -> None:
    judges, images, features = separate(config_of)
    drawn = pairs(requires_grad=True)
    with torch.no_grad():
        real_images, fake_images = (images.network(x) for x in (drawn.images, drawn.fake_images))
        real_maps, fake_maps = (features.network(x) for x in (drawn.maps, drawn.fake_maps))
    fooling_images, fooling_features = judges.fooling_images(drawn), judges.fooling_features(drawn)
    assert fooling_images.item() == pytest.approx(minus_log(fake_images, real=True), rel=1e-4)
    assert fooling_features.item() == pytest.approx(minus_log(fake_maps, real=True), rel=1e-4)
    expected = sum(minus_log(scores, real=True) for scores in (real_images, real_maps))
    expected += sum(minus_log(scores, real=False) for scores in (fake_images, fake_maps))
    assert judges.discrimination(drawn).item() == pytest.approx(expected, rel=1e-4)
    assert gradients(fooling_images, drawn) == {"fake_images"}
    assert gradients(fooling_features, drawn) == {"fake_maps"}
    assert gradients(judges.discrimination(drawn), drawn) == set()


def test_a_discriminator_at_its_best_costs_nothing(config_of: Choose) -> None:
    """And one that answers one half costs log 4: the sum of both expectations is not halved."""
    judge = build_infrared_judge(config_of("paper", "full", *WIDTHS))
    zeros = torch.zeros(2, 3, 64, 64)
    assert judge.discrimination(zeros, zeros).item() == pytest.approx(math.log(4), rel=1e-5)
    best = Judge(nn.Flatten(), "log")
    assert best.discrimination(zeros + 50, zeros - 50).item() == pytest.approx(0)


@pytest.mark.parametrize("form", FORMS)
def test_rgb_images_are_judged_in_a_form_of_their_own(
    config_of: Choose, form: AdversarialForm
) -> None:
    judge = build_visible_judge(
        config_of("paper", "full", *WIDTHS, f"visible_adversarial_form={form}")
    )
    (real, _, fake, _), score = pairs(), FORMS[form]
    with torch.no_grad():
        scores = judge.network(real), judge.network(fake)
    assert judge.fooling(fake).item() == pytest.approx(score(scores[1], True), rel=1e-4)
    expected = score(scores[0], True) + score(scores[1], False)
    assert judge.discrimination(real, fake).item() == pytest.approx(expected, rel=1e-4)
