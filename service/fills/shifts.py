"""Where do the surroundings of a hole show the same again? The commonest shifts from patches to their like.

Natural and drawn pictures meet themselves at few shifts (He and Sun, "Statistics of Patch Offsets for Image
Completion", ECCV 2012): along an edge, from brick to brick. `tone` asks the same of a texture that covers everything
around; here each place of the hole asks for itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from service.imaging.arrays import Image

PATCH_PX, PATCH_STEP_PX = 7, 2
"""Radius of the patches that are compared, and how far apart the pixels are that stand for one."""
PATCH_SIGMA_PX = 5.0
PLACES, SOURCES = 500, 4000
"""Patches of the hole that look for their like, and patches among which they look."""
PLACES_AT_ONCE, SOURCES_AT_ONCE, PIXELS_AT_ONCE = 64, 500, 1 << 16
"""For the memory that it takes."""
MATCHES = 3
MIN_MATCHES = 20
MIN_OVERLAP_SHARE = 0.6
"""Of what is known of a patch in the hole, how much must be known of the other."""
MIN_SEEN_SHARE = 0.15
"""Deeper in the hole a patch sees too little to say what it is like."""
REACH_PX = 120
REACH_PENALTY = 0.5
"""Squared levels a px: of two that are as like, the nearer."""
SHIFT_COUNT = 60

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]


def to_opponent(image: npt.NDArray[np.generic]) -> Floats:
    """`(..., 3)` RGB levels as luma and two halved colour differences: eyes see light better than colour."""
    levels = image.astype(np.float32)
    light = levels @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.stack([light, (levels[..., 2] - light) / 2, (levels[..., 0] - light) / 2], axis=-1)


def bands(size_hw: tuple[int, ...]) -> Iterator[slice]:
    """The rows of an image, PIXELS_AT_ONCE at a time or a little less."""
    rows = max(1, PIXELS_AT_ONCE // size_hw[1])
    return (slice(top, min(top + rows, size_hw[0])) for top in range(0, size_hw[0], rows))


def find_shifts(image: Image, inside: Flags, known: Flags) -> Ints:
    """The commonest shifts `(n, 2)` (dy, dx) in px from patches in the hole to their like, the commonest first.

    `inside` `(H, W)` is the hole, `known` what may be copied. Of a patch counts what is known of it. Empty where too
    little meets its like.
    """
    places = _spread(inside, PLACES)
    sources = _scatter(cv2.erode(known.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0, SOURCES)
    if len(places) and len(sources):
        votes = _matches(image, known, places, sources)
        if len(votes) >= MIN_MATCHES:
            return _commonest(votes)
    return np.zeros((0, 2), np.intp)


def _matches(image: Image, known: Flags, places: Ints, sources: Ints) -> Ints:
    """`(n, 2)` shifts from each of the `places` to the few `sources` that are most like it."""
    steps = np.arange(-PATCH_PX, PATCH_PX + 1, PATCH_STEP_PX)
    offsets = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    bell = np.exp(-(offsets**2).sum(axis=1) / (2 * PATCH_SIGMA_PX**2)).astype(np.float32)
    padded = np.zeros((known.shape[0] + 2 * PATCH_PX, known.shape[1] + 2 * PATCH_PX, 3), np.float32)
    colours = padded[PATCH_PX:-PATCH_PX, PATCH_PX:-PATCH_PX]
    for band in bands(known.shape):
        colours[band] = to_opponent(image[band]) - 128
    padded_known = np.pad(known, PATCH_PX)

    def patches(centres: Ints) -> tuple[Floats, Floats]:
        rows = centres[:, :1] + offsets[:, 0] + PATCH_PX
        columns = centres[:, 1:] + offsets[:, 1] + PATCH_PX
        return padded[rows, columns], padded_known[rows, columns].astype(np.float32)

    # Over the pixels known of both, the sum of weight * (here - there)², as one product of matrices.
    right = np.empty((len(sources), 5 * len(offsets)), np.float32)
    there_seen = np.empty((len(sources), len(offsets)), np.float32)
    for start in range(0, len(sources), SOURCES_AT_ONCE):
        some = slice(start, start + SOURCES_AT_ONCE)
        there, seen = patches(sources[some])
        parts = [seen, (seen[..., None] * there).reshape(len(seen), -1), seen * (there**2).sum(axis=2)]
        np.concatenate(parts, axis=1, out=right[some])
        there_seen[some] = seen
    small = sources.astype(np.int32)

    def best_of(centres: Ints) -> Ints:
        here, seen = patches(centres)
        weight = seen * bell
        left = [weight * (here**2).sum(axis=2), (-2 * weight[..., None] * here).reshape(len(centres), -1), weight]
        cost = np.concatenate(left, axis=1) @ right.T
        np.maximum(cost, 0, out=cost)
        overlap = weight @ there_seen.T
        cost /= np.maximum(overlap, 1e-3)
        down, across = (small[:, axis] - centres[:, None, axis].astype(np.int32) for axis in (0, 1))
        reach = np.hypot(down, across).astype(np.float32)
        cost += REACH_PENALTY * reach
        total = weight.sum(axis=1, keepdims=True)
        is_out = (overlap < MIN_OVERLAP_SHARE * total) | (total < MIN_SEEN_SHARE * bell.sum()) | (reach > REACH_PX)
        cost[is_out] = np.inf
        best = np.argpartition(cost, min(MATCHES, len(sources)) - 1, axis=1)[:, :MATCHES]
        shifts = sources[best] - centres[:, None]
        return shifts[np.isfinite(np.take_along_axis(cost, best, axis=1))]

    starts = range(0, len(places), PLACES_AT_ONCE)
    return np.concatenate([best_of(places[start : start + PLACES_AT_ONCE]) for start in starts])


def _commonest(votes: Ints) -> Ints:
    side = 2 * REACH_PX + 1
    places = (votes[:, 0] + REACH_PX) * side + votes[:, 1] + REACH_PX
    counts = np.bincount(places, minlength=side * side).reshape(side, side).astype(np.float32)
    smooth = cv2.GaussianBlur(counts, (0, 0), 1.0)
    rows, columns = np.nonzero((smooth >= cv2.dilate(smooth, np.ones((3, 3), np.uint8))) & (smooth > 1e-3))
    order = np.argsort(-smooth[rows, columns], kind="stable")[:SHIFT_COUNT]
    return np.stack([rows[order], columns[order]], axis=1) - REACH_PX


def _spread(flags: Flags, count: int) -> Ints:
    """`(n, 2)` rows and columns of about `count` of the `flags`, evenly spread."""
    step = max(1, int(np.ceil(np.sqrt(np.count_nonzero(flags) / count))))
    return np.argwhere(flags[::step, ::step]) * step


def _scatter(flags: Flags, count: int) -> Ints:
    """`(n, 2)` rows and columns of at most `count` of the `flags`, without a pattern, but the same each time."""
    found = np.flatnonzero(flags).astype(np.int32)
    if len(found) > count:
        order = np.empty(len(found), np.int32)
        for start in range(0, len(found), PIXELS_AT_ONCE):
            rows, columns = np.divmod(found[start : start + PIXELS_AT_ONCE].astype(np.int64), flags.shape[1])
            order[start : start + PIXELS_AT_ONCE] = (rows * 73_856_093 ^ columns * 19_349_663) % 1_000_003
        found = found[np.argsort(order, kind="stable")[:count]]
    return np.stack(np.divmod(found.astype(np.intp), flags.shape[1]), axis=1)
