"""Another interpreter extracts: what it hands back is checked, and nothing of it is left behind."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from bench_core.contracts.errors import BenchError, DataError, UsageError
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.released import extraction_script
from bench_core.released.declaration import imported_first, read_declaration
from bench_core.released.method import ReleasedMethod
from bench_core.released.outside import (
    SCRIPT,
    Interpreter,
    extract_outside,
    wait_while_it_goes_on,
    write_weights,
)

AGW = (Path(__file__).parents[2] / "released_model" / "agw.toml").read_text()
Declare: TypeAlias = Callable[..., Path]
PYTHON = Path(sys.executable)
ROWS = [7, 2, 5, 0]
MODALITIES = ["infrared", "visible", "infrared", "visible"]
JOB: dict[str, Any] = {"rows": ROWS, "modalities": MODALITIES}
START = "import json, os, subprocess, sys, time\njob = json.load(open(sys.argv[1]))\n"
WRITE = "import numpy; numpy.save(job['output'], numpy.{})\n"


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[..., NDArray[np.float32]]:
    """Run a script of a few lines, which finds its job under that name."""

    def run(text: str, timeout_seconds: float = 30) -> NDArray[np.float32]:
        script = tmp_path / "extract.py"
        script.write_text(START + text)
        runner = Interpreter(python=PYTHON, script=script, timeout_seconds=timeout_seconds)
        return extract_outside(runner, JOB, None).features

    return run


Run: TypeAlias = Callable[..., NDArray[np.float32]]


@pytest.fixture
def pixels(tmp_path: Path) -> NDArray[np.uint8]:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (9, 32, 16, 3)).astype(np.uint8)
    images.tofile(tmp_path / "pixels.bin")
    return images


def whole_job(declaration: Path, pixels: NDArray[np.uint8], folder: Path) -> dict[str, Any]:
    found = read_declaration(declaration)
    return {
        **JOB,
        "pixels": str(folder / "pixels.bin"),
        "shape": list(pixels.shape),
        "paths": [f"{row}.jpg" for row in ROWS],
        "declaration": found.config.model_dump(mode="json"),
        "code": str(found.code),
        "device": "cpu",
        "batch": 3,
    }


def test_the_script_gives_the_features_that_the_network_has_here(
    declare_model: Declare, their_file: Path, pixels: NDArray[np.uint8], tmp_path: Path
) -> None:
    declaration = declare_model("flip = true\n" + AGW)
    found = read_declaration(declaration)
    with imported_first(found.code):
        method = ReleasedMethod(found.config, num_identities=3)
    method.load_pretrained(PretrainedWeights("file", their_file))
    network = method.networks.eval()["network"]
    images = torch.from_numpy(pixels[ROWS]).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        expected = [
            method.extract(images[place][None], modality)[0]  # type: ignore[arg-type]
            for place, modality in enumerate(MODALITIES)
        ]
    job = {**whole_job(declaration, pixels, tmp_path), "progress": str(tmp_path / "progress")}
    features = extraction_script.extract(network, job)
    np.testing.assert_allclose(features, torch.stack(expected).numpy(), atol=1e-5)
    assert (tmp_path / "progress").read_text() == "4"


SPY = """
import json, sys
import torch
class Spy(torch.nn.Module):
    def __init__(self, path):
        super(Spy, self).__init__()
        self.path = path
    def forward(self, images):
        with open(self.path, "w") as file:
            json.dump([sorted(sys.modules), sys.path, sys.prefix], file)
        print("junk on standard output " * 10000)
        return images.mean(3).flatten(1)
