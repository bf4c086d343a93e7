"""What libraries take for granted of the place where a command runs."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from bench_core.contracts.errors import BenchError
from bench_core.system.cache_folder import CACHE_VARIABLE


def prepare() -> None:
    """Check the current folder, and name a user who has no name and no home, as in many containers.

    Without any of these, torch, matplotlib and others fail, or end the process, when they are
    loaded.

    Raises:
        BenchError: The current folder was deleted, or there is no folder to take for a home.
    """
    _check_current_folder()
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = f"user-{os.getuid()}"
    try:
        Path.home()
    except RuntimeError as error:
        cache = os.environ.get(CACHE_VARIABLE)
        if not cache:
            raise BenchError(
                f"this user has no home folder; set {CACHE_VARIABLE} (or HOME) to a folder"
            ) from error
        os.environ["HOME"] = str(Path(cache).absolute())


def _check_current_folder() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise BenchError(
            f"the current folder cannot be used: {error.strerror}; change to another one"
        ) from error
