"""The fonts of an asset pack that public packages still give: chosen, checked, cut down to what they may draw.

Those that write Russian stay whole in `fonts/extra`; the others go into `fonts/fonts.tar.xz`. Which characters a font
keeps is a rule, so that two builds of one table are equal.
"""

from __future__ import annotations

import hashlib
import io
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fontTools.pens.boundsPen import ControlBoundsPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from training.data.public_packages import (
    BuildError,
    Fetch,
    check_source,
    fetch_package,
    fetched,
    notice_name,
    notice_of,
    read_checked,
    write_archive,
)

LANGUAGES = ("en", "ja", "ko", "zh", "ru")
STYLES = ("dlg", "hand", "pop", "sans", "serif", "deco", "sfx", "sfxo", "pixel")
_LATIN = "".join(map(chr, [*range(0x20, 0x7F), *range(0xA1, 0x100)])).replace("\u00ad", "") + "–—‘’“”•…"
_MARKS = "、。々〆「」『』〜〝〟―‥※←→↑↓■□▲△▼▽◆◇○◎●★☆♡♥♪♫" + "".join(map(chr, range(0xFF01, 0xFF5F)))
_KANA = "".join(map(chr, [*range(0x3041, 0x3097), *range(0x309B, 0x309F), *range(0x30A0, 0x3100)]))
_COMMON = {"ja": ("euc_jp", 0xCF), "ko": ("euc_kr", 0xC8), "zh": ("gb2312", 0xD7)}
"""Where a national standard keeps its common characters, from 0xB0 on: JIS X 0208 level 1 (2,965 kanji), the hangul of
KS X 1001 (2,350), GB 2312 level 1 (3,755)."""
_MOST_IN_DIALOGUE, _MOST_ELSEWHERE = 1800, 1000
"""Common characters that one font keeps; the fonts of a language have different ones, and together nearly all."""
_KEPT_TABLES = frozenset(
    ("GlyphOrder", "head", "hhea", "maxp", "OS/2", "hmtx", "cmap", "loca", "glyf", "CFF ", "name", "post")
)
"""What drawing letter by letter needs. Old fonts have others that fontTools does not know, or that are broken."""
_ABOUT = """# Fonts: licences

All were cut down (fewer characters, no hinting, no layout tables), so they are changed versions, which many of these
licences forbid to give on under the fonts' names. Pictures drawn with them, and weights, are free of that. The texts
that came with the packages are in `notices.tar.xz`.

| licence | families |
|---|---|
"""


@dataclass(frozen=True)
class PublicFont:
    """One file of a public package. Raises BuildError if it makes no sense."""

    package: str
    """`apt:NAME` or `npm:NAME@VERSION`."""
    file: str
    """Its path inside the package."""
    sha256: str
    family: str
    licence: str
    language: str
    styles: tuple[str, ...]
    """How it looks, as `assets.Face.style`; a Russian one may play several parts."""

    def __post_init__(self) -> None:
        check_source(self.package, self.sha256)
        if self.language not in LANGUAGES:
            raise BuildError(f"{self.file}: language is {self.language!r}; expected one of {', '.join(LANGUAGES)}")
        if not self.styles or not set(self.styles) <= set(STYLES) or (len(self.styles) > 1 and self.language != "ru"):
            raise BuildError(f"{self.file}: styles are {list(self.styles)}; expected one of {', '.join(STYLES)}")

    @property
    def name(self) -> str:
        """The file's own name."""
        return Path(self.file).name


def load_fonts(table: Path) -> tuple[PublicFont, ...]:
    """The fonts of a table. Raises BuildError if a line makes no sense or stands there twice."""
    rows = tomllib.loads(table.read_text("utf-8"))["fonts"]
    fonts = tuple(PublicFont(**{**row, "styles": tuple(row["styles"])}) for row in rows)
    seen = set()
    for font in fonts:
        if (font.file, font.language) in seen:
            raise BuildError(f"{table.name} lists {font.file} twice; expected it once")
        seen.add((font.file, font.language))
    return fonts


FONTS = load_fonts(Path(__file__).with_name("public_fonts.toml"))
RUSSIAN = tuple(font for font in FONTS if font.language == "ru")
"""npm's files hold one script each: letters, no digits or marks."""
OTHERS = tuple(font for font in FONTS if font.language != "ru")


