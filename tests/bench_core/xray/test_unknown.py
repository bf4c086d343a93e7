"""What nothing known explains is said to be unknown, with what comes nearest: no guesses."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench_core import BenchError, UsageError
from bench_core.dropin import eval_llcm, eval_regdb, eval_sysu
from bench_core.plugins import Registry
from bench_core.xray.analysis import identify
from bench_core.xray.child import call_with_probes
from bench_core.xray.forms import FORMS
from bench_core.xray.identity import Identity
from bench_core.xray.process import make_transcript
from bench_core.xray.report import make_report, unexplained

DOUBLES = runpy.run_path(str(Path(__file__).parent / "doubles.py"))
SYSU = "sysu-all-single"


def examine(function: Callable[..., Any], form: str = "agw") -> Identity:
    documents = call_with_probes(function, FORMS[form], "numpy", images=Path("unused"))
    return identify(make_transcript(list(documents)))


def test_a_map_of_nobodys_is_unknown_and_all_else_is_named(registry: Registry) -> None:
    identity = examine(DOUBLES["odd_precision"])
    assert identity.values["precision"] == {"": ()}
    assert identity.values["cmc"] == {"": ("identity",)}
    assert identity.values["cameras"] == {"": ("room",)}
    (nearest,) = identity.nearest
    assert nearest.part == "mAP"
    (line,) = unexplained(identity)
    assert line.startswith("mAP: none of what is known; nearest: ")
    report = make_report("theirs.py:eval_sysu", identity, [registry.protocol(SYSU)])
    assert not report.agrees
    assert report.as_document()["unexplained"][0]["off_by"] == nearest.error > 0.001


@pytest.mark.parametrize("curve", [np.linspace(0.1, 0.9, 20), np.zeros(20), np.ones(20)])
def test_numbers_from_nowhere_are_unknown_in_all(registry: Registry, curve: np.ndarray) -> None:
    def from_nowhere(d: Any, q: Any, g: Any, qc: Any, gc: Any) -> Any:
        return curve, 0.123, 0.456

    identity = examine(from_nowhere)
    assert all(not names for values in identity.values.values() for names in values.values())
    assert len(identity.nearest) == 3
    assert not make_report("f", identity, [registry.protocol(SYSU)]).agrees


def test_nan_is_unknown() -> None:
    def of_nan(d: Any, q: Any, g: Any, qc: Any, gc: Any) -> Any:
        return np.full(20, np.nan), float("nan")

    identity = examine(of_nan)
    assert "of which nothing was returned that could be compared" in unexplained(identity)[0]


@pytest.mark.slow
def test_of_features_too_what_is_not_known_is_not_guessed(registry: Registry) -> None:
    def odd(  # noqa: PLR0917
        qf: Any, q: Any, qc: Any, gf: Any, g: Any, gc: Any, paths: Any, perm: Any
    ) -> tuple[float, ...]:  # fmt: skip
        precision, *ranks = DOUBLES["mpanet"](qf, q, qc, gf, g, gc, paths, perm)
        return 0.9 * precision, *ranks

    identity = examine(odd, "mpanet")
    assert identity.values["precision"] == {"": ()}
    assert "cosine" in identity.values["comparison"][""]
    assert "identity" in identity.values["cmc"][""]
    assert [nearest.part for nearest in identity.nearest] == ["mAP"]
    assert not make_report("f", identity, [registry.protocol(SYSU)]).agrees


def test_a_result_that_changes_from_call_to_call_is_told() -> None:
    draw = np.random.default_rng()

    def shaky(d: Any, q: Any, g: Any, qc: Any, gc: Any) -> Any:
        cmc, precision, penalty = DOUBLES["agw"](d, q, g, qc, gc)
        return cmc + 0.01 * draw.random(), precision, penalty

    identity = examine(shaky)
    assert any("cannot be repeated" in note for note in identity.notes)


def test_what_only_one_probe_shows_may_fail_alone() -> None:
    def strict(d: Any, q: Any, g: Any, qc: Any, gc: Any) -> Any:
        if (np.asarray(g) < 0).any():
            raise ValueError("negative identity")
        return DOUBLES["agw"](d, q, g, qc, gc)

    identity = examine(strict)
    assert "junk" not in identity.values
    assert identity.nearest == ()
    assert any("fails with images of identity -1 in the gallery" in n for n in identity.notes)


@pytest.mark.parametrize(
    ("double", "protocols"),
    [
        ("agw", {"sysu-all-single", "sysu-indoor-multi"}),
        ("official_port", {"sysu-all-single"}),
        ("llcm", {"llcm-infrared-to-visible", "llcm-visible-to-infrared"}),
        ("expat", {"regdb-visible-to-thermal"}),
        ("lupi", set()),
        ("dmm_cdcn", set()),
        ("optimistic", set()),
        ("fastreid", set()),
    ],
)
def test_it_agrees_with_the_protocols_whose_scores_it_gives(
    registry: Registry, double: str, protocols: set[str]
) -> None:
    report = make_report("f", examine(DOUBLES[double]), list(registry.protocols.values()))
    assert protocols <= set(report.agrees_with)
    assert bool(report.agrees_with) == bool(protocols) == report.agrees


@pytest.mark.parametrize(
    ("function", "form", "protocol"),
    [
        (eval_sysu, "agw", SYSU),
        (eval_regdb, "regdb", "regdb-visible-to-thermal"),
        (eval_llcm, "agw", "llcm-visible-to-infrared"),
    ],
)
def test_our_own_calls_are_their_protocols_in_every_choice(
    registry: Registry, function: Callable[..., Any], form: str, protocol: str
) -> None:
    report = make_report("f", examine(function, form), [registry.protocol(protocol)])
    assert report.agrees
    assert all(finding.agrees for finding in report.findings)


@pytest.mark.parametrize(
    ("double", "choice"),
    [("expat", "cmc"), ("lupi", "cameras"), ("cmgan", "roles"), ("of_similarities", "order")],
)
def test_an_effect_is_what_the_choice_alone_moves(
    registry: Registry, double: str, choice: str
) -> None:
    report = make_report("f", examine(DOUBLES[double]), [registry.protocol(SYSU)])
    (finding,) = [one for one in report.findings if one.choice == choice]
    assert finding.effect is not None
    assert max(map(abs, finding.effect.values())) > 0.5
    assert all(one.effect is None for one in report.findings if one.agrees)


def test_per_image_counting_moves_later_ranks_alone(registry: Registry) -> None:
    report = make_report("f", examine(DOUBLES["expat"]), [registry.protocol(SYSU)])
    (finding,) = [one for one in report.findings if one.counts]
    assert finding.effect is not None
    assert finding.effect["rank-1"] == finding.effect["mAP"] == 0
    assert finding.effect["rank-10"] < 0


@pytest.mark.slow
def test_hidden_re_ranking_and_the_best_trial_have_their_effects(registry: Registry) -> None:
    for double, choice in (("saai", "rerank"), ("best_trial", "trials"), ("aligngan", "draw")):
        report = make_report("f", examine(DOUBLES[double], "mpanet"), [registry.protocol(SYSU)])
        (finding,) = [one for one in report.findings if one.counts]
        assert finding.choice == choice
        assert finding.effect is not None
        assert finding.effect["rank-1"] != 0


def test_a_protocol_of_other_cameras_is_left_out_and_noted(registry: Registry) -> None:
    identity = examine(DOUBLES["agw"])
    known = registry.protocol(SYSU)
    for pairs in ([(3, 2), (6, 5)], [(11, 11)]):
        strange = replace(known, id="strange", excluded_camera_pairs=tuple(pairs))
        report = make_report("f", identity, [strange, known])
        assert report.agrees_with == (SYSU,)
        assert report.identity.notes[-1].startswith("not compared with strange")
        with pytest.raises(UsageError, match="strange: its rule about cameras is none"):
            make_report("f", identity, [strange])


def test_a_defined_draw_is_a_convention_and_no_difference_that_counts(
    registry: Registry, tmp_path: Path
) -> None:
    documents = call_with_probes(
        DOUBLES["agw_draw"], FORMS["draw"], "numpy", images=tmp_path / "SYSU-MM01"
    )
    identity = identify(make_transcript(list(documents)))
    for protocol, agrees in ((SYSU, True), ("sysu-all-multi", False)):
        report = make_report("f", identity, [registry.protocol(protocol)])
        (finding,) = report.findings
        assert (finding.agrees, report.agrees) == (False, agrees)
        assert finding.effect is not None
        assert finding.effect["mAP"] != 0


@pytest.mark.parametrize(
    ("mode", "shots", "note"),
    [
        (None, None, None),
        ("all", 1, "its galleries are the same whatever mode and num_shots say"),
        (None, 1, "with mode='indoor' and num_shots=2 its galleries are none of what is known"),
    ],
)
def test_indoor_search_and_more_shots_are_looked_at(
    mode: str | None, shots: int | None, note: str | None
) -> None:
    def theirs(  # noqa: PLR0917
        qf: Any, q: Any, qc: Any, gf: Any, g: Any, gc: Any, paths: Any, perm: Any,
        mode: str = "all", num_shots: int = 1,
    ) -> Any:  # fmt: skip
        fixed_mode, fixed_shots = fixed
        given = fixed_mode or mode, fixed_shots or num_shots
        return DOUBLES["mpanet"](qf, q, qc, gf, g, gc, paths, perm, *given)

    fixed = mode, shots
    notes = [one for one in examine(theirs, "mpanet").notes if "galleries" in one]
    assert notes == ([note] if note else [])


def test_defaults_that_others_do_not_have_are_noted() -> None:
    def as_they_are(_: Any, between: Any, __: Any, **options: Any) -> Any:
        return between

    identity = examine(DOUBLES["sim"](as_they_are), "mpanet")
    assert "its default is num_shots=10; it was called with num_shots=1" in identity.notes


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("Rank-1: 47.50%", "returned str for the probe 'sysu'; expected"),
        (None, "returned NoneType"),
        ({"mAP": 0.5}, "returned dict"),
        ((np.zeros(20), "text"), r"returned a tuple of ndarray \(20,\), str"),
        ((np.zeros((2, 2)), 0.5), r"returned a tuple of ndarray \(2, 2\), float \(\)"),
        (([[1], [1, 2]], 0.5), r"fails on the probe 'sysu', .* ValueError: .*inhomogeneous"),
        ((0.5, 0.4, 0.3, 0.2), "returned a tuple of float"),
        ((np.zeros(20), np.zeros((2, 2))), "returned a tuple of ndarray"),
        ((np.zeros(20), 1j), r"returned a tuple of ndarray \(20,\), complex"),
        ((np.zeros(20), 10**400), r"returned a tuple of ndarray \(20,\), int"),
        ((), "returned a tuple of nothing"),
        (np.zeros(20), "returned ndarray"),
        ((np.zeros(20), []), "returned a tuple of ndarray"),
    ],
)
def test_what_is_no_score_is_told(returned: Any, message: str) -> None:
    def careless(d: Any, q: Any, g: Any, qc: Any, gc: Any) -> Any:
        return returned

    with pytest.raises(BenchError, match=message):
        examine(careless)


def test_a_draw_that_knows_one_mode_alone_is_told(tmp_path: Path) -> None:
    def without_indoor(data_path: str, mode: str = "all", trial: int = 0) -> object:
        return DOUBLES["agw_draw"](data_path, "all", trial)

    documents = call_with_probes(
        without_indoor, FORMS["draw"], "numpy", images=tmp_path / "SYSU-MM01"
    )
    identity = identify(make_transcript(list(documents)))
    assert identity.values["draw"][""] == ()
    assert identity.notes[0] == ("with mode='all' it is the agw draw, with mode='indoor' it is not")


def test_a_draw_of_no_paths_is_told(tmp_path: Path) -> None:
    def no_paths(data_path: str) -> list[int]:
        return [1, 2]

    documents = call_with_probes(no_paths, FORMS["draw"], "numpy", images=tmp_path / "SYSU-MM01")
    with pytest.raises(BenchError, match="not the paths of gallery images"):
        identify(make_transcript(list(documents)))
