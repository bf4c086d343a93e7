"""Lets the scripts of this folder import each other, as they do when they are run."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

collect_ignore = ["approximate_search.py"]  # needs FAISS, which nothing else here does
