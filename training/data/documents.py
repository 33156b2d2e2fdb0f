"""Dense print: book and news pages, forms, tables, lists of names, web pages, chats, code on light and dark screens."""

from __future__ import annotations

import math

import cv2
import numpy as np

from training.data import art, effects, words
from training.data.assets import Face
from training.data.canvas import Block, Canvas, Region
from training.data.lettering import fitted, horizontal, turned, vertical, wrapped
from training.data.strokes import Ink, corners, polygon, polyline
from training.data.studio import Studio, brightness
from training.data.writing import Writer

_PRINT = {"sans": 0.55, "serif": 0.25, "dlg": 0.2}
_SMALLEST_PX, _LARGEST_PX = 5.0, 40.0


class Typesetter:
    """Sets one document: a ground colour, an ink, a body font and its size."""

    def __init__(self, studio: Studio, size_px: int, *, dark: bool) -> None:
        self.studio, self.dice, self.size_px = studio, studio.dice, size_px
        dice = self.dice
        if dark:
            self.paper = studio.plain(dice.whole(0, 60)) if dice.chance(0.7) else studio.colour("dark")
            self.ink = studio.plain(dice.whole(170, 255))
        else:
            self.paper = studio.plain(dice.whole(235, 255)) if dice.chance(0.85) else studio.colour("pastel")
            self.ink = studio.plain(dice.whole(0, 90))
        self.canvas = Canvas(studio.blank((size_px, size_px), self.paper))
        self.writer = Writer(studio, self.canvas)
        self.language = self.writer.language()
        self.face = self.writer.face(self.language, _PRINT)
        self.body_px = float(np.clip(dice.log_between(6, 22) * studio.zoom, _SMALLEST_PX, _LARGEST_PX))
        self.lead = dice.between(1.1, 1.75)

    def line_ink(self) -> Ink:
        """A rule's colour, between paper and ink."""
        share = self.dice.between(0.15, 0.9)
        mixed = (np.asarray(self.paper) + (np.asarray(self.ink, np.float64) - np.asarray(self.paper)) * share).astype(
            int
        )
        return int(mixed) if mixed.ndim == 0 else (int(mixed[0]), int(mixed[1]), int(mixed[2]))

    def accent(self) -> Ink:
        """A link or keyword colour that can be read on the paper."""
        light = brightness(self.paper) < 128
        if self.studio.grey:
            return self.dice.whole(150, 240) if light else self.dice.whole(20, 110)
        return self.studio.colour("pastel" if light else self.dice.pick(["dark", "vivid"]))

    def put(self, block: Block, x: float, y: float, *, ink: Ink | None = None, kind: str = "print") -> tuple[int, int]:
        """Print a block with its upper left corner at (x, y); returns its height and width."""
        self.canvas.write(effects.plain(self.studio, block, ink=ink if ink is not None else self.ink), x, y, kind)
        return block.alpha.shape[0], block.alpha.shape[1]

    def line(
        self,
        text: str,
        x: float,
        y: float,
        *,
        size_px: float | None = None,
        face: Face | None = None,
        ink: Ink | None = None,
    ) -> float:
        """Print one line; returns its width."""
        block = horizontal(self.dice, face or self.face, size_px or self.body_px, [text])
        return self.put(block, x, y, ink=ink)[1]

    def heading(self, x: float, y: float, width: float) -> float:
        """Print a heading; returns the y below it."""
        dice = self.dice
        size = self.body_px * dice.between(1.3, 3)
        face = self.writer.face(self.language, {"sans": 0.5, "serif": 0.3, "sfx": 0.2})
        lines = wrapped(face, size, words.phrase(dice, face, dice.whole(4, 14)), width)[:2]
        block = fitted(horizontal(dice, face, size, lines, align="left"), width)
        height, _ = self.put(block, x, y, ink=self.ink if dice.chance(0.7) else self.accent(), kind="title")
        return y + height + size * 0.6

    def paragraph(self, x: float, y: float, width: float, lines: int) -> float:
        """Print a paragraph of at most so many lines; returns the y below it."""
        dice = self.dice
        font = self.face.sized(self.body_px)
        wide = max(3.0, font.getlength("漢" if self.language in {"ja", "zh", "ko"} else "n"))
        text = words.prose(dice, self.face, int(width / wide * lines * 0.95) + 3)
        block = horizontal(
            dice,
            self.face,
            self.body_px,
            wrapped(self.face, self.body_px, text, width)[:lines],
            lead=self.lead,
            align="left",
        )
        height, _ = self.put(block, x, y)
        return y + height + self.body_px * dice.between(0.4, 1.4)