"""


@pytest.mark.slow
def test_another_environment_runs_it_and_imports_nothing_of_the_harness(
    declare_model: Declare, released_model: Path, pixels: Any, tmp_path: Path
) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    own = {str(Path(module.__file__).parents[1]) for module in (np, torch) if module.__file__}
    (site / "theirs.pth").write_text("\n".join(own))
    (released_model / "spy.py").write_text(SPY)
    seen = tmp_path / "seen.json"
    text = f'network = "spy:Spy"\narguments = {{ path = "{seen}" }}\n'
    job = whole_job(declare_model(text), pixels, tmp_path)
    runner = Interpreter(python=tmp_path / "venv" / "bin" / "python")
    back = extract_outside(runner, job, {})
    assert back.features.shape == (4, 1, 96)
    assert back.versions["torch"] == torch.__version__
    modules, path, prefix = json.loads(seen.read_text())
    assert Path(prefix) == tmp_path / "venv"
    assert "torch" in modules
    assert not [name for name in modules if name.startswith("bench_")]
    assert str(SCRIPT.parent) not in path


def test_the_script_is_of_a_form_that_old_interpreters_read() -> None:
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 6))
    imported = {
        alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names
    }
    imported |= {str(n.module) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    own = {"fnmatch", "importlib", "json", "sys", "pathlib", "typing"}
    assert imported == own | {"numpy", "torch"}


def test_rows_come_back_as_they_are_handed_over(run_script: Run) -> None:
    features = run_script(WRITE.format("arange(8, dtype='f8').reshape(4, 2)"))
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features[:, 0], np.arange(8).reshape(4, 2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WRITE.format("zeros((3, 2))"), "handed back 3 rows for 4 images"),
        (WRITE.format("zeros(4)"), r"expected floats .* got float64 of shape \(4,\)"),
        (WRITE.format("zeros((4, 2), int)"), "got int64"),
        (WRITE.format("array([[1.0], [2], [float('nan')], [3]])"), "of 1 images .* of row 2"),
        (WRITE.format("array([None] * 4)"), "no readable .npy file"),
        ("open(job['output'], 'w').write('junk')", "no readable .npy file"),
        ("", "ended well, but wrote no features"),
    ],
)
def test_what_is_no_table_of_features_is_refused(run_script: Run, text: str, message: str) -> None:
    with pytest.raises(DataError, match=f"extract.py under .*{message}"):
        run_script(text)


def test_of_a_failure_the_last_lines_are_shown(run_script: Run) -> None:
    text = "print('out')\n[sys.stderr.write('line %d\\n' % i) for i in range(9999)]\nsys.exit(7)"
    with pytest.raises(
        BenchError, match=r"exit code 7; the last it printed: line 9994 \|"
    ) as raised:
        run_script(text)
    assert "line 9998" in str(raised.value)
    assert "out" not in str(raised.value).partition("the last")[2]


def test_of_a_traceback_the_lines_that_only_point_are_left_out(run_script: Run) -> None:
    with pytest.raises(BenchError, match="ZeroDivisionError") as raised:
        run_script("values = [1 / 0]")
    shown = str(raised.value).partition("the last it printed: ")[2].split(" | ")
    assert "values = [1 / 0]" in shown
    assert not [line for line in shown if not line.strip("^~ ")]


def test_a_script_that_dies_is_told_by_its_signal(run_script: Run) -> None:
    with pytest.raises(BenchError, match="was ended by signal 11"):
        run_script("os.kill(os.getpid(), 11)")


def _is_gone(process: int) -> bool:
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if "Z" in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2][:3]:
            return True
        time.sleep(0.05)
    return False


CHILD = "child = subprocess.Popen(['sleep', '100']); open({!r}, 'w').write(str(child.pid))\n"


def test_a_script_that_hangs_is_ended_with_its_children(run_script: Run, tmp_path: Path) -> None:
    note = tmp_path / "child"
    text = CHILD.format(str(note)) + "while True: print('junk', flush=True); time.sleep(.01)"
    with pytest.raises(BenchError, match=r"no progress for 1\.5 s .* longer with --timeout"):
        run_script(text, timeout_seconds=1.5)
    assert _is_gone(int(note.read_text()))


class _Slow:
    """A process that never ends, and tells of its progress for a while; a look takes a second."""

    def __init__(self, progress: Path, seconds: int) -> None:
        self.now, self._progress, self._seconds = 0, progress, seconds

    def wait(self, timeout: float) -> int:
        self.now += 1
        if self.now <= self._seconds:
            self._progress.write_text(str(self.now))
        raise subprocess.TimeoutExpired("slow", timeout)


def test_a_slow_script_that_tells_of_its_progress_is_let_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow: Any = _Slow(tmp_path / "progress", seconds=100)
    monkeypatch.setattr(time, "monotonic", lambda: slow.now)
    assert wait_while_it_goes_on(slow, tmp_path / "progress", 10) is None
    assert slow.now == 111


def test_an_interruption_ends_it_with_its_children(run_script: Run, tmp_path: Path) -> None:
    note = tmp_path / "child"

    def interrupt() -> None:
        while not (note.exists() and note.read_text()):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_script(CHILD.format(str(note)) + "time.sleep(100)")
    thread.join()
    assert _is_gone(int(note.read_text()))


def test_weights_that_do_not_fit_are_named_there(
    declare_model: Declare, their_network: nn.Module, tmp_path: Path
) -> None:
    declaration = read_declaration(declare_model()).config.model_dump(mode="json")
    state = {**their_network.state_dict(), "extra": torch.zeros(1, dtype=torch.bfloat16)}
    folder = str(write_weights(tmp_path, state))
    with pytest.raises(ValueError, match="1 tensors of the file do not fit, such as extra"):
        extraction_script.load(their_network, folder, declaration)
    with torch.no_grad():
        their_network.bottleneck.weight.zero_()  # type: ignore[union-attr,operator]
    extraction_script.load(their_network, folder, {**declaration, "unused": ["ext*"]})
    assert their_network.bottleneck.weight.all()  # type: ignore[union-attr,operator]


def test_features_that_depend_on_their_batch_are_caught_there(
    declare_model: Declare, pixels: Any, tmp_path: Path
) -> None:
    declaration = declare_model('network = "model:LooksAround"')
    job = {**whole_job(declaration, pixels, tmp_path), "progress": str(tmp_path / "progress")}
    with imported_first(read_declaration(declaration).code):
        network = extraction_script.build(job["declaration"])
    with pytest.raises(ValueError, match="visible features depend on the other images"):
        extraction_script.extract(network, job)


def test_what_cannot_be_run_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--python .*absent: no such program"):
        Interpreter(python=tmp_path / "absent").check()
    with pytest.raises(UsageError, match=r"--script .*absent\.py: no such file"):
        Interpreter(python=PYTHON, script=tmp_path / "absent.py").check()
    broken = tmp_path / "python"
    broken.write_text("no program")
    broken.chmod(0o755)
    with pytest.raises(BenchError, match="cannot be run"):
        extract_outside(Interpreter(python=broken), JOB, None)
