"""Weights files of anybody: AGW's dictionary loads in every spelling, and nothing in one runs."""

from __future__ import annotations

import argparse
import pickle
import types
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bench_core.contracts.errors import CheckpointError
from bench_core.modeling.weights_files import fit_tensors, open_weights_file

State = dict[str, torch.Tensor]


@pytest.fixture
def state() -> State:
    torch.manual_seed(0)
    return OrderedDict(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).state_dict())


def agw_dictionary(state: State) -> dict[str, Any]:
    """What AGW's train.py saves."""
    return {
        "net": state,
        "cmc": np.linspace(0, 1, 20, dtype=np.float32),
        "mAP": np.float64(0.4765),
        "mINP": np.float64(0.353),
        "epoch": 60,
    }


class _OldPickler(pickle._Pickler):
    """Writes NumPy's functions as NumPy 1 named them; those of C keep their module."""

    def save_global(self, obj: Any, name: str | None = None) -> None:
        known = {np._core.multiarray.scalar: "scalar"}
        known[np._core.multiarray._reconstruct] = "_reconstruct"
        if isinstance(obj, types.BuiltinFunctionType) and obj in known:
            self.write(b"cnumpy.core.multiarray\n" + known[obj].encode() + b"\n")
            self.memoize(obj)
            return
        super().save_global(obj, name)  # type: ignore[misc]


def _old_numpy() -> types.ModuleType:
    module = types.ModuleType("old_pickle")
    module.__dict__.update(pickle.__dict__)
    module.Pickler = _OldPickler  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "stream"])
@pytest.mark.parametrize("numpy_1", [True, False], ids=["numpy 1", "numpy 2"])
def test_the_file_that_agw_writes_is_read(
    tmp_path: Path, state: State, archive: bool, numpy_1: bool
) -> None:
    path = tmp_path / "sysu_agw_p4_n8_lr_0.1_seed_0_best.t"
    torch.save(
        agw_dictionary(state),
        path,
        pickle_module=_old_numpy() if numpy_1 else pickle,
        _use_new_zipfile_serialization=archive,
    )
    assert (b"numpy.core.multiarray" in path.read_bytes()) == numpy_1
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)
    read = open_weights_file(path, "--weights")
    assert read.form == ("PyTorch archive" if archive else "PyTorch stream")
    assert read.wrapper == "net"
    assert read.others == {"cmc": "float32 (20,)", "mAP": "0.4765", "mINP": "0.353", "epoch": "60"}
    assert list(read.tensors) == list(state)
    assert all(torch.equal(read.tensors[name], state[name]) for name in state)


def test_numbers_of_every_width_and_order_keep_their_value(tmp_path: Path, state: State) -> None:
    scalars = [np.int64(-7), np.float32(0.5), np.bool_(True), np.uint8(200)]
    swapped = np.arange(6.0).reshape(2, 3).astype(">f8")
    others = {str(value): value for value in scalars} | {"swapped": swapped}
    torch.save({"net": state, **others}, tmp_path / "w.t")
    read = open_weights_file(tmp_path / "w.t", "--weights")
    assert read.others == {str(v): str(v) for v in scalars} | {"swapped": ">f8 (2, 3)"}


def _bare(state: State) -> Any:
    return state


def _parallel(state: State) -> Any:
    return {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}, "epoch": 1}


@pytest.mark.parametrize(
    ("wrap", "wrapper", "prefix"),
    [
        (_bare, None, ""),
        (_parallel, "state_dict", "module."),
        (lambda state: {"model": state}, "model", ""),
        (lambda state: {"net": state}, "net", ""),
    ],
)
def test_wrappings_are_taken_off_and_named(
    tmp_path: Path, state: State, wrap: Callable[[State], Any], wrapper: str | None, prefix: str
) -> None:
    torch.save(wrap(state), tmp_path / "w.pth")
    read = open_weights_file(tmp_path / "w.pth", "--weights")
    assert (read.wrapper, read.prefix) == (wrapper, prefix)
    assert read.tensors.keys() == state.keys()


def test_an_entry_of_any_name_is_taken_where_it_is_asked_for(tmp_path: Path, state: State) -> None:
    torch.save({"net": {}, "teacher": state}, tmp_path / "w.pth")
    assert open_weights_file(tmp_path / "w.pth", "--weights", "teacher").tensors.keys()
    with pytest.raises(CheckpointError, match="no dictionary 'student', but net, teacher"):
        open_weights_file(tmp_path / "w.pth", "--weights", "student")


class _TouchWhenRead:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self._path,)


class _Scalar:
    """A scalar of NumPy's in a pickle, of a type that no file needs."""

    def __init__(self, kind: str, content: Any) -> None:
        self._kind, self._content = kind, content

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return np._core.multiarray.scalar, (np.dtype(self._kind), self._content)


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "stream"])
def test_code_in_a_file_is_refused_and_does_not_run(
    tmp_path: Path, state: State, archive: bool
) -> None:
    touched = tmp_path / "touched"
    content = {**agw_dictionary(state), "extra": _TouchWhenRead(touched)}
    torch.save(content, tmp_path / "w.t", _use_new_zipfile_serialization=archive)
    with pytest.raises(CheckpointError, match=r"getattr\), or is damaged; a pickle of Python obj"):
        open_weights_file(tmp_path / "w.t", "--weights")
    assert not touched.exists()


@pytest.mark.parametrize(
    "extra",
    [
        argparse.Namespace(lr=0.1),
        nn.Linear(1, 1),
        np.array(["text", None], dtype=object),
        np.array("text"),
        _Scalar("O", "anything"),
        _Scalar("f8", "no bytes"),
    ],
    ids=["options", "module", "objects", "texts", "object", "text"],
)
def test_python_objects_are_refused(tmp_path: Path, state: State, extra: Any) -> None:
    torch.save({"net": state, "extra": extra}, tmp_path / "w.t")
    with pytest.raises(CheckpointError, match=r"w\.t: it is no file of tensors alone"):
        open_weights_file(tmp_path / "w.t", "--weights")


def test_too_few_bytes_for_an_array_are_a_clear_error(tmp_path: Path, state: State) -> None:
    torch.save({"net": state, "extra": _Scalar("f8", b"123")}, tmp_path / "w.t")
    with pytest.raises(CheckpointError, match="cannot be read"):
        open_weights_file(tmp_path / "w.t", "--weights")


def test_a_fit_names_what_does_not_fit(state: State) -> None:
    found = {name: tensor for name, tensor in state.items() if "num_batches" not in name}
    found["0.bias"] = torch.zeros(7)
    found["fc.weight"] = found.pop("1.weight")
    fit = fit_tensors(state, found)
    assert fit.matched == ("0.weight", "1.bias", "1.running_mean", "1.running_var")
    assert fit.missing == ("1.weight",)
    assert fit.unexpected == ("fc.weight",)
    assert fit.reshaped == ("0.bias (7,) for (2,)",)
    assert fit.difference == (
        "1 of 7 tensors are missing, such as 1.weight; 1 of 6 tensors are unknown, such as "
        "fc.weight; 1 of 7 tensors are of another shape, such as 0.bias (7,) for (2,)"
    )


def test_patterns_leave_names_out_of_a_fit(state: State) -> None:
    found = {**state, "0.bias": torch.zeros(7), "fc.weight": torch.zeros(1)}
    fit = fit_tensors(state, found, unused=["fc.*", "0.b*"], missing=["0.bias"])
    assert fit.difference is None
    assert "0.bias" not in fit.matched
