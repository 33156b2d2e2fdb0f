"""Letters as strokes of a pen: katakana, some hiragana, hangul, Latin capitals, digits. Shapes only, no ink.

Manga letterers draw sound effects stroke by stroke, and no font looks like that. Each letter is a string of strokes,
each stroke a run of points, a point two digits: x from 0 (left) to 9, y from 0 (top) to 9. A point given twice is a
corner; through all others the pen runs smoothly.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_SAMPLES_PER_STEP = 6
_KATAKANA = {
    "ア": "11818164 434629", "イ": "705316 5359", "ウ": "4042 1215 1282827649", "エ": "2181 5158 1888",
    "オ": "1383 60696958 5317", "カ": "1383837857 404419", "キ": "1282 1585 4059", "ク": "4014 3282826629",
    "ケ": "3015 2383 635639", "コ": "12828288 1888", "サ": "1383 3036 707549", "シ": "1132 0435 195782",
    "ス": "1171715419 5489", "セ": "14838366 31383888", "ソ": "1234 717539", "タ": "4014 3282826629 3466",
    "チ": "7022 0484 415529", "ツ": "1234 4153 825739", "テ": "2171 0484 444619", "ト": "3039 3476",
    "ナ": "0383 505529", "ニ": "2272 0888", "ハ": "322609 624689", "ヒ": "20282888 2574", "フ": "1181816529",
    "ヘ": "053389", "ホ": "1282 5059 2518 7588", "マ": "11818155 2558", "ミ": "2172 2475 1779",
    "ム": "40181887 6588", "メ": "7019 2378", "モ": "2171 1484 41484888", "ヤ": "04838365 2049", "ユ": "22727268 0888",
    "ヨ": "21818188 2585 2888", "ラ": "2171 0484846629", "リ": "2126 717549", "ル": "313609 60686894",
    "レ": "20282884", "ロ": "12828288 1218 1888", "ワ": "1114 1181816539", "ン": "1133 194883",
    "ッ": "1436 4356 736639", "ァ": "24747456 454638", "ォ": "2575 53595948 5528", "ャ": "25747456 3349",
    "ー": "0585", "～": "0534566583",
}  # fmt: skip
_HIRAGANA = {
    "し": "3036486886", "く": "602579", "つ": "0362846939", "い": "111628 7185", "う": "3152 1473845739",
    "か": "0363745847 4029 7184", "け": "1119 4383 707649", "こ": "2172 162888", "さ": "1382 4067 263878",
    "た": "0362 4019 5484 5689", "て": "0281444679", "と": "3044 72263879", "の": "5238171452848759",
    "は": "1119 3383 606858475788", "ひ": "11412628687386", "ふ": "4152 43565847 1518 7588", "ら": "3152 312654756839",
    "り": "2026 707559", "る": "2171711664877949", "ん": "40090935465887", "ぅ": "4354 3565675949", "っ": "2564777958",
}  # fmt: skip
_HANGUL = {
    "쿵": "20707063 2262 0585 4547 4738495847", "쾅": "10404033 1242 2426 0646 6067 6484 4738595847",
    "탁": "1050 10151555 1353 7076 7393 17777779", "두": "7020202373 0585 4549", "그": "20707074 0787",
    "드": "7020202474 0787", "팍": "1050 2024 4044 1454 7076 7393 17777779", "휙": "3050 1262 34254534 0666 7079",
    "으": "4022447240 0787", "아": "3012162866623130 7079 7595", "스": "502414 5484 0787",
    "슥": "402313 4374 0585 17777779",
}  # fmt: skip
_LATIN = {
    "A": "4009 4089 2565", "B": "1019 1060725414 1454866919", "C": "815013174988", "D": "1019 105083865919",
    "E": "8010 1019 1565 1989", "F": "8010 1019 1565", "G": "8150131749888555", "H": "1019 8089 1585", "I": "5059",
    "J": "7076593817", "K": "1019 8014 3589", "L": "10191989", "M": "1910105555808089", "N": "191010898980",
    "O": "50131659868350", "P": "1019 1060835515", "R": "1019 1060835515 4589", "S": "8250224465774917",
    "T": "0080 4049", "U": "1016498680", "V": "00494980", "W": "0029294242696990", "X": "0089 8009",
    "Y": "0044 8044 4449", "Z": "008080090989", "!": "5056 5859", "?": "1250835556 5859",
    "0": "50131659868350", "1": "3250 5059", "2": "1250837419 1989", "3": "1140725444 4475795918",
    "4": "60161686 6069", "5": "8020 2024 2464866929", "6": "7021164978745416", "7": "10808039",
    "8": "502245764917457250", "9": "82503245738279",
}  # fmt: skip
_VOICED = dict(zip("ガギグゲゴザジズゼゾダヂヅデドバビブベボがぐげござじだでどばびぶ",
                   "カキクケコサシスセソタチツテトハヒフヘホかくけこさしたてとはひふ", strict=True))  # fmt: skip
_HALF_VOICED = dict(zip("パピプペポ", "ハヒフヘホ", strict=True))
_VOICE_MARK, _RING_MARK = "6072 8092", "8071829180"
_PLAIN = {**_KATAKANA, **_HIRAGANA, **_HANGUL, **_LATIN}
CHARACTERS = {
    "ja": "".join([*_KATAKANA, *_HIRAGANA, *_VOICED, *_HALF_VOICED, "!", "!", "?"]),
    "ko": "".join([*_HANGUL, "!", "?"]),
    "en": "".join(_LATIN),
}
"""What can be written in each language; languages without an entry write as English does."""


@lru_cache(maxsize=512)
def strokes_of(character: str) -> tuple[np.ndarray, ...]:
    """The strokes of a letter in a square of side 1, `(n, 2)` float64 points each; KeyError if it is not known."""
    plain = _VOICED.get(character) or _HALF_VOICED.get(character)
    if plain is None:
        return tuple(_smooth(_points(run)) for run in _PLAIN[character].split())
    body = [_points(run) * 0.86 + [0.0, 0.14] for run in _PLAIN[plain].split()]
    mark = _VOICE_MARK if character in _VOICED else _RING_MARK
    return tuple(_smooth(points) for points in [*body, *(_points(run) for run in mark.split())])


def known(text: str) -> str:
    """The characters of a text that can be drawn, in order."""
    return "".join(c for c in text if c in _PLAIN or c in _VOICED or c in _HALF_VOICED)


def _points(run: str) -> np.ndarray:
    return np.array([[int(x), int(y)] for x, y in zip(run[::2], run[1::2], strict=True)]) / 9


def _smooth(points: np.ndarray) -> np.ndarray:
    """A Catmull-Rom curve through the points; it breaks where a point is given twice."""
    corners = np.flatnonzero((points[1:] == points[:-1]).all(1)) + 1
    return np.concatenate([_catmull_rom(part) for part in np.split(points, corners)])


def _catmull_rom(points: np.ndarray) -> np.ndarray:
    padded = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    t = np.linspace(0, 1, _SAMPLES_PER_STEP, endpoint=False)[:, None]
    pieces = []
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        bend, pull = 2 * before - 5 * start + 4 * end - after, 3 * start - before - 3 * end + after
        pieces.append(0.5 * (2 * start + (end - before) * t + bend * t**2 + pull * t**3))
    return np.concatenate([*pieces, points[-1:]])
