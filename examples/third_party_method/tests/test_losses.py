"""The hetero-centre loss against values that are worked out by hand."""

import torch

from hetero_center.losses import hetero_center_loss


def test_centres_of_two_people_are_compared_person_by_person() -> None:
    labels = torch.tensor([7, 7, 2])
    visible = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 5.0]])  # centres (2, 0) and (5, 5)
    infrared = torch.tensor([[0.0, 1.0], [0.0, 3.0], [5.0, 6.0]])  # centres (0, 2) and (5, 6)
    loss = hetero_center_loss(visible, infrared, labels)
    assert loss.item() == (2**2 + 2**2) + 1


def test_it_is_zero_where_centres_coincide_though_features_do_not() -> None:
    visible, infrared = torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0], [2.0]])
    assert hetero_center_loss(visible, infrared, torch.tensor([0, 0])).item() == 0


def test_its_gradient_pulls_the_modalities_together() -> None:
    visible = torch.tensor([[2.0]], requires_grad=True)
    hetero_center_loss(visible, torch.tensor([[0.0]]), torch.tensor([0])).backward()
    assert visible.grad is not None
    assert visible.grad.item() == 2 * 2
