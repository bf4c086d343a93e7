"""What code of a stranger does to the machine while it is watched: connections, files written.

Python tells an audit hook of each of these before it happens (PEP 578). Code in C that opens files
or sockets by itself is not seen: this finds mistakes, and holds nobody off who means harm.
"""

from __future__ import annotations

import os
import socket
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["network", "file", "import"]

_WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGED_PATHS: Mapping[str, Callable[[tuple[Any, ...]], tuple[Any, ...]]] = {
    "open": lambda given: given[:1] if _opens_for_writing(given) else (),
    "os.rename": lambda given: given[:2],
    "os.link": lambda given: given[1:2],
    "os.symlink": lambda given: given[1:2],
    **dict.fromkeys(
        ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.chown"),
        lambda given: given[:1],
    ),
}
"""By event, which of its arguments are paths that change."""
_REACHING = frozenset(
    {"socket.bind", "socket.connect", "socket.sendto", "socket.sendmsg", "socket.__new__"}
)
_LOOKING_UP = frozenset(
    {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
)


@dataclass(frozen=True)
class Place:
    """A line of a file.

    Attributes:
        file: The file.
        line: Number of the line, from 1.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True)
class Deed:
    """Something that watched code did.

    Attributes:
        kind: "network", "file" (written, moved or removed) or "import" (of a watched module).
        what: The event and what it was about, such as "open /home/me/log.txt".
        place: The line of the watched packages that did it.
    """

    kind: Kind
    what: str
    place: Place


class Guard:
    """Watches what a few packages do, themselves or through libraries that they call.

    Connections are refused, with an OSError; files are written as ever, and noted.

    Attributes:
        packages: Names of the packages.
        allowed: Folders below which they may write.
        imports: Names of modules whose first import is noted.
        deeds: What they did so far, each thing once.
    """

    def __init__(
        self, packages: Collection[str], allowed: Collection[Path], imports: Collection[str] = ()
    ) -> None:
        self.packages, self.imports = frozenset(packages), frozenset(imports)
        self.allowed = tuple(Path(os.path.realpath(folder)) for folder in allowed)
        self.deeds: dict[Deed, None] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs; what runs in other threads meanwhile is watched, too."""
        before, _State.guard = _State.guard, self
        _State.listen()
        try:
            yield
        finally:
            _State.guard = before

    def hear(self, event: str, given: tuple[Any, ...]) -> None:
        """Note an event, where a watched package caused it.

        Raises:
            OSError: It would reach the network.
        """
        if event == "import":
            if given[0] in self.imports:
                self._note("import", str(given[0]))
        elif event in _LOOKING_UP or (event in _REACHING and _leaves_the_machine(given)):
            if self._note("network", event):
                raise OSError("the network is refused while a plugin is checked")
        elif event in _CHANGED_PATHS:
            for path in _CHANGED_PATHS[event](given):
                if not self._may_write(path):
                    self._note("file", f"{event} {os.fsdecode(path)}")

    def _note(self, kind: Kind, what: str) -> bool:
        place = place_in(sys._getframe(2), self.packages, through_imports=kind == "import")
        if place is None:
            return False
        self.deeds[Deed(kind, what, place)] = None
        return True

    def _may_write(self, path: Any) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return True  # a descriptor, whose opening was heard of
        real = Path(os.path.realpath(os.fsdecode(path)))
        devices = (Path("/dev"), Path("/proc"))
        return any(real.is_relative_to(folder) for folder in (*devices, *self.allowed))


def place_in(
    frame: FrameType | None, packages: Collection[str], *, through_imports: bool = False
) -> Place | None:
    """Return the innermost line of some packages that a frame lies in or was called from.

    Args:
        frame: Where to begin.
        packages: Their names.
        through_imports: Whether what a library does while it is imported by them counts.

    Returns:
        The line; None where no package has part in it.
    """
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in packages:
            return Place(frame.f_code.co_filename, frame.f_lineno)
        if module == "importlib._bootstrap" and not through_imports:
            return None
        frame = frame.f_back
    return None


def raised_in(error: BaseException, packages: Collection[str]) -> Place | None:
    """Return the last line of some packages that an exception passed through, if any."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return Place(error.filename, error.lineno)
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in packages:
            found = Place(frame.f_code.co_filename, line)
    return found


class _State:
    """The one hook of this process, which cannot be taken away: it stays, and asks who listens."""

    guard: Guard | None = None
    listening = False

    @classmethod
    def listen(cls) -> None:
        if not cls.listening:
            sys.addaudithook(cls._hear)
            cls.listening = True

    @classmethod
    def _hear(cls, event: str, given: tuple[Any, ...]) -> None:
        if cls.guard is not None:
            cls.guard.hear(event, given)


def _opens_for_writing(given: tuple[Any, ...]) -> bool:
    _, mode, flags = given
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & _WRITING_FLAGS)


def _leaves_the_machine(given: tuple[Any, ...]) -> bool:
    """Say whether an event of a socket is about one of the internet, and not of this machine."""
    family = given[1] if len(given) == 4 else getattr(given[0], "family", None)
    return family in (socket.AF_INET, socket.AF_INET6)
