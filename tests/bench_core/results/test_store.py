"""The results folder holds one file a run: written whole, replaced by the same run only."""

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench_core.contracts.errors import BenchError, DataError
from bench_core.contracts.reranked import RerankerUsed
from bench_core.contracts.result import ResultRecord
from bench_core.evaluation.query_table import QueryTable
from bench_core.results import store
from bench_core.results.remembered import RememberedAnswers
from bench_core.results.store import (
    find_results,
    query_scores_path,
    read_query_scores,
    read_result,
    result_path,
)

ReadResults = Callable[[Path], list[ResultRecord]]

QUERY_SCORES = Path(__file__).parents[1] / "contracts" / "records" / "schema-2.queries.npz"

MakeTable = Callable[..., QueryTable]
StoreResult = Callable[..., Path]


def write_result(folder: Path, record: ResultRecord) -> Path:
    return store.write_result(folder, record, QUERY_SCORES.read_bytes())


def without_digest(record: ResultRecord) -> ResultRecord:
    return record.model_copy(update={"digest": None})


def redigest(document: dict[str, Any]) -> str:
    return json.dumps(store.with_digest(document))


def changed(record: ResultRecord, part: str, **values: object) -> ResultRecord:
    return record.model_copy(update={part: getattr(record, part).model_copy(update=values)})


def rewrite(path: Path, part: str, **values: object) -> None:
    document = json.loads(path.read_text())
    document[part] |= values
    path.write_text(json.dumps(document))


def test_what_was_written_is_read_back(tmp_path: Path, record: ResultRecord) -> None:
    stored = read_result(write_result(tmp_path, record))
    assert without_digest(stored) == record
    assert stored.digest is not None


def test_the_name_tells_what_ran(tmp_path: Path, record: ResultRecord) -> None:
    path = result_path(tmp_path, record)
    assert path.parent == tmp_path / "sysu-all-single"
    assert re.fullmatch(r"xiv-baseline-paper-official-seed0-[0-9a-f]{8}\.json", path.name)


def test_the_name_omits_the_full_method_and_marks_re_ranking(
    tmp_path: Path, record: ResultRecord
) -> None:
    full = changed(record, "method", variant=None)
    usual, other = (
        changed(full, "protocol", rerank=True, reranker=used)
        for used in (RerankerUsed.usual(), RerankerUsed(id="other", config={}))
    )
    name = result_path(tmp_path, usual).name
    assert name.startswith("xiv-paper-official-rerank-seed0-")
    assert result_path(tmp_path, other).name.startswith("xiv-paper-official-rerank-other-seed0-")


def test_the_name_marks_a_model_that_validation_selected(
    tmp_path: Path, record: ResultRecord
) -> None:
    selected = changed(record, "provenance", selection="validation")
    assert "-official-validation-seed0-" in result_path(tmp_path, selected).name


def test_the_same_run_replaces_its_file(
    tmp_path: Path, record: ResultRecord, read_results: ReadResults
) -> None:
    first = write_result(tmp_path, record)
    again = changed(record, "cost", images_per_second=5.0)
    assert write_result(tmp_path, again) == first
    assert [without_digest(stored) for stored in read_results(tmp_path)] == [again]


def test_a_run_with_another_setting_has_a_file_of_its_own(
    tmp_path: Path, record: ResultRecord, read_results: ReadResults
) -> None:
    other = changed(record, "method", config={**record.method.config, "epochs": 4})
    assert write_result(tmp_path, record) != write_result(tmp_path, other)
    assert len(read_results(tmp_path)) == 2


def test_records_are_sorted_by_path(
    tmp_path: Path, record: ResultRecord, read_results: ReadResults
) -> None:
    for seed in (2, 0, 1):
        write_result(tmp_path, changed(record, "method", seed=seed))
    write_result(tmp_path, changed(record, "protocol", id="a-protocol"))
    found = read_results(tmp_path)
    assert [run.protocol.id for run in found] == ["a-protocol"] + 3 * ["sysu-all-single"]
    assert [run.method.seed for run in found[1:]] == [0, 1, 2]


