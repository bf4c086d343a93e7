"""What the method learns by: each loss, what it reaches, and what the settings change."""

from bench_core.testing import MethodBuilder, random_batch, watch_step

from hetero_center import bench_register_methods

(SPEC,) = bench_register_methods()
SIZE = (32, 16)
BUILDER = MethodBuilder(SPEC, ["backbone=small", "image_height=32", "image_width=16"])


def test_a_step_minimises_all_losses_and_teaches_every_network() -> None:
    losses, (update,) = watch_step(BUILDER.build(), "joint", random_batch(SIZE))
    assert set(losses) == {"identity", "center", "triplet"}
    assert update.changed == {"backbone", "neck"}


def test_the_triplet_loss_counts_by_its_weight() -> None:
    weighted = BUILDER.build("without-centers", "triplet_weight=2")
    losses, (update,) = watch_step(weighted, "joint", random_batch(SIZE))
    expected = losses["identity"] + 2 * losses["triplet"]
    assert abs(update.total - expected.item()) < 1e-5


def test_the_centre_loss_counts_by_its_weight_in_the_whole_method() -> None:
    method = BUILDER.build("full", "triplet_weight=0", "center_weight=3")
    losses, (update,) = watch_step(method, "joint", random_batch(SIZE))
    expected = losses["identity"] + 3 * losses["center"]
    assert abs(update.total - expected.item()) < 1e-5
