"""Tries an installed wheel as a stranger would: outside the checkout, with a plugin of their own.

The plugin is what `bench plugin new` writes. `make test-package` builds the wheel, installs it into
an empty environment and runs this file with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SMALL = ("epochs=1", "sampling.identities=4", "sampling.steps_per_epoch=2", "image_height=32")


def bench(folder: Path, *arguments: str) -> Any:
    """Run `bench` of this environment in a folder, and return its JSON document."""
    program = Path(sys.executable).with_name("bench")
    command = [str(program), *arguments, "--json"]
    finished = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE)
    return json.loads(finished.stdout)


def main() -> None:
    """Write a package, install it, and train and score its method."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = bench(folder, "plugin", "new", "my-method")
        assert (folder / "my-method" / "my_method" / "method.py").is_file(), written
        package = str(folder / "my-method")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", package]
        subprocess.run(pip, check=True)
        subprocess.run([sys.executable, "-m", "pip", "check"], check=True)
        methods = {method["method"] for method in bench(folder, "list", "methods")}
        assert {"my-method", "xiv"} <= methods, methods
        assert bench(folder, "plugin", "check", "my-method")["passed"]
        numbers = bench(folder, "published", "check")
        assert numbers["numbers"] > 900, numbers
        people = folder / "people"
        bench(folder, "data", "synth", str(people), "--scale", "tiny")
        settings = [f"--set={assignment}" for assignment in SMALL]
        options = ["--protocol", "sysu-all-single", "--data", str(people), *settings]
        record = bench(folder, "run", "--method", "my-method", *options)
        assert record["method"]["id"] == "my-method"
        assert record["provenance"]["versions"]["my-method"] == "0.1.0"
        assert record["provenance"]["git_commit"] is None
        (result,) = (folder / "results").rglob("*.json")
        page = bench(folder, "report", str(result), "--data", str(people))
        assert page["synthetic"] is True
        board = [str(Path(sys.executable).with_name("bench")), "leaderboard", "--output", "a.html"]
        subprocess.run(board, cwd=folder, check=True)
        assert "my-method" in (folder / "a.html").read_text()
    sys.stdout.write("the wheel works with a stranger's plugin\n")


if __name__ == "__main__":
    main()