def test_a_folder_that_does_not_exist_holds_no_results(
    tmp_path: Path, read_results: ReadResults
) -> None:
    assert read_results(tmp_path / "absent") == []


def test_a_results_folder_that_is_a_file_is_named(
    tmp_path: Path, read_results: ReadResults
) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(DataError, match="results is a file"):
        read_results(tmp_path / "results")


@pytest.mark.parametrize(
    "name", ["leaderboard.json", "published/x.json", ".cache/x.json", "sysu/.x.json", "note.txt"]
)
def test_what_is_no_record_by_its_name_is_left_alone(
    tmp_path: Path, name: str, read_results: ReadResults
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("not a record")
    assert read_results(tmp_path) == []


@pytest.mark.parametrize("name", ["x.json", "sysu/x.json", "sysu/leaderboard.json"])
def test_anything_else_must_be_a_record(
    tmp_path: Path, name: str, read_results: ReadResults
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("{")
    with pytest.raises(DataError, match=re.escape(f"{path} is not JSON")):
        read_results(tmp_path)


def test_a_protocol_may_not_be_called_like_a_folder_that_is_left_alone(
    tmp_path: Path, record: ResultRecord
) -> None:
    with pytest.raises(BenchError, match="'published' cannot be stored"):
        write_result(tmp_path, changed(record, "protocol", id="published"))


@pytest.mark.parametrize(
    ("part", "values", "message"),
    [
        ("method", {"seed": "0"}, "method.seed: Input should be a valid integer, got '0'"),
        ("cost", {"flops": 3}, "cost: flops 3 is not twice macs 4053000000"),
        ("cost", {"watts": 300}, "cost.watts: Extra inputs are not permitted, got 300"),
        ("dataset", {"id": "", "num_images": 0}, r"dataset.id: .* \(and 1 more\)"),
    ],
)
def test_a_broken_record_is_named_with_its_field(
    tmp_path: Path,
    record: ResultRecord,
    part: str,
    values: dict[str, object],
    message: str,
    read_results: ReadResults,
) -> None:
    path = write_result(tmp_path, record)
    rewrite(path, part, **values)
    with pytest.raises(
        DataError, match=f"{re.escape(str(path))} is not a .*: {message}; "
    ) as caught:
        read_results(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b'{"schema_version": 1'])
def test_a_file_that_is_not_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.json is not JSON: .*; restore the file"):
        read_result(path)


def test_json_that_is_no_object_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[]")
    with pytest.raises(DataError, match="is not a result record: the document"):
        read_result(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read result .*absent\.json: No such file"):
        read_result(tmp_path / "absent.json")


def test_a_record_of_a_newer_version_asks_for_an_upgrade(
    tmp_path: Path, record: ResultRecord, read_results: ReadResults
) -> None:
    path = write_result(tmp_path, record)
    document = json.loads(path.read_text()) | {"schema_version": 4, "unheard_of": {}}
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"schema_version 4, newer than 3.*pip install --upgrade"):
        read_results(tmp_path)


def test_two_files_of_the_same_run_are_refused(
    tmp_path: Path, record: ResultRecord, read_results: ReadResults
) -> None:
    path = write_result(tmp_path, record)
    copy = path.with_name("copy.json")
    copy.write_bytes(path.read_bytes())
    query_scores_path(copy).write_bytes(query_scores_path(path).read_bytes())
    with pytest.raises(DataError, match=r"copy\.json and .* hold the same run; remove one"):
        read_results(tmp_path)
    assert list(find_results(tmp_path).records) == [copy]


def test_a_full_disk_leaves_the_old_file_whole(
    tmp_path: Path, record: ResultRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_result(tmp_path, record)
    old = path.read_bytes()

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(BenchError, match=r"cannot write .*\.queries\.npz: No space left on device"):
        write_result(tmp_path, changed(record, "cost", images_per_second=5.0))
    assert path.read_bytes() == old
    assert set(path.parent.iterdir()) == {path, query_scores_path(path)}


def test_the_scores_of_the_queries_lie_beside_the_record(
    tmp_path: Path, record: ResultRecord, query_scores: bytes
) -> None:
    path = write_result(tmp_path, changed(record, "method", preset="v1.5"))
    beside = query_scores_path(path)
    assert beside.name == path.name.removesuffix(".json") + ".queries.npz"
    assert beside.read_bytes() == query_scores == read_query_scores(path, record)
    assert list(find_results(tmp_path).records) == [path]


def test_a_record_is_not_stored_with_the_scores_of_other_queries(
    tmp_path: Path, record: ResultRecord
) -> None:
    with pytest.raises(ValueError, match="another hash"):
        store.write_result(tmp_path, record, b"others")
    assert list(tmp_path.iterdir()) == []


def test_missing_scores_of_the_queries_are_named_with_the_way_out(
    tmp_path: Path, record: ResultRecord
) -> None:
    path = write_result(tmp_path, record)
    query_scores_path(path).unlink()
    expected = r"queries\.npz: No such file or directory; restore it beside .*\.json, or run"
    with pytest.raises(DataError, match=expected):
        read_query_scores(path, record)


def test_changed_scores_of_the_queries_are_named_with_the_way_out(
    tmp_path: Path, record: ResultRecord
) -> None:
    path = write_result(tmp_path, record)
    query_scores_path(path).write_bytes(b"others")
    expected = r"queries\.npz is not the file that .*\.json was written with; restore it"
    with pytest.raises(DataError, match=expected):
        read_query_scores(path, record)


def test_a_changed_record_is_refused_by_its_digest(tmp_path: Path, record: ResultRecord) -> None:
    path = write_result(tmp_path, record)
    rewrite(path, "cost", device="a faster one")
    with pytest.raises(DataError, match=r"\.json was changed after it was written: its digest"):
        read_result(path)


def test_a_new_digest_does_not_make_an_edited_score_true(
    tmp_path: Path, record: ResultRecord
) -> None:
    path = write_result(tmp_path, record)
    document = json.loads(path.read_text())
    for trial in document["scores"]["trials"]:
        trial["mAP"] = 0.9
    document["scores"]["mean"]["mAP"] = 0.9
    path.write_text(redigest(document))
    expected = r"\.json was edited or merged: its mean mAP is 0\.9, but the queries in .* give 0\."
    with pytest.raises(DataError, match=expected):
        read_result(path)


@pytest.mark.parametrize(
    ("field", "value"), [("queries", 37), ("valid_queries", 35), ("gallery", [301] * 9)]
)
def test_counts_are_held_to_the_queries(
    tmp_path: Path, record: ResultRecord, field: str, value: object
) -> None:
    path = write_result(tmp_path, record)
    document = json.loads(path.read_text())
    document["scores"][field] = value
    if field == "gallery":
        document["scores"]["trials"].pop()
    path.write_text(redigest(document))
    with pytest.raises(DataError, match=r"was edited or merged: its \w+ is \d+, but the queries"):
        read_result(path)


@pytest.mark.parametrize(("camera", "given"), [("3", r"0\.\d+"), ("4", "nan")])
def test_scores_by_query_camera_are_held_to_the_queries(
    make_table: MakeTable, store_result: StoreResult, camera: str, given: str
) -> None:
    path = store_result(make_table())
    assert list(read_result(path).scores.by_query_camera) == ["3"]
    document = json.loads(path.read_text())
    of_cameras = document["scores"]["by_query_camera"]
    of_cameras[camera] = {**of_cameras["3"], "mean": {**of_cameras["3"]["mean"], "mAP": 0.875}}
    path.write_text(redigest(document))
    expected = rf"its mean of camera {camera} \S+ is 0\.\d+, but the queries in .* give {given};"
    with pytest.raises(DataError, match=expected):
        read_result(path)


@pytest.mark.parametrize("camera", ["three", "3.0", "", "9" * 40])
def test_a_camera_is_a_number(
    make_table: MakeTable, store_result: StoreResult, camera: str
) -> None:
    path = store_result(make_table())
    document = json.loads(path.read_text())
    of_cameras = document["scores"]["by_query_camera"]
    of_cameras[camera] = of_cameras.pop("3")
    path.write_text(redigest(document))
    with pytest.raises(DataError, match=r"is not a result record: scores\.by_query_camera"):
        read_result(path)


def test_a_record_of_schema_1_has_no_digest_to_hold_it_to(
    tmp_path: Path, record: ResultRecord
) -> None:
    old = record.model_copy(update={"schema_version": 1})
    assert read_result(write_result(tmp_path, old)) == old


def test_a_bad_record_does_not_keep_the_others_from_being_read(
    tmp_path: Path, record: ResultRecord
) -> None:
    good = write_result(tmp_path, record)
    bad = write_result(tmp_path, changed(record, "method", seed=1))
    bad.write_text("{")
    found = find_results(tmp_path)
    assert list(found.records) == [good]
    (defect,) = found.defects
    assert str(defect).startswith(f"{bad} is not JSON")


def test_a_record_that_nobody_could_read_is_not_written(
    tmp_path: Path, record: ResultRecord
) -> None:
    hostile = changed(record, "provenance", command=("bench", "run", "--data", "b\udcff"))
    with pytest.raises(BenchError, match=r"cannot be written .*: .* is not a result record"):
        write_result(tmp_path, hostile)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"schema_version": 2, "cost": {"training_macs": 1' + 400 * b"0" + b"}}",
        b'{"schema_version": 1' + 5000 * b"0" + b"}",
        b'{"schema_version": 1e999}',
        b'{"schema_version": "\\ud800"}',
    ],
    ids=["depth", "integer", "digits", "infinite", "surrogate"],
)
def test_json_out_of_bounds_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.json is not .*; restore the file") as caught:
        read_result(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["training_macs", "parameters"])
def test_a_count_fits_into_64_bits(tmp_path: Path, record: ResultRecord, field: str) -> None:
    path = write_result(tmp_path, record)
    rewrite(path, "cost", **{field: 10**400})
    with pytest.raises(DataError, match=rf"cost\.{field}: .*less than 9223372036854775808"):
        read_result(path)


def test_temporary_files_of_killed_writers_are_removed(
    tmp_path: Path, record: ResultRecord
) -> None:
    path = write_result(tmp_path, record)
    left = path.with_name(f".{path.name}.{'0' * 32}.tmp")
    left.write_text("half")
    write_result(tmp_path, record)
    assert not left.exists()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(DataError, match=r"pipe\.json: It is a named pipe, not a regular file"):
        read_result(tmp_path / "pipe.json")


def test_a_record_that_passed_is_not_checked_again_but_its_content_is(
    tmp_path: Path, record: ResultRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_result(tmp_path, record)
    remembered = RememberedAnswers(tmp_path / "answers.bin")
    first = find_results(tmp_path, remembered)
    monkeypatch.setattr("bench_core.results.query_scores.check_scores", None)
    assert find_results(tmp_path, remembered) == first
    beside = query_scores_path(path)
    beside.write_bytes(beside.read_bytes() + b" ")
    (defect,) = find_results(tmp_path, remembered).defects
    assert "is not the file that" in str(defect)
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 7'))
    (defect,) = find_results(tmp_path, remembered).defects
    assert "was changed after it was written" in str(defect)


def test_records_share_the_mappings_that_are_alike(tmp_path: Path, record: ResultRecord) -> None:
    write_result(tmp_path, record)
    write_result(tmp_path, changed(record, "method", seed=1))
    first, second = find_results(tmp_path).records.values()
    assert first.method.config is second.method.config
    assert first.provenance.versions is second.provenance.versions
    assert (first.method.seed, second.method.seed) == (0, 1)
