"""`bench published`: the numbers, and the check that a pull request must pass."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from bench_core.published.reading import shipped_folder

Bench = Callable[..., Result]


def test_the_committed_numbers_pass_the_check(bench: Bench) -> None:
    result = bench("published", "check")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.endswith("conflicts are told\n")
    document = json.loads(bench("published", "check", "--json").stdout)
    assert (document["defects"], document["sources"]) == ([], 28)


def test_a_defect_is_named_with_its_line_and_exits_with_1(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "published"
    shutil.copytree(shipped_folder(), folder)
    path = folder / "tables" / "caj-repository.csv"
    path.write_text(path.read_text().replace("85.03", "185.03"))
    result = bench("published", "check", "--published", folder)
    assert result.exit_code == 1
    assert f"{path}:2: values: rank-1 is 185.03, more than 100 percent" in result.stdout
    assert result.stderr == f"Error: {folder} has 1 defect, each named with its line\n"
    assert f"Error: {path}:2:" in bench("published", "list", "--published", folder).stderr


def test_rows_are_listed_by_method_and_protocol(bench: Bench) -> None:
    result = bench("published", "list", "--method", "xiv", "--protocol", "sysu-all-single")
    assert "49.92" in result.stdout
    assert "XIV, Table 1" in " ".join(result.stdout.split())
    assert max(map(len, result.stdout.splitlines())) <= 80
    options = ["--method", "zero-padding", "--protocol", "regdb-visible-to-thermal", "--json"]
    rows = json.loads(bench("published", "list", *options).stdout)
    assert {row["values"]["mAP"] for row in rows} == {"31.9"}
    assert rows[0]["suspect"] == ["mAP"]
    assert rows[0]["citation"] == "AlignGAN, Table 3"
    assert (rows[0]["publication"]["venue"], rows[0]["publication"]["year"]) == ("ICCV", 2019)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "xvi"], "did you mean 'xiv'?"),
        (["--protocol", "sysu-all"], "did you mean 'sysu-all-"),
        (
            ["--method", "caj", "--protocol", "sysu-all-multi"],
            "no source prints numbers of caj on sysu-all-multi",
        ),
    ],
)
def test_what_is_not_known_is_wrong_usage(bench: Bench, options: list[str], message: str) -> None:
    result = bench("published", "list", *options)
    assert result.exit_code == 2
    assert message in result.stderr
