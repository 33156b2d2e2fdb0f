"""A contact sheet to look at: raw, clean and mask of each page, the mask with its regions.

python -m training.data.sheet --assets DIR --count 24 -o sheet.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from training.data.assets import AssetPack
from training.data.pages import KINDS, Page, make_page


def row(page: Page, side_px: int) -> np.ndarray:
    """`(side, 3 * side, 3)` picture of one page: raw, clean, mask with the regions' outlines."""
    mask = cv2.cvtColor(page.strokes, cv2.COLOR_GRAY2RGB)
    for region in page.regions:
        cv2.polylines(
            mask, [np.round(region.polygon).astype(np.int32)], isClosed=True, color=(255, 80, 80), thickness=2
        )
    cv2.putText(
        mask, f"{page.index} {page.kind}", (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (80, 255, 80), 1, cv2.LINE_AA
    )
    whole = np.concatenate([page.raw, page.clean, mask], 1)
    if side_px == page.raw.shape[0]:
        return whole
    return cv2.resize(whole, (3 * side_px, side_px), interpolation=cv2.INTER_AREA)


def contact_sheet(pages: list[Page], *, columns: int, side_px: int) -> np.ndarray:
    """Rows of pages below each other in so many columns, `(H, W, 3)` uint8."""
    rows = [row(page, side_px) for page in pages]
    rows += [np.zeros_like(rows[0])] * (-len(rows) % columns)
    return np.concatenate([np.concatenate(rows[start : start + columns], 1) for start in range(0, len(rows), columns)])


def main() -> None:
    """Draw pages and write the sheet."""
    parser = argparse.ArgumentParser(description="Contact sheet of synthetic pages: raw, clean, mask.")
    parser.add_argument("--assets", type=Path, help="asset pack; without it the built-in one")
    parser.add_argument("--count", type=int, default=24, help="number of pages")
    parser.add_argument("--start", type=int, default=0, help="index of the first page")
    parser.add_argument("--kind", choices=list(KINDS), help="draw only this kind")
    parser.add_argument("--size-px", type=int, default=512, help="side of a page")
    parser.add_argument("--side-px", type=int, default=256, help="side of a page on the sheet")
    parser.add_argument("--columns", type=int, default=2, help="pages beside each other")
    parser.add_argument("-o", "--output", type=Path, required=True, help="PNG to write")
    options = parser.parse_args()
    pack = AssetPack.open(options.assets)
    indices = range(options.start, options.start + options.count)
    pages = [make_page(pack, index, size_px=options.size_px, kind=options.kind) for index in indices]
    Image.fromarray(contact_sheet(pages, columns=options.columns, side_px=options.side_px)).save(options.output)


if __name__ == "__main__":
    main()