def document(studio: Studio, size_px: int) -> Canvas:
    """One of the kinds of dense print, light or dark."""
    dice = studio.dice
    kind = dice.weighted(
        {"article": 0.27, "screen": 0.2, "code": 0.12, "table": 0.13, "names": 0.12, "chat": 0.1, "vertical": 0.06}
    )
    setter = Typesetter(studio, size_px, dark=dice.chance(0.6 if kind in {"code", "names"} else 0.25))
    {
        "article": _article,
        "screen": _screen,
        "code": _code,
        "table": _table,
        "names": _names,
        "chat": _chat,
        "vertical": _book,
    }[kind](setter)
    setter.canvas.regions = blocks_of_lines(setter.canvas.regions)
    if dice.chance(0.06):
        setter.writer.watermark()
    return setter.canvas


def blocks_of_lines(regions: list[Region]) -> list[Region]:
    """Lines and words that were set close together become the block that a reader sees.

    Two upright boxes belong together if their letters are of about one size and they are less than a letter's height
    apart, below each other with at least half of the narrower one in common, or beside each other on one line.
    """
    if len(regions) < 2:
        return regions
    low = np.array([region.polygon.min(0) for region in regions])
    high = np.array([region.polygon.max(0) for region in regions])
    em = np.array([region.glyph_px for region in regions])
    least_em = np.minimum(em[:, None], em[None])
    alike = np.maximum(em[:, None], em[None]) < 1.3 * least_em
    gap = np.maximum(low[:, None], low[None]) - np.minimum(high[:, None], high[None])  # negative: in common
    size = high - low
    shared = -gap >= 0.5 * np.minimum(size[:, None], size[None])
    below = shared[..., 0] & (gap[..., 1] < least_em)
    beside = shared[..., 1] & (gap[..., 0] < least_em * 1.2)
    joined = alike & (below | beside)
    group = np.arange(len(regions))
    for _ in range(len(regions)):  # spread the least number through each group
        spread = np.where(joined, group[None], len(regions)).min(1)
        spread = np.minimum(spread, group)
        if np.array_equal(spread, group):
            break
        group = spread
    blocks = []
    for number in np.unique(group):
        members = group == number
        box = corners(*low[members].min(0), *high[members].max(0)).astype(np.float32)
        blocks.append(Region(box, float(np.median(em[members])), regions[int(number)].kind))
    return blocks


def _article(setter: Typesetter) -> None:
    """Columns of paragraphs with headings, pictures and rules, cut anywhere."""
    dice, size = setter.dice, setter.size_px
    columns = dice.weighted({1: 0.45, 2: 0.35, 3: 0.2})
    gap = setter.body_px * dice.between(1.2, 3)
    width = size * dice.between(0.85, 1.25)
    left = (size - width) / 2 + dice.between(-0.1, 0.1) * size
    column_width = (width - gap * (columns - 1)) / columns
    for column in range(columns):
        x, y = left + column * (column_width + gap), dice.between(-3, 2) * setter.body_px
        while y < size:
            kind = dice.weighted({"text": 0.72, "heading": 0.13, "picture": 0.08, "rule": 0.07})
            if kind == "heading":
                y = setter.heading(x, y, column_width)
            elif kind == "picture":
                y = _picture(setter, x, y, column_width)
            elif kind == "rule":
                polyline_on_both(setter.canvas, np.array([[x, y], [x + column_width, y]]), setter.line_ink(), 1)
                y += setter.body_px
            else:
                y = setter.paragraph(x, y, column_width, dice.whole(1, 14))


def _picture(setter: Typesetter, x: float, y: float, width: float) -> float:
    """Place a picture; returns the y below it."""
    height = width * setter.dice.between(0.3, 0.9)
    if width < 16 or height < 16:
        return y + height
    drawn = art.scene(setter.studio, (int(height), int(width)), photographic=True)
    setter.canvas.draw(np.full(drawn.shape[:2], 255, np.uint8), drawn, x, y)
    return y + height + setter.body_px


def polyline_on_both(canvas: Canvas, points: np.ndarray, ink: Ink, width: float, *, closed: bool = False) -> None:
    """Draw a line into raw and clean; meant for places without letters."""
    polyline(canvas.clean, points, ink, width, closed=closed)
    polyline(canvas.raw, points, ink, width, closed=closed)


def box_on_both(canvas: Canvas, box: np.ndarray, ink: Ink) -> None:
    """Fill a box in raw and clean; meant for places without letters."""
    polygon(canvas.clean, box, ink)
    polygon(canvas.raw, box, ink)


