"""What shows that people or images of features were counted in another way than a dataset's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def numbering_hint(table: pd.DataFrame) -> str:
    """Say what about the numbers of people and images looks like another way of counting.

    It belongs behind the message of an error: numbers that look so may be right.

    Args:
        table: Columns identity and camera and, of images that are known, modality and index.

    Returns:
        A clause that begins with a semicolon; nothing where nothing is seen.

    Examples:
        >>> import pandas as pd
        >>> numbering_hint(pd.DataFrame({"identity": [6, 6], "camera": 1, "index": [1, 2],
        ...                              "modality": "visible"}))
        '; every index counts from 1, and must from 0: subtract 1'
    """
    hints = []
    if "index" in table and len(table):
        first = table.groupby(["camera", "identity", "modality"], sort=False)["index"].min()
        if (first == 1).all():
            hints.append("; every index counts from 1, and must from 0: subtract 1")
    people = sorted(set(table["identity"].tolist()))
    if len(people) > 1 and people == list(range(len(people))):
        hints.append(
            f"; identities are 0 to {people[-1]} without a gap, as the labels of a classifier: "
            "the dataset's own numbers are needed"
        )
    return "".join(hints)
