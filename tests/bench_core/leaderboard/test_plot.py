"""The leaderboard's pictures: what shares one, what is in it, and when it is out of date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.plot import check_plots, plot_files

MakeRecord = Callable[..., ResultRecord]


def shown(files: dict[str, bytes], name: str) -> str:
    return files[f"{name}.svg"].decode()


def test_real_and_synthetic_data_never_share_a_picture(make_record: MakeRecord) -> None:
    records = [
        make_record(method__id="real", dataset__synthetic=False),
        make_record(method__id="rendered", dataset__synthetic=True),
    ]
    files = plot_files(records)
    assert set(files) == {
        f"{name}.{kind}"
        for name in ("accuracy-cost", "accuracy-cost-synthetic")
        for kind in ("png", "svg")
    }
    real, synthetic = shown(files, "accuracy-cost"), shown(files, "accuracy-cost-synthetic")
    assert ">real  " in real
    assert "rendered" not in real
    assert ">rendered  " in synthetic
    assert ">real  " not in synthetic
    assert "compares with nothing published" in synthetic


def test_every_protocol_and_convention_has_a_panel(make_record: MakeRecord) -> None:
    records = [
        make_record(protocol__id="first", dataset__synthetic=False),
        make_record(protocol__id="second", dataset__synthetic=False),
        make_record(protocol__convention="agw", dataset__synthetic=False),
    ]
    svg = shown(plot_files(records), "accuracy-cost")
    assert ": first, " in svg
    assert ": second, " in svg
    assert "agw galleries" in svg


def test_re_ranked_rows_are_left_out(make_record: MakeRecord) -> None:
    records = [make_record(protocol__rerank=True), make_record(method__id="plain")]
    name = next(iter(plot_files(records))).removesuffix(".png")
    svg = shown(plot_files(records), name)
    assert "+ re-ranking" not in svg
    assert ">plain  " in svg
    assert plot_files(records[:1]) == {}


def test_labels_say_more_only_where_rows_would_look_alike(make_record: MakeRecord) -> None:
    alone = shown_labels(plot_files([make_record(method__seed=3)]))
    assert alone == ["xiv  30.0"]
    seeds = [make_record(method__seed=seed, rank_1=0.3 + seed / 10) for seed in (0, 1)]
    assert shown_labels(plot_files(seeds)) == ["xiv (seed 1)  40.0", "xiv (seed 0)  30.0"]


def test_a_label_of_many_changes_is_cut(make_record: MakeRecord) -> None:
    keys = [f"optimizer.key_{number}" for number in range(9)]
    records = [make_record(method__overrides=keys), make_record(method__seed=1)]
    labels = shown_labels(plot_files(records))
    assert any("…" in label for label in labels)
    assert all(len(label) < 60 for label in labels)


def test_a_model_from_elsewhere_is_called_so(make_record: MakeRecord) -> None:
    records = [make_record(0.3), make_record(0.4, origin="trained-elsewhere")]
    assert shown_labels(plot_files(records)) == ["xiv (trained elsewhere)  40.0", "xiv  30.0"]


def shown_labels(files: dict[str, bytes]) -> list[str]:
    (svg,) = [content.decode() for name, content in files.items() if name.endswith(".svg")]
    texts = [
        line.partition(">")[2].partition("<")[0] for line in svg.splitlines() if "<text" in line
    ]
    return [text for text in texts if "  " in text]


def test_the_order_of_the_records_changes_nothing(make_record: MakeRecord) -> None:
    records = [make_record(method__seed=seed, rank_1=0.1 * seed) for seed in range(1, 5)]
    assert plot_files(records) == plot_files(records[::-1])


def test_a_committed_picture_is_compared_byte_for_byte(
    make_record: MakeRecord, tmp_path: Path
) -> None:
    records = [make_record(0.3)]
    complaint = check_plots(records, tmp_path)
    assert complaint is not None
    assert complaint.endswith(f"draw it again with bench leaderboard --plot {tmp_path}")
    for name, content in plot_files(records).items():
        (tmp_path / name).write_bytes(content)
    assert check_plots(records, tmp_path) is None
    assert check_plots([make_record(0.4)], tmp_path) is not None


def test_without_results_there_is_nothing_to_draw(tmp_path: Path) -> None:
    assert plot_files([]) == {}
    assert check_plots([], tmp_path) is None


def test_a_method_without_multiply_adds_is_left_out(make_record: MakeRecord) -> None:
    names = ("macs", "flops", "macs_visible", "macs_infrared")
    assert plot_files([make_record(**{f"cost__{name}": 0 for name in names})]) == {}
