"""Mutations of files: seeded, so that a fault can be repeated from its number alone."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any, TypeAlias

Mutate: TypeAlias = Callable[[bytes, random.Random], bytes]

INTERESTING_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
INTERESTING_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 1e308, -0.5, float("nan"), float("inf")),
    *("", "x" * 5000, "../../x", "\x1b[31m", "a\nError: b", "=1+1", "\ud800", "0" * 64),
    *([], {}, [[]], [0] * 1000, {"": {}}),
)
MOST_CHANGES = 8


def mutate_bytes(content: bytes, rng: random.Random) -> bytes:
    """Change some places of a file, whatever it holds: bits, numbers, pieces, its end."""
    data = bytearray(content)
    for _ in range(rng.randint(1, MOST_CHANGES)):
        if not data:
            return bytes(data)
        at = rng.randrange(len(data))
        change = rng.randrange(7)
        if change == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif change == 1:
            data[at] = rng.randrange(256)
        elif change == 2:
            number = rng.choice(INTERESTING_NUMBERS)
            width = rng.choice((1, 2, 4, 8))
            order = rng.choice(("little", "big"))
            mask = (1 << (8 * width)) - 1
            data[at : at + width] = (number & mask).to_bytes(width, order)  # type: ignore[arg-type]
        elif change == 3:
            length = rng.randint(1, 64)
            data[at:at] = data[at : at + length]
        elif change == 4:
            del data[at : at + rng.randint(1, 64)]
        elif change == 5:
            other = rng.randrange(len(data))
            data[at : at + 16] = data[other : other + 16]
        else:
            del data[at:]
    return bytes(data)


def mutate_zip(content: bytes, rng: random.Random) -> bytes:
    """Change the members of an archive and write it whole again, so that its checksums hold."""
    if rng.random() < 0.2:
        return mutate_bytes(content, rng)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(sorted(members))
    change = rng.randrange(4)
    if change == 0:
        del members[name]
    elif change == 1:
        members[name] = members[rng.choice(sorted(members))]
    else:
        members[name] = mutate_bytes(members[name], rng)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return file.getvalue()


def mutate_json(content: bytes, rng: random.Random) -> bytes:
    """Replace, remove or nest values of a JSON document; sometimes its text."""
    if rng.random() < 0.2:
        return mutate_bytes(content, rng)
    document = json.loads(content)
    for _ in range(rng.randint(1, 2)):
        document = _changed(document, rng)
    if rng.random() < 0.02:
        return b"[" * 100_000
    return json.dumps(document).encode("utf-8", "surrogatepass")


def mutate_lines(content: bytes, rng: random.Random) -> bytes:
    """Repeat, drop, exchange or damage lines of a text."""
    if rng.random() < 0.3:
        return mutate_bytes(content, rng)
    lines = content.split(b"\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    change = rng.randrange(5)
    if change == 0:
        lines[at] = lines[other]
    elif change == 1:
        del lines[at]
    elif change == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif change == 3:
        lines[at] = mutate_bytes(lines[at] or b" ", rng)
    else:
        lines.insert(at, rng.choice((b"", b" ", b"\x00", b"9" * 5000, b"../../x 0", b"a b c d")))
    return b"\n".join(lines)


def _changed(node: Any, rng: random.Random) -> Any:
    if isinstance(node, dict) and node and rng.random() < 0.9:
        key = rng.choice(sorted(node))
        if rng.random() < 0.1:
            return {name: value for name, value in node.items() if name != key}
        return {**node, key: _changed(node[key], rng)}
    if isinstance(node, list) and node and rng.random() < 0.7:
        at = rng.randrange(len(node))
        return [*node[:at], _changed(node[at], rng), *node[at + 1 :]]
    return rng.choice(INTERESTING_VALUES)
