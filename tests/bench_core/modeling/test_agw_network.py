"""The network of AGW, in parts: what passes together, and in which order."""

from __future__ import annotations

import torch

from bench_core.methods import AGWNetwork, build_backbone


def network() -> AGWNetwork:
    torch.manual_seed(0)
    return AGWNetwork(build_backbone("small"), 5, inner="half", gem_power=3.0)


def test_features_and_logits_are_of_visible_images_first() -> None:
    visible, infrared = torch.rand(4, 3, 32, 16), torch.rand(2, 3, 32, 16)
    agw = network().eval()
    features, logits = agw.recognize(visible, infrared)
    alone = [agw.embed(visible, "visible", "pooled"), agw.embed(infrared, "infrared", "pooled")]
    torch.testing.assert_close(features, torch.cat(alone))
    assert logits.shape == (6, 5)


def test_both_modalities_share_the_statistics_of_a_batch() -> None:
    agw, images = network(), torch.rand(2, 4, 3, 32, 16)
    sizes: list[int] = []
    agw.neck.normalization.register_forward_hook(lambda *args: sizes.append(len(args[1][0])))
    agw.recognize(*images)
    assert sizes == [8]


def test_infrared_images_have_the_stem_of_their_modality() -> None:
    agw, images = network().eval(), torch.rand(2, 3, 32, 16)
    before = agw.recognize(images, images).features
    with torch.no_grad():
        next(agw.backbone.two_stream.stems["infrared"].parameters()).mul_(0.5)
    after = agw.recognize(images, images).features
    assert torch.equal(after[:2], before[:2])
    assert not torch.allclose(after[2:], before[2:])
