"""Draw the example page: panels, bubbles, tone, lettering. `python examples/draw_page.py examples/page.png`."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 900, 1280
INK, PAPER = 0, 255
Box = tuple[int, int, int, int]


def draw_page() -> Image.Image:
    """The page, 8-bit gray."""
    rng = np.random.default_rng(7)
    page = np.full((HEIGHT, WIDTH), PAPER, np.uint8)
    panels: list[Box] = [(40, 40, 520, 440), (540, 40, 860, 440), (40, 460, 860, 820), (40, 840, 860, 1240)]
    _tone(page, panels[0], period=6, radius=lambda x, _: 0.6 + 2.0 * x)
    _speed_lines(page, panels[1], rng)
    _hills(page, panels[2], rng)
    _tone(page, panels[3], period=7, radius=lambda _, y: 0.4 + 2.6 * y)
    _face(page, (400, 300), 96)
    _face(page, (690, 690), 84)
    _face(page, (230, 1090), 110)
    for x0, y0, x1, y1 in panels:
        cv2.rectangle(page, (x0, y0), (x1, y1), INK, 5, cv2.LINE_AA)
    picture = Image.fromarray(page)
    draw = ImageDraw.Draw(picture)
    _bubble(draw, (80, 70, 330, 210), "WHO WROTE\nALL OVER\nMY PAGE?", 30)
    _bubble(draw, (560, 60, 840, 190), "Not me!\nI only draw.", 30)
    _bubble(draw, (90, 490, 380, 630), "Then we need\nsomebody who\ncan erase...", 28)
    _caption(draw, (560, 480, 840, 540), "Meanwhile, in the hills", 22)
    _bubble(draw, (430, 880, 820, 1030), "...and who leaves\nthe drawing alone!", 34)
    _sound(draw, (430, 1090), "WHOOSH", 88)
    draw.text((WIDTH // 2, 1262), "1", font=ImageFont.load_default(20), fill=INK, anchor="mm")
    return picture


def _bubble(draw: ImageDraw.ImageDraw, box: Box, text: str, size_px: int) -> None:
    draw.ellipse(box, fill=PAPER, outline=INK, width=4)
    centre = ((box[0] + box[2]) // 2, (box[1] + box[3]) // 2)
    draw.multiline_text(centre, text, font=ImageFont.load_default(size_px), fill=INK, anchor="mm", align="center")


def _caption(draw: ImageDraw.ImageDraw, box: Box, text: str, size_px: int) -> None:
    draw.rectangle(box, fill=PAPER, outline=INK, width=3)
    centre = ((box[0] + box[2]) // 2, (box[1] + box[3]) // 2)
    draw.text(centre, text, font=ImageFont.load_default(size_px), fill=INK, anchor="mm")


def _sound(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size_px: int) -> None:
    draw.text(at, text, font=ImageFont.load_default(size_px), fill=INK, stroke_width=6, stroke_fill=PAPER)


def _tone(page: np.ndarray, box: Box, *, period: int, radius) -> None:
    x0, y0, x1, y1 = box
    for row, y in enumerate(range(y0, y1, period)):
        for x in range(x0 + (row % 2) * period // 2, x1, period):
            size = radius((x - x0) / (x1 - x0), (y - y0) / (y1 - y0))
            cv2.circle(page, (x * 16, y * 16), round(size * 16), INK, -1, cv2.LINE_AA, 4)


def _speed_lines(page: np.ndarray, box: Box, rng: np.random.Generator) -> None:
    x0, y0, x1, y1 = box
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2 + 60])
    for angle in np.sort(rng.uniform(0, 2 * np.pi, 150)):
        way = np.array([np.cos(angle), np.sin(angle)])
        near, far = centre + way * rng.uniform(80, 150), centre + way * 420
        points = np.array([near, far + 3 * way[::-1] * [1, -1], far - 3 * way[::-1] * [1, -1]], np.int32)
        inside = page[y0:y1, x0:x1]
        cv2.fillPoly(inside, [points - [x0, y0]], INK, cv2.LINE_AA)


def _hills(page: np.ndarray, box: Box, rng: np.random.Generator) -> None:
    x0, y0, x1, y1 = box
    for shade, level in ((205, 0.45), (150, 0.62), (60, 0.82)):
        xs = np.arange(x0, x1)
        ys = y0 + (y1 - y0) * (level + 0.08 * np.sin(xs / rng.uniform(60, 110) + rng.uniform(0, 6)))
        outline = np.concatenate([np.stack([xs, ys], 1), [[x1, y1], [x0, y1]]]).astype(np.int32)
        cv2.fillPoly(page, [outline], shade, cv2.LINE_AA)
        cv2.polylines(page, [outline], isClosed=True, color=INK, thickness=2, lineType=cv2.LINE_AA)


def _face(page: np.ndarray, centre: tuple[int, int], radius_px: int) -> None:
    x, y = centre
    cv2.circle(page, centre, radius_px, PAPER, -1, cv2.LINE_AA)
    cv2.circle(page, centre, radius_px, INK, 4, cv2.LINE_AA)
    cv2.ellipse(page, (x, y - radius_px // 3), (radius_px, radius_px * 3 // 4), 0, 180, 360, INK, -1, cv2.LINE_AA)
    for side in (-1, 1):
        eye = (x + side * radius_px // 3, y + radius_px // 8)
        cv2.ellipse(page, eye, (radius_px // 9, radius_px // 5), 0, 0, 360, INK, -1, cv2.LINE_AA)
        cv2.circle(page, (eye[0] + 3, eye[1] - 5), max(2, radius_px // 24), PAPER, -1, cv2.LINE_AA)
    cv2.ellipse(page, (x, y + radius_px // 2), (radius_px // 4, radius_px // 8), 0, 0, 180, INK, 3, cv2.LINE_AA)


if __name__ == "__main__":
    draw_page().save(Path(sys.argv[1]), optimize=True)
