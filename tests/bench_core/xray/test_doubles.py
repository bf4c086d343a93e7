"""Evaluation functions of the field, rebuilt from what is known of them, are all named right."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bench_core.system.text_layout import terminal_table
from bench_core.xray.analysis import identify
from bench_core.xray.child import call_with_probes
from bench_core.xray.forms import FORMS
from bench_core.xray.identity import Identity
from bench_core.xray.process import make_transcript
from bench_core.xray.standard import USUAL

HERE = Path(__file__).parent
DOUBLES = runpy.run_path(str(HERE / "doubles.py"))
RERANKING = runpy.run_path(str(HERE.parent / "evaluation/reranking/plain_reranking.py"))

AGW = {name: value for name, value in USUAL.items() if name not in ("comparison", "rerank", "draw")}
AGW = {**AGW, "ties": "default"}
del AGW["trials"]
FEATURES = {name: USUAL[name] for name in USUAL if name not in ("ties", "junk")}
FEATURES = {**FEATURES, "penalty": "missing"}


@dataclass(frozen=True)
class Known:
    """Whom a double stands for, how it is called, and what must be said of it.

    `says` overrides what the AGW code does, or for functions of features the official protocol;
    a name with a dot is of one part. None says that the choice is not shown.
    """

    who: str
    double: str
    form: str = "agw"
    says: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def expected(self) -> dict[str, str]:
        if self.form == "draw":
            return {name: value for name, value in self.says.items() if value}
        usual = AGW if self.form in ("agw", "regdb") else FEATURES
        expected = {**usual, **self.says}
        if self.form == "regdb":
            expected["cameras"] = None
        if self.form == "mpanet-regdb":
            expected |= {"draw": None, "trials": None}
        return {name: value for name, value in expected.items() if value is not None}


EVALUATORS = [
    Known("AGW and 71 others", "agw"),
    Known("AGW, RegDB", "agw_regdb", "regdb", {"cmc": "image"}),
    Known("LLCM and 17 others", "llcm", says={"cameras": "own-matches"}),
    Known("LUPI", "lupi", says={"cameras": "none"}),
    Known("HC, CM-NAS, TSLFN, MVD", "hc", says={"penalty": "missing"}),
    Known("DMM-CDCN", "dmm_cdcn", says={"penalty": "zero"}),
    Known("MFENet", "mfenet", says={"unit": "percent"}),
    Known("expAT", "expat", says={"cmc": "image"}),
    Known(
        "Person_reID_baseline",
        "layumi",
        says={
            "cameras": "own-matches",
            "cmc": "image",
            "precision": "trapezoid",
            "penalty": "missing",
            "unmatched": "counted",
            "junk": "removed",
        },
    ),
    Known(
        "TONE, BDTR",
        "bdtr",
        "regdb",
        {"cmc": "image", "penalty": "missing", "ties": "curve default, mAP grouped"},
    ),
    Known(
        "cmGAN",
        "cmgan",
        says={
            "roles": "swapped",
            "cameras": "none",
            "cmc": "image",
            "penalty": "missing",
            "junk": "ranked/removed",
        },
    ),
    Known(
        "SYSU-MM01's MATLAB",
        "official_port",
        says={"cameras": "location", "penalty": "missing", "ties": "gallery"},
    ),
    Known("fastreid", "fastreid", says={"unit": "curve percent, mAP fraction, mINP fraction"}),
    Known(
        "one for similarities",
        "of_similarities",
        says={"order": "farthest", "ties": "reversed-default"},
    ),
    Known("an optimist", "optimistic", says={"ties": "matches-first"}),
    Known("MPANet, IDKL", "mpanet", "mpanet", {"unit": "percent"}),
    Known(
        "MPANet, RegDB",
        "mpanet_regdb",
        "mpanet-regdb",
        {"unit": "percent", "cameras": "none", "comparison": "euclidean"},
    ),
    Known("LuckyDC", "luckydc", "mpanet"),
    Known("SIM", "sim", "mpanet", {"rerank": "k-reciprocal", "trials": "sum"}),
    Known("SAAI", "saai", "mpanet", {"rerank": "aim-30-6", "unit": "percent"}),
    Known("AlignGAN, JSIA-ReID", "aligngan", "mpanet", {"draw": "official-descending"}),
    Known("one's best trial", "best_trial", "mpanet", {"unit": "percent", "trials": "best"}),
    Known("AGW's draw", "agw_draw", "draw", {"draw": "agw"}),
    Known("expAT's draw", "clock_draw", "draw", {"draw": "unseeded"}),
    Known("a draw by NumPy", "numpy_draw", "draw", {"draw": "numpy"}),
    Known("IV-REID's draw", "iv_reid_draw", "draw", {"draw": "none of what is known"}),
    Known("student code", "all_images", "draw", {"draw": "all"}),
    Known("a fixed gallery", "first_image", "draw", {"draw": "first-images"}),
]


@pytest.fixture
def examine(tmp_path: Path) -> Callable[[Known], Identity]:
    def run(known: Known) -> Identity:
        function: Callable[..., Any] = DOUBLES[known.double]
        if known.double == "sim":
            function = DOUBLES["sim"](RERANKING["rerank_plainly"])
        documents = call_with_probes(
            function, FORMS[known.form], "numpy", images=tmp_path / "SYSU-MM01"
        )
        return identify(make_transcript(list(documents)))

    return run


def named(identity: Identity) -> dict[str, str]:
    """Return the value of each choice; several where they are not told apart."""
    found = {}
    for choice, values in identity.values.items():
        if not values:
            continue
        texts = {part: "/".join(own) or "none of what is known" for part, own in values.items()}
        if len(set(texts.values())) == 1:
            found[choice] = next(iter(texts.values()))
        else:
            found[choice] = ", ".join(f"{part} {text}" for part, text in texts.items())
    return found


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(
            known, id=known.double, marks=[pytest.mark.slow] if known.double == "sim" else []
        )
        for known in EVALUATORS
    ],
)
def test_it_is_named_right(known: Known, examine: Callable[[Known], Identity]) -> None:
    identity = examine(known)
    assert identity.nearest == ()
    found = named(identity)
    NAMED[known.who] = found
    assert found == known.expected


NAMED: dict[str, dict[str, str]] = {}


def test_the_table_of_who_is_named_what() -> None:
    """Printed with `pytest -s`; complete where the tests above ran in this process."""
    rows = []
    for known in EVALUATORS:
        found = NAMED.get(known.who, {})
        usual = AGW if known.form in ("agw", "regdb") else FEATURES
        unusual = [f"{name}: {value}" for name, value in found.items() if usual.get(name) != value]
        rows.append([known.who, known.form, "; ".join(unusual) or "the usual"])
    table = terminal_table(["who", "form", "named"], rows, {"who", "form", "named"})
    print(f"\n{table}")  # noqa: T201
    assert all(len(line) <= 80 for line in table.splitlines())
