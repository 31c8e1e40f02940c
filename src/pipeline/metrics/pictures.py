"""Pictures of rows: pixels enlarged so that a person sees them, and sheets with what was right and what was said."""

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from pipeline.text import shown

SIDE = 96  # pixels that the longer side of an enlarged picture has at least
COLUMNS = 6
CAPTION = 34
GAP = 12
WIDEST = 160  # pixels of a column of a table
WHITE, BLACK, RED, GREEN = (255, 255, 255), (20, 20, 20), (176, 0, 32), (0, 98, 57)


@dataclass(frozen=True)
class Caption:
    """Two lines beneath a picture, and whether the prediction was right."""

    first: str
    second: str
    right: bool


def enlarge(values: npt.NDArray[np.float32], size: tuple[int, int], low: float, high: float) -> Image.Image:
    """A grey picture of a row: `low` black, `high` white, each value a square of whole pixels."""
    scaled = (np.nan_to_num(values) - low) / ((high - low) or 1.0)
    pixels = np.round(np.clip(scaled, 0, 1) * 255).astype(np.uint8).reshape(size)
    factor = max(1, -(-SIDE // max(size)))
    return Image.fromarray(pixels.repeat(factor, axis=0).repeat(factor, axis=1))


def sheet(pictures: Sequence[Image.Image], captions: Sequence[Caption]) -> Image.Image:
    """All pictures, which have one size, in rows of six, each with its caption: red where the prediction was wrong."""
    if not pictures:
        return table(["no rows to show"], [])
    width, height = pictures[0].size
    cell = max(width, SIDE) + GAP, height + CAPTION + GAP
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    drawn = Image.new("RGB", (columns * cell[0] + GAP, rows * cell[1] + GAP), WHITE)
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(12)
    for i, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x, y = GAP + i % columns * cell[0], GAP + i // columns * cell[1]
        drawn.paste(picture, (x, y))
        colour = GREEN if caption.right else RED
        pen.text((x, y + height + 2), _fit(caption.first, cell[0] - 4, font), fill=colour, font=font)
        pen.text((x, y + height + 16), _fit(caption.second, cell[0] - 4, font), fill=BLACK, font=font)
    return drawn


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> Image.Image:
    """Lines of text in columns of equal width, beneath a header."""
    font = ImageFont.load_default(12)
    cells = (_letters(text, WIDEST) for line in [header, *lines] for text in line)
    width = min(max(40, *(int(font.getlength(text)) for text in cells)), WIDEST) + GAP
    drawn = Image.new("RGB", (width * len(header) + GAP, 20 * (len(lines) + 1) + GAP), WHITE)
    pen = ImageDraw.Draw(drawn)
    for row, line in enumerate([header, *lines]):
        for column, text in enumerate(line):
            place = GAP + column * width, GAP // 2 + row * 20
            pen.text(place, _fit(text, width - 4, font), fill=BLACK, font=font)
    pen.line((GAP, 24, drawn.width - GAP, 24), fill=BLACK)
    return drawn


def _fit(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The text cut to `width` pixels."""
    text = _letters(text, width)
    if font.getlength(text) <= width:
        return text
    most = bisect_right(range(len(text)), float(width), key=lambda length: font.getlength(text[:length] + "..."))
    return text[: max(0, most - 1)] + "..."


def _letters(text: str, width: int) -> str:
    """Text in the letters that Pillow's font has, o for an ö and ? for other scripts.

    No more of it than could be drawn on `width` pixels, of which a letter takes one at least: a cell may hold a book.
    """
    plain = unicodedata.normalize("NFKD", shown(text[: width + 1]))
    return "".join(c for c in plain if not unicodedata.combining(c)).encode("ascii", "replace").decode("ascii")
