"""Printed digits: whether two of them can be the same number."""

from __future__ import annotations

from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal


def decimals(printed: str) -> int:
    """Return how many digits stand behind the point.

    Example:
        >>> [decimals(text) for text in ("42", "42.4", "42.40")]
        [0, 1, 2]
    """
    return len(printed.partition(".")[2])


def rounded(printed: str, num_decimals: int) -> str:
    """Return a number with no more than so many digits behind the point, a five rounded up.

    Example:
        >>> rounded("49.95", 1), rounded("49.9", 2)
        ('50.0', '49.9')
    """
    unit = Decimal(1).scaleb(-min(num_decimals, decimals(printed)))
    return str(Decimal(printed).quantize(unit, ROUND_HALF_UP))


def same_number(first: str, second: str) -> bool:
    """Tell whether one is the other, or the other rounded to fewer digits.

    A five at the end may have been rounded up or down.

    Example:
        >>> [same_number("49.9", text) for text in ("49.92", "49.95", "49.96", "49.90")]
        [True, True, False, True]
    """
    coarse, fine = sorted((first, second), key=decimals)
    unit = Decimal(1).scaleb(-decimals(coarse))
    ways = {Decimal(fine).quantize(unit, way) for way in (ROUND_HALF_UP, ROUND_HALF_DOWN)}
    return Decimal(coarse) in ways


def about_the_same(first: str, second: str) -> bool:
    """Tell whether two differ by less than a unit of the last digit of the coarser one.

    So do numbers that were rounded up or cut off.

    Example:
        >>> about_the_same("12.1", "12.04"), about_the_same("12.1", "12.00")
        (True, False)
    """
    unit = Decimal(1).scaleb(-min(decimals(first), decimals(second)))
    return abs(Decimal(first) - Decimal(second)) < unit


def may_come_from(printed: str, source: str) -> bool:
    """Tell whether a table may print a number that a source prints so.

    It may have fewer digits than the source, rounded; with more digits it has another source, and
    the first may have been rounded up or cut off.

    Example:
        >>> may_come_from("12.1", "12.04"), may_come_from("12.04", "12.1")
        (False, True)
    """
    finer = decimals(printed) > decimals(source)
    return same_number(printed, source) or (finer and about_the_same(printed, source))
