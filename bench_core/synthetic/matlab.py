"""MATLAB files with reproducible bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from scipy.io import savemat

HEADER_BYTES = 116
HEADER_TEXT = b"MATLAB 5.0 MAT-file, Platform: vireid-bench, Created on: not recorded"


def matlab_file(variables: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the content of a MATLAB 5 file, whose bytes depend on nothing but its variables.

    Args:
        variables: Arrays by name.
    """
    buffer = io.BytesIO()
    savemat(buffer, dict(variables))  # type: ignore[arg-type]  # the stubs leave out open files
    # scipy notes the time of writing in the descriptive text that starts the file.
    return HEADER_TEXT.ljust(HEADER_BYTES) + buffer.getvalue()[HEADER_BYTES:]
