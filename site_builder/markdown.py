"""Markdown of the forge as the site's parser needs it: links, lists, and text that stays text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

Rewrite: TypeAlias = Callable[[str, str], tuple[str, str]]
"""From the text and the target of a link to those that take their place."""

_FENCE = re.compile(r" *(`{3,}|~{3,})")
_CODE_OR_LINK = re.compile(r"(?P<code>(`+).*?\2)|\[(?P<text>[^\]\[]*)\]\((?P<target>[^)\s]+)\)")
_ITEM = re.compile(r"( *)([-*+]|\d{1,9}\.)( +)(?=\S)")
_BEGINS_A_LIST = frozenset({"-", "*", "+", "1."})
"""Marks of items that end a paragraph; a line of it may begin with another number."""
_HEADING = re.compile(r"# +(.+)")
_SPECIAL = re.compile(r"[\\`*_\[\]<>|#~&]")
_CODE_IN_PROSE = re.compile(r"`([^`]+)`|'(bench [^']+)'")
COLUMNS_OF_A_LEVEL = 4
"""By which the site's parser tells what belongs to an item of a list."""


def title_of(text: str) -> str | None:
    """Return the first heading of the first level; None without one."""
    return next(
        (
            found[1].strip()
            for line, is_code in _lines(text)
            if not is_code and (found := _HEADING.fullmatch(line))
        ),
        None,
    )


def escaped(text: str) -> str:
    """Return Markdown that shows a text as it is, also in a cell of a table."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text)


def prose(text: str) -> str:
    """Return the text of a docstring or a help page as Markdown.

    What stands in backticks is code, and so is a command of bench in quotes; the rest is text.
    """
    made, end = [], 0
    for found in _CODE_IN_PROSE.finditer(text):
        made += [escaped(text[end : found.start()]), code(found[1] or found[2])]
        end = found.end()
    return "".join(made) + escaped(text[end:])


def code(text: str) -> str:
    """Return Markdown that shows a text as code."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def fenced(text: str, language: str = "text") -> str:
    """Return a block of code, whatever fences it has itself."""
    longest = max((len(found) for found in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}\n"


def table(columns: list[str], rows: list[list[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [columns, ["-"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def with_links(text: str, rewrite: Rewrite) -> str:
    """Rewrite the links and pictures of a page; those within code are no links."""

    def changed(found: re.Match[str]) -> str:
        if found["code"]:
            return found[0]
        return "[{}]({})".format(*rewrite(found["text"], found["target"]))

    return "".join(
        f"{line if is_code else _CODE_OR_LINK.sub(changed, line)}\n"
        for line, is_code in _lines(text)
    )


def with_deep_lists(text: str) -> str:
    """Indent what belongs to an item of a list as far as the site's parser asks.

    CommonMark takes what stands below the first letter of an item as a part of it, and begins a
    list without an empty line above it.
    """
    made: list[str] = []
    levels: list[int] = []  # the column at which the content of each open item begins
    previous = ""
    for line, is_code in _lines(text):
        indent = len(line) - len(line.lstrip(" "))
        item = None if is_code else _ITEM.match(line)
        in_paragraph = bool(previous.strip()) and not levels
        if item and in_paragraph and item[2] not in _BEGINS_A_LIST:
            item = None
        continued = previous.strip() and not (item or is_code or line.startswith("#"))
        lazy = bool(continued and levels and indent < levels[-1])
        while levels and line.strip() and indent < levels[-1] and not lazy:
            levels.pop()
        outer = levels[-1] if levels else 0
        depth = COLUMNS_OF_A_LEVEL * len(levels)
        if item and in_paragraph:
            made.append("")
        inside = levels and line.strip() and not lazy
        made.append(" " * (depth + indent - outer) + line.lstrip(" ") if inside else line)
        if item:
            levels.append(item.end())
        previous = line
    return "\n".join(made) + "\n"


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Give each line with whether it is code, the fences included."""
    fence = ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if fence:
            yield line, True
            if found and found[1].startswith(fence) and line.strip() == found[1]:
                fence = ""
        elif found:
            fence = found[1]
            yield line, True
        else:
            yield line, False
