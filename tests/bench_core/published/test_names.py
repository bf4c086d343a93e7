"""Methods are known by the names that people write."""

from __future__ import annotations

import pytest

from bench_core.published.names import MethodNames
from bench_core.published.registry import Published


@pytest.fixture(scope="module")
def names(published: Published) -> MethodNames:
    return MethodNames(published)


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("AlignGAN", "aligngan"),
        ("alignGAN[16]", "aligngan"),
        ("AlignGAN (ICCV'19)", "aligngan"),
        ("AlignGAN ICCV2019", "aligngan"),
        ("One-stream (Wu et al. 2017)", "one-stream"),
        ("zero padding", "zero-padding"),
        ("D2RL", "d2rl"),
        ("MSR (Feng, Lai, and Xie 2019)", "msr"),
        ("Dist.based[35]", "dist-based"),
        ("X Modality", "xiv"),
        ("xiv:baseline", "xiv:baseline"),
        ("Baseline+X+CMG", "xiv"),
        ("PixAlign", "aligngan:pixalign"),
        ("DEEN \u2020", "deen"),
        ("Ours", None),
        ("Baseline", None),
        ("A New Net", None),
        ("AGW (reproduced)", None),
        ("AGW, our run", None),
        ("", None),
    ],
)
def test_a_name_is_found_however_it_is_written(
    names: MethodNames, text: str, method: str | None
) -> None:
    assert names.find(text).method == method


@pytest.mark.parametrize(
    ("text", "reranked"),
    [
        ("TS-GAN", False),
        ("TS-GAN (w/o rerank)", False),
        ("TS-GAN without re-ranking", False),
        ("TS-GAN (w/ rerank)", True),
        ("TS-GAN + re-ranking", True),
        ("TS-GAN + k-reciprocal", True),
        ("TS-GAN w/ RR", True),
    ],
)
def test_a_name_says_whether_distances_were_re_ranked(
    names: MethodNames, text: str, reranked: bool
) -> None:
    found = names.find(text)
    assert (found.method, found.reranked) == ("ts-gan", reranked)
