"""Code of a network is copied with what it imports from its folder, by relative imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.scaffolding.copied_code import read_code

BUILD = "\n\ndef build():\n    return 1\n"


def write(folder: Path, **texts: str) -> Path:
    """Write modules into a folder; return the path of the one called model."""
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder / "model.py"


@pytest.mark.parametrize(
    ("line", "copied"),
    [
        ("from resnet import block", "from .resnet import block"),
        ("from  resnet import (block,\n    neck)", "from  .resnet import (block,\n    neck)"),
        ("import resnet", "from . import resnet"),
        ("import resnet as layers", "from . import resnet as layers"),
        ("x = 'ä'; import resnet", "x = 'ä'; from . import resnet"),
        ("if 1:\n    from resnet import block", "if 1:\n    from .resnet import block"),
        ("from .resnet import block", "from .resnet import block"),
        ("from . import resnet", "from . import resnet"),
    ],
)
def test_what_lies_beside_is_copied_and_imported_from_the_package(
    tmp_path: Path, line: str, copied: str
) -> None:
    path = write(tmp_path, model=line + BUILD, resnet="import torch\n", other="")
    assert read_code(path, "build") == {
        "network.py": copied + BUILD,
        "resnet.py": "import torch\n",
    }


def test_imports_of_imports_are_followed_and_circles_end(tmp_path: Path) -> None:
    path = write(tmp_path, model="import a" + BUILD, a="import b\n", b="import a\nimport os\n")
    assert read_code(path, "build") == {
        "network.py": "from . import a" + BUILD,
        "a.py": "from . import b\n",
        "b.py": "from . import a\nimport os\n",
    }


def test_what_does_not_lie_beside_is_left_as_it_is(tmp_path: Path) -> None:
    text = "import os, sys\nfrom torch import nn\nimport torch.nn.functional as F" + BUILD
    assert read_code(write(tmp_path, model=text, other=""), "build") == {"network.py": text}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("import os, resnet", "line 2: an import of several modules"),
        ("import resnet.block", "line 2: an import of resnet.block, but resnet.py is no package"),
        ("from layers import block", "line 2: an import of the package layers beside it"),
        ("from \\\n  resnet import block", "line 2: an import over several lines"),
        ("from ..resnet import block", "line 2: an import from the package that it lies in"),
        ("from . import VERSION", "line 2: an import from the package that it lies in"),
        ("from broken import block", r"broken\.py: it is no Python file"),
        ("from network import block", r"imports network\.py, which cannot lie beside the copy"),
        ("from model import block", r"imports model\.py, which cannot lie beside the copy"),
    ],
)
def test_what_cannot_be_copied_is_one_line(tmp_path: Path, line: str, says: str) -> None:
    path = write(tmp_path, model=f"\n{line}{BUILD}", resnet="", broken="def (", network="")
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / "__init__.py").touch()
    with pytest.raises(UsageError, match=says) as caught:
        read_code(path, "build")
    assert "\n" not in str(caught.value)
