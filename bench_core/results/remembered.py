"""Answers worked out before: good records, pairs told apart, intervals of means over seeds.

An answer depends on nothing but the content of files, whose SHA-256 is its question, and on the
code that answers; so it holds wherever the same bytes lie. The answers are kept in the cache.
"""

from __future__ import annotations

import hashlib
import struct
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import bench_core
from bench_core.contracts.metrics import METRICS
from bench_core.contracts.scores import Intervals
from bench_core.system.files import write_bytes
from bench_core.system.foreign_files import read_regular

ANSWERING = ("contracts", "evaluation", "leaderboard", "results")
"""Packages whose sources decide an answer."""
QUESTION_BYTES = 32
MOST_ANSWERS = 1_000_000
"""As many as a file may hold, 33 MB of yes and no; one that would hold more is begun anew."""


class _Remembered:
    """Answers of some bytes to questions that hashes ask, read from a file and written back to it.

    A file that is missing, damaged, or of another version of the code holds no answers.

    Args:
        path: The file.
    """

    num_bytes: ClassVar[int]

    def __init__(self, path: Path) -> None:
        self._path = path
        self._code = _code_hash()
        self._answers = _read(path, self._code, self.num_bytes)
        self._before = len(self._answers)

    def save(self) -> None:
        """Write the answers to the file, if there are new ones.

        Raises:
            BenchError: It cannot be written.
        """
        if len(self._answers) == self._before:
            return
        body = b"".join(question + answer for question, answer in self._answers.items())
        content = self._code + body
        write_bytes(self._path, hashlib.sha256(content).digest() + content)


class RememberedAnswers(_Remembered):
    """Yes or no to questions that hashes ask."""

    num_bytes = 1

    def get(self, *contents: str) -> bool | None:
        """Return the answer to a question; None where it is not known.

        Args:
            contents: What it is asked about, SHA-256 (hex) each.
        """
        answer = self._answers.get(_question(contents))
        return None if answer is None else answer != b"\0"

    def keep(self, answer: bool, *contents: str) -> None:  # noqa: FBT001 - it is what is kept
        """Remember the answer to a question."""
        self._answers[_question(contents)] = bytes([answer])


class RememberedIntervals(_Remembered):
    """The intervals of every metric of the mean over some results."""

    num_bytes = 8 * 2 * len(METRICS)

    def get(self, *contents: str) -> Intervals | None:
        """Return the intervals of the mean over results; None where they are not known.

        Args:
            contents: SHA-256 (hex) of the scores of the queries of each, in the order of the mean.
        """
        answer = self._answers.get(_question(contents))
        if answer is None:
            return None
        ends = struct.unpack(f"<{2 * len(METRICS)}d", answer)
        pairs = zip(ends[::2], ends[1::2], strict=True)
        return Intervals.model_validate(dict(zip(METRICS, pairs, strict=True)))

    def keep(self, answer: Intervals, *contents: str) -> None:
        """Remember the intervals of the mean over results."""
        ends = [end for pair in answer.by_name().values() for end in pair]
        self._answers[_question(contents)] = struct.pack(f"<{len(ends)}d", *ends)


def _question(contents: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\n".join(contents).encode()).digest()


def _read(path: Path, code: bytes, num_bytes: int) -> dict[bytes, bytes]:
    size = QUESTION_BYTES + num_bytes
    try:
        file = read_regular(path, 2 * QUESTION_BYTES + size * MOST_ANSWERS)
    except OSError:
        return {}
    digest, content = file[:QUESTION_BYTES], file[QUESTION_BYTES:]
    if hashlib.sha256(content).digest() != digest or not content.startswith(code):
        return {}
    return {
        content[start : start + QUESTION_BYTES]: content[start + QUESTION_BYTES : start + size]
        for start in range(len(code), len(content), size)
    }


@cache
def _code_hash() -> bytes:
    """Hash the sources that answer, and the libraries they count on."""
    total = hashlib.sha256(f"{version('numpy')} {version('pydantic')}".encode())
    root = Path(next(iter(bench_core.__path__)))
    for path in sorted(path for name in ANSWERING for path in (root / name).rglob("*.py")):
        total.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())
    return total.digest()
