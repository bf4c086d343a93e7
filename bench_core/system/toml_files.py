"""Files of TOML: read as JSON values, and values written as TOML."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench_core.contracts.errors import UsageError
from bench_core.system.foreign_files import read_regular

LARGEST_FILE_BYTES = 1 << 20
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Read a file of TOML as JSON values.

    Args:
        path: The file.
        what: What it should hold, such as "a matrix"; errors say so.

    Raises:
        UsageError: It cannot be read, is no TOML, or holds a date, a NaN or an infinity.
    """
    try:
        document = tomllib.loads(read_regular(path, LARGEST_FILE_BYTES).decode())
        values: dict[str, Any] = json.loads(json.dumps(document, allow_nan=False))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are some
        raise UsageError(f"{path} is not TOML of {what}: {error}") from error
    except TypeError as error:  # a date
        raise UsageError(f"{path}: no key takes a date or time; put it in quotes") from error
    return values


def toml_value(value: Any) -> str:
    r"""Return a JSON value as TOML on one line.

    Raises:
        ValueError: It is null or holds one, or half a character, which TOML cannot write.

    Example:
        >>> toml_value({"rate": 1e-05, "layers": ["a", "b\n"], "on": True})
        '{ rate = 1e-05, layers = ["a", "b\\n"], on = true }'
    """
    match value:
        case None:
            raise ValueError("TOML has no null")
        case str():
            return _quoted(value)
        case Mapping():
            pairs = (f"{toml_key(key)} = {toml_value(inner)}" for key, inner in value.items())
            return f"{{ {', '.join(pairs)} }}" if value else "{}"
        case list() | tuple():
            return f"[{', '.join(map(toml_value, value))}]"
        case _:  # numbers and truth values are spelt alike
            return json.dumps(value, allow_nan=False)


def toml_key(name: str) -> str:
    """Return a key as TOML writes it: bare where it may be, else in quotes.

    Example:
        >>> toml_key("epochs"), toml_key("a key")
        ('epochs', '"a key"')
    """
    return name if _BARE_KEY.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    text.encode()  # half a character is a UnicodeEncodeError, which is a ValueError
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
