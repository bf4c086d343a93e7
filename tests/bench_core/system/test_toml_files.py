"""TOML: what is written is read again as it was; what cannot be written is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.contracts.errors import UsageError
from bench_core.system.toml_files import read_toml, toml_key, toml_value

numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(texts, values)
def test_what_is_written_is_read_again(key: str, value: Any) -> None:
    (read,) = tomllib.loads(f"{toml_key(key)} = {toml_value(value)}").items()
    assert read == (key, value)
    assert type(read[1]) is type(value)


@pytest.mark.parametrize("value", [None, [1, None], {"a": {"b": None}}, "\ud800", float("nan")])
def test_what_toml_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"null|surrogate|JSON compliant"):
        toml_value(value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = ", "is not TOML of a thing"),
        (b"\xff", "is not TOML of a thing"),
        (b"a = nan", "is not TOML of a thing"),
        (b"a = " + b"[" * 5000, "is not TOML of a thing"),
        (b"a = 2026-01-01", "no key takes a date"),
    ],
)
def test_a_file_of_something_else_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "some.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=rf"some\.toml.*{message}"):
        read_toml(path, "a thing")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*absent\.toml: No such file"):
        read_toml(tmp_path / "absent.toml", "a thing")