def _screen(setter: Typesetter) -> None:
    """A web page or an application: bars, menus, cards, buttons, fields, icons."""
    dice, size, canvas, studio = setter.dice, setter.size_px, setter.canvas, setter.studio
    bar = setter.body_px * dice.between(2, 3.5)
    box_on_both(canvas, corners(0, 0, size, bar), studio.colour() if dice.chance(0.6) else setter.line_ink())
    shade = canvas.clean[int(bar / 2), 2]
    x = dice.between(4, 30)
    while x < size - 10:
        ink = studio.white() if np.mean(shade) < 128 else studio.black()
        x += setter.line(
            words.name(dice, setter.face), x, (bar - setter.body_px) / 2, ink=ink
        ) + setter.body_px * dice.between(1, 3)
    side = size * dice.between(0.2, 0.34) if dice.chance(0.5) else 0.0
    y = bar + setter.body_px
    while side and y < size:
        mark = art.icon(studio, setter.body_px)
        if dice.chance(0.6):
            canvas.draw(mark, setter.line_ink(), 6, y)
        block = fitted(
            horizontal(dice, setter.face, setter.body_px, [words.name(dice, setter.face)]), side - setter.body_px * 2
        )
        setter.put(block, 10 + setter.body_px * 1.3, y, ink=setter.ink if dice.chance(0.7) else setter.accent())
        y += setter.body_px * dice.pick([1.8, 1.8, 2.2, 3])
    y = bar + setter.body_px
    while y < size:
        y = _card(setter, side + 12, y, size - side - 24)


def _card(setter: Typesetter, x: float, y: float, width: float) -> float:
    """A part of a screen below another; returns the y below it."""
    dice, canvas = setter.dice, setter.canvas
    kind = dice.weighted(
        {"text": 0.45, "heading": 0.15, "buttons": 0.15, "field": 0.1, "picture": 0.1, "progress": 0.05}
    )
    em = setter.body_px
    if kind == "heading":
        return setter.heading(x, y, width)
    if kind == "picture":
        return _picture(setter, x, y, width * dice.between(0.3, 0.7))
    if kind == "progress":
        box_on_both(canvas, corners(x, y, x + width, y + em * 0.5), setter.line_ink())
        box_on_both(canvas, corners(x, y, x + width * dice.unit(), y + em * 0.5), setter.accent())
        return y + em * 2
    if kind == "field":
        polyline_on_both(canvas, corners(x, y, x + width * 0.8, y + em * 2), setter.line_ink(), 1, closed=True)
        setter.line(words.name(dice, setter.face), x + em * 0.6, y + em * 0.45, ink=setter.line_ink())
        return y + em * 3
    if kind == "buttons":
        at = x
        for _ in range(dice.whole(1, 4)):
            label = horizontal(dice, setter.face, em, [words.name(dice, setter.face)])
            colour = setter.studio.colour()
            box_on_both(canvas, corners(at, y, at + label.alpha.shape[1] + em * 1.6, y + em * 2), colour)
            setter.put(
                label,
                at + em * 0.8,
                y + em * 0.55,
                ink=setter.studio.white() if brightness(colour) < 140 else setter.studio.black(),
            )
            at += label.alpha.shape[1] + em * 2.6
        return y + em * 3
    return setter.paragraph(x, y, width, dice.whole(1, 6))


def _code(setter: Typesetter) -> None:
    """Source code or a terminal: indented lines in one pitch, with colours and line numbers."""
    dice, size = setter.dice, setter.size_px
    mono = [face for face in setter.studio.pack.faces_for("en", "sans") if "Mono" in face.name]
    face = mono[0] if mono else setter.face
    colours = [setter.ink] * 3 + [setter.accent() for _ in range(3)]
    step, em = setter.body_px * setter.lead, face.sized(setter.body_px).getlength("n")
    indent, number = 0, dice.whole(1, 900)
    numbered = dice.chance(0.6)
    y = dice.between(-1, 1) * step
    while y < size:
        x = 6.0
        if numbered:
            setter.line(str(number), x, y, face=face, ink=setter.line_ink())
            x += em * 5
            number += 1
        indent = max(0, min(6, indent + dice.pick([-1, 0, 0, 0, 1])))
        x += indent * em * 4
        for _ in range(dice.weighted({0: 0.12, 2: 0.3, 4: 0.38, 7: 0.2})):
            token = words.phrase(dice, face, 2).split(" ")[0].lower() + dice.pick(
                ["", "", "()", " =", ":", ",", ".x", "[0]", " {", ";"]
            )
            if x > size:
                break
            x += setter.line(token, x, y, face=face, ink=dice.pick(colours)) + em
        y += step


