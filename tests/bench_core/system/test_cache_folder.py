"""Where the cache lies, and what is said where it can lie nowhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench_core.contracts.errors import BenchError
from bench_core.system.cache_folder import CACHE_VARIABLE, cache_directory


def test_the_cache_lies_where_the_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert cache_directory() == tmp_path


def test_a_user_without_a_home_folder_is_told_to_name_a_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for an id without a name
    with pytest.raises(BenchError, match="the home folder is not known; set VIREID_BENCH_CACHE"):
        cache_directory()


@pytest.mark.parametrize("value", [None, ""])
def test_the_cache_lies_in_the_users_cache_otherwise(
    value: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(CACHE_VARIABLE)
    if value is not None:
        monkeypatch.setenv(CACHE_VARIABLE, value)
    assert tmp_path in cache_directory().parents
    assert cache_directory().name == "vireid-bench"


def test_a_variable_that_names_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(BenchError, match=f"^{CACHE_VARIABLE}={tmp_path}/file is a file; set it to"):
        cache_directory()


def test_a_folder_is_made_by_whoever_writes_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "absent"))
    assert cache_directory() == tmp_path / "absent"
