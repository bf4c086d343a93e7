"""Draws corruptions.jpg: a rendered person under each corruption at each severity.

bench data synth people --layout sysu-mm01 --scale tiny
python docs/pictures/corruptions.py people/cam1/0003/0001.jpg docs/pictures/corruptions.jpg
"""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench_core.corrupted_twins import CORRUPTIONS, SEVERITIES
from bench_core.corruption.degrading import corrupt

SIZE, SHOWN = (288, 144), (160, 80)
"""Height and width at which the person is corrupted, and of its pictures."""
ROWS, GAP, LEFT, HEAD = 2, 3, 16, 34


def main(source: str, target: str) -> None:
    """Draw the sheet of an image file."""
    size = SIZE[1], SIZE[0]
    person = np.asarray(
        Image.open(source, formats=("PNG", "JPEG"))
        .convert("RGB")
        .resize(size, Image.Resampling.BILINEAR)
    )
    columns = len(CORRUPTIONS) // ROWS
    block = HEAD + len(SEVERITIES) * (SHOWN[0] + GAP)
    width = LEFT + columns * (SHOWN[1] + GAP)
    sheet = Image.new("RGB", (width, ROWS * block), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for number, name in enumerate(CORRUPTIONS):
        row, column = divmod(number, columns)
        x, y = LEFT + column * (SHOWN[1] + GAP), row * block
        for line, word in enumerate(name.split("_")):
            draw.text((x + SHOWN[1] / 2, y + 11 + 14 * line), word, "black", font, anchor="mm")
        for place, severity in enumerate(SEVERITIES):
            top = y + HEAD + place * (SHOWN[0] + GAP)
            corrupted = Image.fromarray(corrupt(person, name, severity, name="cam1/0003/0001.jpg"))
            sheet.paste(corrupted.resize(SHOWN[::-1], Image.Resampling.LANCZOS), (x, top))
            middle = (LEFT / 2 - 1, top + SHOWN[0] / 2)
            draw.text(middle, str(severity), "black", font, anchor="mm")
    sheet.save(target, quality=75)


if __name__ == "__main__":
    main(*sys.argv[1:])
