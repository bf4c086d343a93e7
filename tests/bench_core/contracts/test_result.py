"""A result record says what ran, on what, how it scored, what it cost and where it came from."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bench_core.contracts.reranked import RerankerUsed
from bench_core.contracts.result import MethodRun, Provenance, ResultRecord
from bench_core.contracts.scores import Metrics, Scores, TrialScores

Document = dict[str, Any]

K_RECIPROCAL = {"id": "k-reciprocal", "config": {"k1": 20, "k2": 6, "lambda_value": 0.3}}


def read(document: Document) -> ResultRecord:
    return ResultRecord.from_json(json.dumps(document))


def put(document: Document, path: str, value: object) -> None:
    *parents, last = path.split(".")
    place: Any = document
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[last] = value


def added_since(version: int, written: Document) -> Document:
    """Return a record of a version with what was added since, at its default."""
    shared = dict.fromkeys(("training_processes", "training_parts", "normalized_shares"))
    written = {
        **written,
        "method": {"fidelity": None, **written["method"]},
        "scores": {"iccs": None, "by_query_camera": {}, **written["scores"]},
        "dataset": {"evidence": "images", **written["dataset"]},
        "protocol": {"reranker": None, "degradation": None, **written["protocol"]},
        "provenance": {**shared, **written["provenance"]},
        "corruption_grid": None,
    }
    if version > 1:
        return written
    here: Document = {"kind": "trained-here", "files": []}
    return {
        **written,
        "features": [],
        "origin": here,
        "digest": None,
        "cost": {"training_macs": None, **written["cost"]},
        "dataset": {"findings": [], **written["dataset"]},
        "protocol": {"assumptions": [], **written["protocol"]},
        "provenance": {
            "training_format": None, "training_threads": None, **written["provenance"],
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).with_name("records").glob("*.json")), ids=lambda path: path.stem
)
def test_records_written_by_earlier_versions_stay_readable(path: Path) -> None:
    written = json.loads(path.read_text())
    read_as = ResultRecord.from_json(path.read_text()).as_document()
    assert read_as == added_since(written["schema_version"], written)


def test_a_record_survives_the_way_through_a_file(document: Document) -> None:
    record = read(document)
    assert read(record.as_document()) == record


def test_a_record_cannot_be_changed(document: Document) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read(document).schema_version = 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("schema_version", 4, "Input should be 1, 2 or 3"),
        ("method.seed", -1, "greater than or equal to 0"),
        ("method.seed", "0", "valid integer"),
        ("method.seed", True, "valid integer"),
        ("method.id", "a/b", "should match pattern"),
        ("method.id", "..", "should match pattern"),
        ("method.config.dropout", float("nan"), "Out of range float"),
        ("dataset.fingerprint", "abc", "should match pattern"),
        ("dataset.num_images", 0, "greater than or equal to 1"),
        ("protocol.convention", "my own", "String should match pattern"),
        ("protocol.query_modality", "thermal", "'visible' or 'infrared'"),
        ("scores.mean.rank-1", 1.2, "less than or equal to 1"),
        ("scores.mean.mAP", -0.1, "greater than or equal to 0"),
        ("scores.mean.mAP", float("nan"), "finite number"),
        ("scores.mean.mAP", 0.32001, r"mean mAP is 0.32001, but the trials give 0.32\b"),
        ("scores.std.rank-1", 0.0, r"std rank-1 is 0.0, but the trials give 0.02"),
        ("scores.interval.mAP", [0.3, 0.2], "low end of the interval is above the high end"),
        ("scores.interval.mAP", [0.3, 1.2], "less than or equal to 1"),
        ("scores.interval.mAP", [0.3], "interval.mAP.1\n  Field required"),
        ("scores.interval.rank-1", None, "valid array"),
        ("query_scores", "abc", "should match pattern"),
        ("scores.gallery", [301], "gallery has 1 entries for 2 trials"),
        ("scores.trials.0.cmc", [0.5] * 19, "at least 20 items"),
        ("scores.trials.0.cmc", [0.5] * 21, "cmc lists of the trials differ in length"),
        ("scores.trials.0.cmc", [0.5] * 19 + [0.4], "cmc falls"),
        ("scores.valid_queries", 4000, "valid_queries 4000 exceeds queries 3803"),
        ("cost.flops", 8106000001, "is not twice macs"),
        ("cost.images_per_second", 0.0, "greater than 0"),
        ("provenance.created", "2025-03-01T12:00:00", "timezone"),
        ("provenance.created", "2025-03-01T12:00:00+02:00", "not in UTC"),
        ("provenance.selection", "test", "'last' or 'validation'"),
        ("provenance.weights", "/home/ann/weights.pth", "should match pattern"),
        ("provenance.training_identities", [], "named for models trained here, and for no other"),
        ("origin", {"kind": "trained-elsewhere", "files": ["6" * 64]}, "named for models trained"),
        ("origin", {"kind": "trained-elsewhere", "files": []}, "named for what came from outside"),
        ("origin", {"kind": "trained-here", "files": ["6" * 64]}, "named for what came from outs"),
        ("origin", {"kind": "found", "files": []}, "'trained-here', 'trained-elsewhere'"),
        ("cost", None, "cost is missing, which only features and galleries from outside may lack"),
        ("method.preset", None, "method.preset is missing, which only features"),
        ("method.seed", None, "method.seed is missing, which only features"),
        ("provenance.weights", None, "provenance.weights is missing, which only features"),
        ("provenance.selection", None, "provenance.selection is missing, which only features"),
        ("dataset.evidence", "features", "evidence is of features, but the model was run here"),
        ("dataset.evidence", "nothing", "'images' or 'features'"),
        ("dataset.findings", ["one\ntwo"], "should match pattern"),
        ("protocol.assumptions", [""], "at least 1 character"),
        ("provenance.training_format", "float16", "'float32', 'tf32' or 'bfloat16'"),
        ("provenance.training_threads", 0, "greater than or equal to 1"),
        ("scores.mean.rank1", 0.3, "Extra inputs are not permitted"),
        ("hostname", "gpu7", "Extra inputs are not permitted"),
    ],
)
def test_a_contradiction_is_refused(
    document: Document, field: str, value: object, message: str
) -> None:
    put(document, field, value)
    with pytest.raises(ValidationError, match=message):
        read(document)


@pytest.mark.parametrize("field", ["interval", "queries"])
def test_scores_say_how_certain_they_are(document: Document, field: str) -> None:
    del document["scores"][field]
    with pytest.raises(ValidationError, match=f"scores.{field}"):
        read(document)


def test_the_version_of_the_schema_must_be_stated(document: Document) -> None:
    del document["schema_version"]
    with pytest.raises(ValidationError, match="schema_version"):
        read(document)


def test_the_summary_may_differ_from_the_trials_by_rounding_only(document: Document) -> None:
    document["scores"]["mean"]["mAP"] += 5e-10
    assert read(document).scores.mean.mean_average_precision == pytest.approx(0.32, abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_the_mean_and_deviation_of_any_trials_are_accepted(values: list[float]) -> None:
    names = ("rank-1", "rank-5", "rank-10", "rank-20", "mAP", "mINP")
    mean = sum(values) / len(values)
    std = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
    scores = Scores.model_validate(
        {
            "queries": 5,
            "valid_queries": 4,
            "gallery": [3] * len(values),
            "trials": [{"cmc": [value] * 20, "mAP": value, "mINP": value} for value in values],
            "mean": dict.fromkeys(names, min(mean, 1.0)),
            "std": dict.fromkeys(names, std),
            "interval": {name: [min(values), max(values)] for name in names},
        }
    )
    assert len(scores.trials) == len(values)


def test_metrics_are_read_off_the_cmc_at_their_rank() -> None:
    trial = TrialScores(
        cmc=tuple(k / 40 for k in range(1, 41)),
        mean_average_precision=0.5,
        mean_inverse_negative_penalty=0.25,
    )
    assert trial.as_metrics().by_name() == {
        "rank-1": 1 / 40,
        "rank-5": 5 / 40,
        "rank-10": 10 / 40,
        "rank-20": 20 / 40,
        "mAP": 0.5,
        "mINP": 0.25,
    }
    assert list(trial.as_metrics().by_name()) == list(
        Metrics.model_json_schema(mode="serialization")["properties"]
    )


def test_a_method_is_labelled_as_the_command_line_names_it(document: Document) -> None:
    method = read(document).method
    assert method.label == "xiv:baseline"
    assert MethodRun(id="xiv", title="XIV", preset="paper", config={}, seed=0).label == "xiv"


def test_a_re_ranked_record_of_before_was_re_ranked_by_k_reciprocal_neighbours(
    document: Document,
) -> None:
    put(document, "protocol.rerank", value=True)
    record = read(document)
    assert record.protocol.reranker == RerankerUsed(
        id="k-reciprocal", config={"k1": 20, "k2": 6, "lambda_value": 0.3}
    )
    assert record.row_key["protocol"] == {
        "id": "sysu-all-single",
        "convention": "official",
        "rerank": True,
        "splits": record.protocol.splits,
    }
    again = read(record.as_document())
    assert again == record
    assert hash(again.protocol) == hash(record.protocol)  # records share parts that are alike


@pytest.mark.parametrize(
    ("reranker", "label", "phrase"),
    [
        (K_RECIPROCAL, "re-ranking", ", re-ranked"),
        (
            {**K_RECIPROCAL, "package": "other 2", "overrides": ["k1"]},
            "re-ranking",
            ", re-ranked",
        ),
        (
            {**K_RECIPROCAL, "config": {"k1": 5}, "overrides": ["k1"]},
            "k-reciprocal re-ranking",
            ", re-ranked by k-reciprocal with k1=5",
        ),
        ({"id": "aim", "config": {"k1": 4}}, "aim re-ranking", ", re-ranked by aim"),
    ],
)
def test_a_record_is_labelled_with_its_re_ranker(
    document: Document, reranker: Document, label: str, phrase: str
) -> None:
    put(document, "protocol.rerank", value=True)
    usual = read(document).row_key
    put(document, "protocol.reranker", reranker)
    record = read(document)
    assert record.label == f"xiv:baseline + {label}"
    assert record.protocol.reranker is not None
    assert record.protocol.reranker.phrase == phrase
    assert (record.row_key == usual) is (label == "re-ranking")


@pytest.mark.parametrize(
    ("rerank", "reranker"), [(True, None), (False, {"id": "aim", "config": {}})]
)
def test_a_re_ranker_is_named_where_there_was_one(
    document: Document, rerank: bool, reranker: Document | None
) -> None:
    put(document, "protocol.rerank", rerank)
    put(document, "protocol.reranker", reranker)
    with pytest.raises(ValidationError, match="reranker is named for distances that were"):
        read(document)


@pytest.mark.parametrize("origin", ["features", "given"])
def test_what_came_as_features_may_lack_what_nobody_can_know(
    document: Document, origin: str
) -> None:
    put(document, "origin", {"kind": origin, "files": ["6" * 64]})
    put(document, "provenance.training_identities", [])
    for field in ("cost", "method.preset", "method.seed", "provenance.weights"):
        put(document, field, None)
    put(document, "provenance.selection", None)
    put(document, "dataset.evidence", "features")
    record = read(document)
    assert record.is_foreign
    assert record.label == record.method.title


def test_a_gallery_as_given_may_come_without_files_and_nothing_else_may(
    document: Document,
) -> None:
    put(document, "provenance.training_identities", [])
    put(document, "origin", {"kind": "given", "files": []})
    assert read(document).origin.files == ()
    put(document, "origin", {"kind": "features", "files": []})
    with pytest.raises(ValidationError, match="files are named for what came from outside"):
        read(document)


def test_a_record_is_labelled_with_what_was_done_besides(document: Document) -> None:
    assert read(document).label == "xiv:baseline"
    put(document, "protocol.rerank", value=True)
    assert read(document).label == "xiv:baseline + re-ranking"
    put(document, "provenance.selection", "validation")
    assert read(document).label == "xiv:baseline + validation selection + re-ranking"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method.id", "jsia"),
        ("method.variant", None),
        ("method.preset", "quick"),
        ("method.config.epochs", 4),
        ("method.seed", 1),
        ("dataset.fingerprint", "0" * 64),
        ("dataset.synthetic", True),
        ("protocol.id", "sysu-indoor-single"),
        ("protocol.convention", "agw"),
        ("protocol.rerank", True),
        ("protocol.splits", "0" * 64),
        ("provenance.weights", "none"),
        ("provenance.training_identities", ["0" * 64]),
    ],
)
def test_what_decides_the_scores_makes_another_row(
    document: Document, field: str, value: object
) -> None:
    before = read(document).row_key
    put(document, field, value)
    assert read(document).row_key != before


def test_a_model_from_elsewhere_is_another_row_than_one_trained_here(document: Document) -> None:
    before = read(document).row_key
    put(document, "provenance.training_identities", [])
    put(document, "origin", {"kind": "trained-elsewhere", "files": ["6" * 64]})
    assert read(document).row_key != before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method.title", "another title"),
        ("cost.device", "another device"),
        ("cost.images_per_second", None),
        ("query_scores", "0" * 64),
        ("provenance.created", "2026-01-01T00:00:00Z"),
        ("provenance.git_commit", None),
        ("provenance.versions.torch", "3.0"),
    ],
)
def test_what_only_describes_the_run_keeps_its_row(
    document: Document, field: str, value: object
) -> None:
    before = read(document).row_key
    put(document, field, value)
    assert read(document).row_key == before


def test_scores_take_the_document_of_the_evaluation_as_it_is(document: Document) -> None:
    assert Scores.model_validate(document["scores"]) == read(document).scores


def test_selection_is_the_last_checkpoint_unless_said_otherwise(document: Document) -> None:
    provenance = read(document).provenance.model_dump(exclude={"selection"})
    assert Provenance(**provenance).selection == "last"
    assert Provenance(**provenance, selection="validation").selection == "validation"


def test_a_record_loads_without_torch_or_pandas() -> None:
    code = (
        "import sys; import bench_core.contracts.result; import bench_core.results.store; "
        "import bench_core.results.provenance; import bench_core.leaderboard.render; "
        "print(sorted({'torch', 'pandas', 'numpy', 'scipy', 'click'} & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"
