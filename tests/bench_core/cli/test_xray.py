"""`bench xray SCRIPT:FUNCTION`: the table, the JSON document, and the exit code for CI."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Bench = Callable[..., Result]

DOUBLES = Path(__file__).parents[1] / "xray" / "doubles.py"
PROTOCOL = ("--protocol", "sysu-all-single")


def test_what_differs_is_named_with_what_it_moves(bench: Bench) -> None:
    result = bench("xray", f"{DOUBLES}:mfenet_of_images", *PROTOCOL)
    assert result.exit_code == 0
    assert all(len(line) <= 80 for line in result.stdout.splitlines()[1:])
    shown = " ".join(result.stdout.split())
    assert "CMC counts every image the first image of each identity" in shown
    assert "unit percent fractions" in shown
    assert "What each difference alone moves the score of probes by" in shown
    assert "does not give the scores of sysu-all-single" in shown
    assert "Note: prints 36 characters." in shown
    assert "junk\n" not in result.stdout


def test_what_differs_without_counting_is_named_in_the_verdict(bench: Bench) -> None:
    result = bench("xray", f"{DOUBLES}:agw", *PROTOCOL)
    verdict = "It gives the scores of sysu-all-single, apart from: images at one distance."
    assert result.stdout.splitlines()[-1] == verdict


def test_a_difference_is_a_failure_with_check(bench: Bench) -> None:
    result = bench("xray", f"{DOUBLES}:lupi", *PROTOCOL, "--check", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    counting = [choice["choice"] for choice in report["choices"] if choice["counts"]]
    assert counting == ["cameras"]
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert "lupi does not give the scores of sysu-all-single" in line


def test_without_a_protocol_the_nearest_is_shown(bench: Bench) -> None:
    result = bench("xray", f"{DOUBLES}:llcm", "--json")
    report = json.loads(result.stdout)
    assert report["agrees_with"] == ["llcm-infrared-to-visible", "llcm-visible-to-infrared"]
    assert report["protocol"] in report["agrees_with"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{script}"], "expected SCRIPT:FUNCTION"),
        (["{script}:eval()"], "expected SCRIPT:FUNCTION"),
        (["nowhere.py:eval_sysu"], "there is no file nowhere.py"),
        (["{script}:agw", "--check"], "--check needs --protocol"),
        (["{script}:agw", "--protocol", "sysu"], "unknown protocol 'sysu'"),
        (["{script}:agw", "--timeout", "0"], "--timeout"),
        (["{script}:agw", "--form", "torchreid"], "--form"),
    ],
)
def test_wrong_usage_is_told(bench: Bench, words: list[str], message: str) -> None:
    result = bench("xray", *(word.format(script=DOUBLES) for word in words))
    assert result.exit_code == 2
    assert message in result.stderr
    assert not result.stdout


def test_a_wrong_form_is_told_with_its_call(bench: Bench) -> None:
    result = bench("xray", f"{DOUBLES}:agw", "--form", "regdb")
    assert result.exit_code == 1
    assert "fails on the probe 'plain', called as (distmat, q_pids, g_pids" in result.stderr