def _table(setter: Typesetter) -> None:
    """Rows and columns with rules or bands."""
    dice, size, canvas = setter.dice, setter.size_px, setter.canvas
    row_height = setter.body_px * dice.between(1.5, 2.8)
    columns = dice.whole(2, 7)
    edges = np.sort(np.concatenate([[dice.between(-40, 20)], dice.generator.uniform(0.05, 0.98, columns) * size]))
    banded, ruled = dice.chance(0.4), dice.chance(0.6)
    band, rule = (
        setter.studio.plain(dice.whole(215, 240))
        if brightness(setter.paper) > 128
        else setter.studio.plain(dice.whole(60, 90)),
        setter.line_ink(),
    )
    y, row = dice.between(-row_height, row_height), 0
    while y < size:
        if banded and row % 2:
            box_on_both(canvas, corners(edges[0], y, size, y + row_height), band)
        if ruled:
            polyline_on_both(canvas, np.array([[edges[0], y], [size, y]]), rule, 1)
        for start, end in zip(edges, [*edges[1:], size + 60], strict=True):
            if ruled and dice.chance(0.9):
                polyline_on_both(canvas, np.array([[start, y], [start, y + row_height]]), rule, 1)
            if end - start > setter.body_px * 1.5 and dice.chance(0.85):
                text = str(dice.whole(0, 99999)) if dice.chance(0.4) else words.name(dice, setter.face)
                block = horizontal(dice, setter.face, setter.body_px, [setter.face.without_unknown(text) or "0"])
                block = block if block.alpha.shape[1] < end - start - 4 else fitted(block, max(8.0, end - start - 5))
                setter.put(block, start + 4, y + (row_height - block.alpha.shape[0]) / 2)
        y, row = y + row_height, row + 1


def _names(setter: Typesetter) -> None:
    """Lists: credits of a film or comic, contents, indexes, ingredient labels."""
    dice, size = setter.dice, setter.size_px
    if dice.chance(0.4):
        drawn = art.panel(setter.studio, (size, size))
        dim = cv2.convertScaleAbs(drawn, alpha=dice.between(0.15, 0.4))
        setter.canvas.draw(np.full((size, size), 255, np.uint8), dim, 0, 0)
        setter.ink = setter.studio.plain(dice.whole(200, 255))
    columns, centred = dice.whole(1, 4), dice.chance(0.4)
    step, y = setter.body_px * setter.lead, dice.between(-1, 1) * setter.body_px
    while y < size:
        for column in range(columns):
            label = words.name(dice, setter.face) if dice.chance(0.6) else words.phrase(dice, setter.face, 6)
            block = fitted(horizontal(dice, setter.face, setter.body_px, [label]), size / columns - 6)
            x = size / columns * (column + 0.5) - block.alpha.shape[1] / 2 if centred else size / columns * column + 6
            setter.put(block, x, y)
        y += step * (dice.between(1.5, 3) if dice.chance(0.08) else 1)


def _chat(setter: Typesetter) -> None:
    """Messages in coloured bubbles with names and times."""
    dice, size, canvas, studio = setter.dice, setter.size_px, setter.canvas, setter.studio
    own, other = studio.colour(dice.pick(["pastel", "vivid"])), setter.line_ink()
    y = dice.between(-2, 1) * setter.body_px
    while y < size:
        mine = dice.chance(0.5)
        text = words.prose(dice, setter.face, dice.whole(4, 90))
        lines = wrapped(setter.face, setter.body_px, text, size * dice.between(0.35, 0.6))
        block = horizontal(dice, setter.face, setter.body_px, lines, lead=setter.lead, align="left")
        height, width = block.alpha.shape
        pad = setter.body_px * 0.7
        x = size - width - pad * 3 if mine else pad * 3
        colour = own if mine else other
        box_on_both(canvas, corners(x - pad, y, x + width + pad, y + height + pad * 2), colour)
        setter.put(block, x, y + pad, ink=studio.white() if brightness(colour) < 128 else studio.black())
        y += height + pad * 2.6
        if dice.chance(0.4):
            stamp = horizontal(
                dice,
                setter.face,
                max(_SMALLEST_PX, setter.body_px * 0.7),
                [f"{dice.whole(0, 23)}:{dice.whole(10, 59)}"],
            )
            setter.put(stamp, x, y, ink=setter.line_ink())
            y += setter.body_px * 1.2


def _book(setter: Typesetter) -> None:
    """A novel's page in columns from right to left."""
    dice, size = setter.dice, setter.size_px
    if setter.language not in {"ja", "zh"} and "ja" in setter.studio.pack.languages:
        setter.face = dice.pick(setter.studio.pack.faces_for("ja", "dlg"))
    lead, pitch = dice.between(1.0, 1.1), dice.between(1.4, 2)
    rows = int(size * dice.between(0.8, 1.1) / (setter.body_px * lead))
    count = rows * max(1, math.floor(size / (setter.body_px * pitch)))
    text = words.prose(dice, setter.face, min(count, 2600))
    block = vertical(dice, setter.face, setter.body_px, text, rows=max(4, rows), pitch=pitch, lead=lead)
    if dice.chance(0.2):
        block = turned(block, dice.between(-2, 2))
    setter.put(block, (size - block.alpha.shape[1]) / 2, dice.between(-20, 20))
