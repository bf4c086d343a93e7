"""Where what can be made again lies: decoded images, synthetic people, compiled code, features."""

from __future__ import annotations

import os
from pathlib import Path

from bench_core.contracts.errors import BenchError

CACHE_VARIABLE = "VIREID_BENCH_CACHE"


def cache_directory() -> Path:
    """Return the folder for data that can be made again; it need not exist yet.

    It is `$VIREID_BENCH_CACHE` where that is set, else the platform's user cache.

    Raises:
        BenchError: The variable names a file; or it is not set, and the user has no home folder.
    """
    from platformdirs import user_cache_path

    if configured := os.environ.get(CACHE_VARIABLE):
        # Both are false for names that the system refuses, which whoever writes there reports.
        if os.path.exists(configured) and not os.path.isdir(configured):  # noqa: PTH110, PTH112
            raise BenchError(f"{CACHE_VARIABLE}={configured} is a file; set it to a folder")
        return Path(configured)
    unknown = BenchError(f"the home folder is not known; set {CACHE_VARIABLE} to a folder")
    try:
        folder = user_cache_path("vireid-bench")
    except RuntimeError as error:
        raise unknown from error
    if not folder.is_absolute():  # older versions leave "~" as it is
        raise unknown
    return folder