def add_loose_fonts(pack: Path, fonts: Sequence[PublicFont] = RUSSIAN, *, fetch: Fetch = fetch_package) -> None:
    """Put fonts as they are into `pack/fonts/extra`, with an index of families, licences and styles.

    Raises BuildError, naming the file and both checksums, if one is not what it was when it was chosen.
    """
    extra = pack / "fonts" / "extra"
    extra.mkdir(parents=True, exist_ok=True)
    index = []
    for font, unpacked in fetched(fonts, fetch):
        (data,) = read_checked(font.package, [unpacked / font.file], font.sha256)
        (extra / font.name).write_bytes(data)
        index.append(
            {
                "file": font.name,
                "family": font.family,
                "licence": font.licence,
                "source": font.package,
                "styles": font.styles,
            }
        )
    (extra / "fonts.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def add_cut_fonts(pack: Path, fonts: Sequence[PublicFont] = OTHERS, *, fetch: Fetch = fetch_package) -> None:
    """Write `fonts.tar.xz`, `fonts.json`, `notices.tar.xz` and `LICENCES.md` into `pack/fonts`.

    Raises BuildError, naming the file and both checksums, if one is not what it was when it was chosen.
    """
    folder = pack / "fonts"
    folder.mkdir(parents=True, exist_ok=True)
    members, meta, index, notices = {}, {}, [], {}
    for font, unpacked in fetched(fonts, fetch):
        (data,) = read_checked(font.package, [unpacked / font.file], font.sha256)
        smaller, characters = cut(data, font)
        suffix = ".otf" if smaller.startswith(b"OTTO") else ".ttf"
        name = f"{font.language}_{font.styles[0]}_{Path(font.file).stem}{suffix}"
        members[name] = smaller
        meta[name] = {"lang": font.language, "cls": font.styles[0], "chars": characters}
        index.append({"file": name, "family": font.family, "cls": font.styles[0], "lang": font.language,
                      "glyphs": len(characters), "bytes": len(smaller), "licence": font.licence,
                      "source": font.package})  # fmt: skip
        notice = notice_of(unpacked)
        if notice is not None:
            notices[notice_name(font.package)] = notice
    members["meta.json"] = json.dumps(meta, ensure_ascii=False, indent=0).encode()
    write_archive(folder / "fonts.tar.xz", members)
    write_archive(folder / "notices.tar.xz", notices)
    (folder / "fonts.json").write_text(json.dumps(index, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / "LICENCES.md").write_text("".join(_licences(fonts)), encoding="utf-8")


def _licences(fonts: Sequence[PublicFont]) -> Iterator[str]:
    yield _ABOUT
    for licence in sorted({font.licence for font in fonts}):
        yield f"| {licence} | {', '.join(sorted({font.family for font in fonts if font.licence == licence}))} |\n"


def cut(data: bytes, font: PublicFont) -> tuple[bytes, str]:
    """A font file with only what it may draw, without hinting and layout tables; and those characters, sorted."""
    with TTFont(io.BytesIO(data), fontNumber=0, recalcTimestamp=False) as whole:
        characters = _chosen(whole, font)
        for tag in set(whole.keys()) - _KEPT_TABLES:
            del whole[tag]
        subsetter = Subsetter(Options(hinting=False, notdef_outline=True))
        subsetter.populate(unicodes=map(ord, characters))
        subsetter.subset(whole)
        whole.flavor = None  # as a plain file it packs better beside the others than compressed by itself
        smaller = io.BytesIO()
        whole.save(smaller)
    return smaller.getvalue(), characters


def _chosen(whole: TTFont, font: PublicFont) -> str:
    """Latin, the marks and letters of the language, and this font's share of the common characters, if it has them."""
    alphabet = _LATIN if font.language == "en" else _LATIN + _MARKS + _KANA * (font.language == "ja")
    cmap, glyphs = whole.getBestCmap(), whole.getGlyphSet()
    chosen = {character for character in alphabet if character == " " or _draws(cmap, glyphs, character)}
    most = _MOST_IN_DIALOGUE if font.styles[0] == "dlg" else _MOST_ELSEWHERE
    shuffled = sorted(common(font.language), key=lambda c: hashlib.sha256(f"{font.file} {c}".encode()).digest())
    kept = 0
    for character in shuffled:
        if kept == most:
            break
        if _draws(cmap, glyphs, character):
            chosen.add(character)
            kept += 1
    return "".join(sorted(chosen))


def common(language: str) -> str:
    """The characters of daily use of Japanese, Korean or Chinese; none of another language."""
    if language not in _COMMON:
        return ""
    codec, last = _COMMON[language]
    pairs = (bytes([row, cell]) for row in range(0xB0, last + 1) for cell in range(0xA1, 0xFF))
    return "".join(pair.decode(codec, "ignore") for pair in pairs)


def _draws(cmap: Mapping[int, str], glyphs: Mapping[str, Any], character: str) -> bool:
    """Whether the font has an outline for the character: some list characters and leave them blank."""
    if ord(character) not in cmap:
        return False
    pen = ControlBoundsPen(glyphs)
    glyphs[cmap[ord(character)]].draw(pen)
    return pen.bounds is not None
