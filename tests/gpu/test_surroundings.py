"""Which packages are missing, and an environment that has them from a folder of wheels."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import surroundings
import wheels
from surroundings import MissingPackagesError, missing, prepare, requirements


def test_all_that_runs_and_the_tests_need_is_required() -> None:
    project = tomllib.loads((surroundings.ROOT / "pyproject.toml").read_text())["project"]
    required = requirements()
    assert len(required) == len(project["dependencies"]) + len(surroundings.TESTS)
    assert required["torch"] == "2.6"
    assert "pytest-xdist" not in required


def test_here_nothing_is_missing() -> None:
    assert missing() == []
    assert prepare(None) == Path(sys.executable)


def test_what_is_missing_or_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"torch": "99", "no-such-package": "1.0", "numpy": "1.0"}
    monkeypatch.setattr(surroundings, "requirements", lambda: wanted)
    assert missing() == ["torch>=99", "no-such-package>=1.0"]
    message = r"lacks torch>=99, no-such-package>=1.0; fill a folder with make gpu-wheels"
    with pytest.raises(MissingPackagesError, match=message):
        prepare(None)


def test_a_folder_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(surroundings, "requirements", lambda: {"no-such-package": "1"})
    with pytest.raises(MissingPackagesError, match="there is no such folder"):
        prepare(tmp_path / "none")


def write_wheel(folder: Path, name: str) -> None:
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "HERE = True\n")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")


@pytest.mark.slow
def test_an_environment_has_what_was_missing_and_what_was_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_wheel(tmp_path, "missing_one")
    monkeypatch.setattr(surroundings, "ENVIRONMENT", tmp_path / "environment")
    monkeypatch.setattr(surroundings, "requirements", lambda: {"missing-one": "1"})
    # This checkout is here already; installing it needs a build backend from the folder.
    monkeypatch.setattr(surroundings, "install_checkout", lambda *_: None)
    python = prepare(tmp_path)
    script = "import missing_one, numpy, bench_core, sys; print(sys.prefix)"
    shown = subprocess.run([python, "-c", script], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == str(tmp_path / "environment")


@pytest.mark.slow
def test_a_folder_that_lacks_something_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(surroundings, "ENVIRONMENT", tmp_path / "environment")
    monkeypatch.setattr(surroundings, "requirements", lambda: {"no-such-package": "1"})
    with pytest.raises(MissingPackagesError, match=r"does not have all that is missing .*FOR=X\.Y"):
        prepare(tmp_path)


def test_what_is_there_already_is_not_taken_along(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[list[str]] = []
    found = {"Torch": "2.11.0", "typing_extensions": "4.1"}
    packages = [{"metadata": {"name": name, "version": found[name]}} for name in found]
    report = json.dumps({"install": packages})

    def output(command: list[str]) -> str:
        commands.append(command)
        return report

    monkeypatch.setattr(wheels, "_output", output)
    present = tmp_path / "present.txt"
    present.write_text("torch==2.11.0+cu130\n")
    folder = tmp_path / "wheels"
    monkeypatch.setattr(
        sys, "argv", ["wheels.py", str(folder), "--python", "3.12", "--present", str(present)]
    )
    wheels.main()
    resolving, downloading = commands
    assert "torch>=2.6" in resolving
    assert downloading[-1] == "typing-extensions==4.1"
    assert not [word for word in downloading if word.startswith("torch")]
    assert "3.12" in downloading
