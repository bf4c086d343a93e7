"""The split files of a record are found among those at hand, or rendered again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.contracts.result import ResultRecord
from bench_core.plugins import Registry
from bench_core.verification import inputs
from bench_core.verification.inputs import InputsAtHand
from bench_sysu.dataset import SysuMM01Reader

EXAMPLE = Path(__file__).parents[1] / "contracts" / "records" / "schema-2.json"


def record_of(splits: str, *, synthetic: bool) -> ResultRecord:
    document = json.loads(EXAMPLE.read_text())
    document["protocol"]["splits"] = splits
    document["dataset"]["synthetic"] = synthetic
    return ResultRecord.from_json(json.dumps(document))


@pytest.fixture(scope="module")
def digest(sysu_root: Path) -> str:
    return SysuMM01Reader().read(sysu_root).splits.digest()


@pytest.fixture
def rendered(sysu_root: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Let the small people stand for those that are rendered; return who asked for them."""
    asked: list[object] = []
    open_inputs = inputs.open_inputs

    def render(registry: Registry, protocol: Any, root: Path | None, cache: Path) -> Any:
        asked.append(root)
        return open_inputs(registry, protocol, sysu_root, cache)

    monkeypatch.setattr(inputs, "open_inputs", render)
    return asked


def test_the_folder_with_the_lists_of_the_record_is_chosen(
    registry: Registry, sysu_root: Path, digest: str, tmp_path: Path, rendered: list[object]
) -> None:
    at_hand = InputsAtHand(registry, [tmp_path, sysu_root])
    found = at_hand.find(record_of(digest, synthetic=True))
    assert found is not None
    assert found.name == str(sysu_root)
    assert at_hand.find(record_of("0" * 64, synthetic=False)) is None
    assert rendered == []


def test_rendered_people_are_rendered_once(
    registry: Registry, digest: str, rendered: list[object]
) -> None:
    at_hand = InputsAtHand(registry, [])
    for _ in range(2):
        found = at_hand.find(record_of(digest, synthetic=True))
        assert found is not None
        assert found.name == "the rendered people of SYSU-MM01"
        assert found.images is not None
    assert at_hand.find(record_of("0" * 64, synthetic=True)) is None
    assert rendered == [None]


def test_what_is_no_folder_is_named(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--splits .*none is not a folder"):
        InputsAtHand(registry, [tmp_path / "none"])
