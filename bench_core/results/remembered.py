"""Answers that were worked out before: which records were found good, which pairs were told apart.

An answer depends on nothing but the content of files, whose SHA-256 is its question, and on the
code that answers; so it holds wherever the same bytes lie. The answers are kept in the cache.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

import bench_core
from bench_core.system.files import write_bytes
from bench_core.system.foreign_files import read_regular

ANSWERING = ("contracts", "evaluation", "leaderboard", "results")
"""Packages whose sources decide an answer."""
QUESTION_BYTES = 32
MOST_ANSWERS = 1_000_000
"""As many as the file may hold, 33 MB; one that would hold more is begun anew."""


class RememberedAnswers:
    """Yes or no to questions that hashes ask, read from a file and written back to it.

    A file that is missing, damaged, or of another version of the code holds no answers.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._code = _code_hash()
        self._answers = _read(path, self._code)
        self._before = len(self._answers)

    def get(self, *contents: str) -> bool | None:
        """Return the answer to a question; None where it is not known.

        Args:
            contents: What it is asked about, SHA-256 (hex) each.
        """
        return self._answers.get(_question(contents))

    def keep(self, answer: bool, *contents: str) -> None:  # noqa: FBT001 - it is what is kept
        """Remember the answer to a question."""
        self._answers[_question(contents)] = answer

    def save(self) -> None:
        """Write the answers to the file, if there are new ones.

        Raises:
            BenchError: It cannot be written.
        """
        if len(self._answers) == self._before:
            return
        body = b"".join(question + bytes([yes]) for question, yes in self._answers.items())
        content = self._code + body
        write_bytes(self._path, hashlib.sha256(content).digest() + content)


def _question(contents: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\n".join(contents).encode()).digest()


def _read(path: Path, code: bytes) -> dict[bytes, bool]:
    size = QUESTION_BYTES + 1
    try:
        file = read_regular(path, 2 * QUESTION_BYTES + size * MOST_ANSWERS)
    except OSError:
        return {}
    digest, content = file[:QUESTION_BYTES], file[QUESTION_BYTES:]
    if hashlib.sha256(content).digest() != digest or not content.startswith(code):
        return {}
    return {
        content[start : start + QUESTION_BYTES]: bool(content[start + QUESTION_BYTES])
        for start in range(len(code), len(content), size)
    }


def _code_hash() -> bytes:
    """Hash the sources that answer, and the libraries they count on."""
    total = hashlib.sha256(f"{version('numpy')} {version('pydantic')}".encode())
    root = Path(next(iter(bench_core.__path__)))
    for path in sorted(path for name in ANSWERING for path in (root / name).rglob("*.py")):
        total.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())
    return total.digest()
