"""The leaderboard is made without what trains, and to the same bytes wherever that is.

`make leaderboard-alone` installs what is enough.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

from bench_core.system.cache_folder import CACHE_VARIABLE

ROOT = Path(__file__).parents[1]
ELSEWHERE = {
    "LC_ALL": "C", "TZ": "Pacific/Chatham", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0",
}  # fmt: skip
CHECK = ("--output", "results/leaderboard.html", "--plot", "results", "--check")
PROGRAM = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"{name} is not installed", name=name)
        return None

MISSING = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Missing())
from bench_start import main
sys.argv = ["bench", "leaderboard", *sys.argv[2:]]
main()
"""


def installed_alone() -> set[str]:
    """Return the distributions that the target installs, with what they require."""
    (names,) = re.findall(r"^LEADERBOARD_NEEDS := (.*)$", (ROOT / "Makefile").read_text(), re.M)
    waiting, found = names.split(), {"vireid-bench"}
    while waiting:
        name = waiting.pop().lower()
        if name not in found:
            found.add(name)
            required = [text for text in distribution(name).requires or () if "extra" not in text]
            waiting += [
                re.split(r"[^\w.-]", text)[0]
                for text in required
                if "python_version <" not in text and "platform" not in text
            ]
    return {re.sub(r"[-_.]+", "-", name) for name in found}


def test_it_needs_no_more_and_is_the_same_in_another_locale_and_time_zone(tmp_path: Path) -> None:
    alone = installed_alone()
    missing = [
        module
        for module, owners in packages_distributions().items()
        if not any(re.sub(r"[-_.]+", "-", owner.lower()) in alone for owner in owners)
    ]
    assert {"torch", "pandas", "numba"} <= set(missing)
    subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(missing), *CHECK],
        env=os.environ | ELSEWHERE | {CACHE_VARIABLE: str(tmp_path)},
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
