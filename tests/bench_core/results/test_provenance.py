"""Provenance tells how to repeat a run, without telling whose machine it ran on."""

import os
import platform
import subprocess
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pytest

import bench_core
from bench_core.contracts.result import Provenance
from bench_core.results.provenance import (
    Trained,
    collect_provenance,
    git_state,
    without_personal_paths,
)


def collect(*command: str, packages: tuple[str, ...] = ()) -> Provenance:
    return collect_provenance(
        command or ("bench",),
        packages,
        weights="none",
        selection="validation",
        trained=Trained(identities=("d" * 64,)),
    )


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout with one commit that holds a `bench_core` package."""
    (tmp_path / "bench_core").mkdir()
    (tmp_path / "bench_core" / "__init__.py").write_text("")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_versions_are_those_of_the_installed_distributions() -> None:
    versions = collect(packages=("pydantic",)).versions
    assert versions["python"] == platform.python_version()
    assert versions["torch"] == metadata.version("torch")
    assert versions["pydantic"] == metadata.version("pydantic")
    assert {"numpy", "vireid-bench"} <= set(versions)


def test_a_distribution_that_is_not_installed_is_said_to_be() -> None:
    assert collect(packages=("no-such-plugin",)).versions["no-such-plugin"] == "not installed"


def test_it_says_how_the_model_was_selected() -> None:
    assert collect().selection == "validation"


def test_the_date_is_now_in_whole_seconds_of_utc() -> None:
    created = collect().created
    assert created.microsecond == 0
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)


def test_neither_host_nor_user_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann-of-the-lab")
    monkeypatch.setenv("USER", "ann-of-the-lab")
    monkeypatch.setattr(platform, "node", lambda: "gpu-machine-7")
    text = collect("bench", "run", "--data", "/home/ann-of-the-lab/sysu").model_dump_json()
    assert "ann-of-the-lab" not in text
    assert "gpu-machine-7" not in text
    assert "~/sysu" in text


@pytest.mark.parametrize(
    ("typed", "recorded"),
    [
        ("/home/ann/data", "~/data"),
        ("/home/ann", "~"),
        ("--data=/home/ann/data", "--data=~/data"),
        ("/home/anna/data", "/home/anna/data"),
        ("/mnt/home/ann/data", "/mnt/home/$USER/data"),
        ("/scratch/ann/data", "/scratch/$USER/data"),
        ("ann", "ann"),
        ("data/sysu", "data/sysu"),
    ],
)
def test_personal_folders_are_masked_and_all_else_kept(
    monkeypatch: pytest.MonkeyPatch, typed: str, recorded: str
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("USER", "ann")
    assert without_personal_paths(typed) == recorded


def test_without_a_home_and_a_user_arguments_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    monkeypatch.delenv("USER", raising=False)
    assert without_personal_paths("/data/sysu") == "/data/sysu"


def test_the_commit_of_a_clean_checkout_is_recorded(checkout: Path) -> None:
    commit, dirty = git_state(checkout)
    assert commit is not None
    assert len(commit) == 40
    assert dirty is False


@pytest.mark.parametrize("name", ["bench_core/__init__.py", "bench_core/new.py"])
def test_a_changed_or_new_source_makes_the_checkout_dirty(checkout: Path, name: str) -> None:
    (checkout / name).write_text("x = 1\n")
    assert git_state(checkout)[1] is True


def test_a_new_result_does_not_make_the_checkout_dirty(checkout: Path) -> None:
    (checkout / "result.json").write_text("{}")
    assert git_state(checkout)[1] is False


def test_a_package_installed_inside_another_checkout_has_no_commit(checkout: Path) -> None:
    installed = checkout / "site-packages"
    (installed / "bench_core").mkdir(parents=True)
    (installed / "bench_core" / "__init__.py").write_text("")
    assert git_state(installed) == (None, None)


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    assert git_state(tmp_path) == (None, None)


def test_without_git_there_is_no_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    assert git_state(checkout) == (None, None)


def test_a_git_hook_does_not_turn_to_another_repository(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = git_state(checkout)
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    assert git_state(checkout) == expected


def test_the_commit_is_looked_up_where_the_package_lies(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_core, "__path__", [str(checkout / "bench_core")])
    assert collect().git_commit == git_state(checkout)[0]


def test_a_folder_name_that_is_no_unicode_can_be_recorded() -> None:
    recorded = collect("bench", "run", "--data", os.fsdecode(b"caf\xe9")).command[-1]
    assert recorded == "caf\\xe9"
    assert recorded.encode()
