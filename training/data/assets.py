"""The asset pack: fonts, pictures and lettered comic pages that pages are drawn with.

A pack is a folder of third-party material under free licences, given as an option and never part of this repository.
Without one, `AssetPack.builtin()` makes do with the font inside Pillow, and all pictures are drawn by procedure.
Nothing here draws random numbers: the same pack always answers the same.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageFont

FIGURE_KINDS = ("av", "clip", "chara", "emoji")
"""Art that stands alone, with alpha: avatars, clip art, drawn characters, small objects."""
SCENE_KINDS = ("scene", "photo")
"""Art that fills a picture."""
PAGES_WITH_PAINTED_LETTERS = frozenset({"e02", "e02p01", "e02p02", "e02p06"})
"""Comic pages whose art itself carries letters (a house number, labels, credits): of no use as clean pictures."""
PICTURES_OF_DOUBTFUL_LICENCE = frozenset({"bg washington", "bg whitehouse"})
"""Photographs in a package under MIT whose photographer nobody names."""
VALIDATION_EPISODES = frozenset({"03", "20"})
"""Pages of one episode look alike, so these are seen by validation pages only."""
_LANGUAGES = {"kr": "ko"}
_KANJI, _HANGUL = ("\u4e00", "\u9fff"), ("\uac00", "\ud7a3")
_PLAIN_LATIN = "".join(map(chr, range(33, 127)))
_RUSSIAN = "".join(map(chr, range(0x410, 0x450))) + "Ёё"
_MOST_FONT_SIZES, _MOST_ART, _MOST_COMICS = 600, 2200, 260


@dataclass(frozen=True)
class Face:
    """One font: what it may write and how it looks."""

    name: str
    language: str
    """ja, en, ko, zh or ru."""
    style: str
    """dlg (dialogue), hand, pop, sans, serif, deco, sfx (heavy display), sfxo (outlined display) or pixel."""
    characters: str
    data: bytes = field(repr=False)

    @cached_property
    def known(self) -> frozenset[str]:
        """The characters that may be drawn."""
        return frozenset(self.characters)

    @cached_property
    def kanji(self) -> str:
        """Its Chinese characters."""
        return "".join(c for c in self.characters if _KANJI[0] <= c <= _KANJI[1])

    @cached_property
    def syllables(self) -> str:
        """Its hangul."""
        return "".join(c for c in self.characters if _HANGUL[0] <= c <= _HANGUL[1])

    def __hash__(self) -> int:
        return hash(self.name)

    def sized(self, size_px: float) -> ImageFont.FreeTypeFont:
        """The font at a whole size of at least 4 px."""
        return _sized(self, max(4, round(size_px)))

    def without_unknown(self, text: str) -> str:
        """The text with only those characters that the font has."""
        return "".join(c for c in text if c in self.known or c in " \n")


@lru_cache(maxsize=_MOST_FONT_SIZES)
def _sized(face: Face, size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(io.BytesIO(face.data), size_px, layout_engine=ImageFont.Layout.BASIC)


@dataclass(frozen=True)
class ComicVariant:
    """One lettering of a comic page: its layers' file names; bubbles may be painted in the art (None)."""

    language: str
    letters: str
    bubbles: str | None


@dataclass(frozen=True)
class ComicPage:
    """A textless comic page and its letterings."""

    id: str
    episode: str
    art: str
    variants: tuple[ComicVariant, ...]


class AssetPack:
    """Everything that pages are drawn with. Pictures are decoded when first asked for and kept."""

    def __init__(self, folder: Path | None, faces: Sequence[Face]) -> None:
        self.folder = folder
        self.faces = tuple(faces)
        self._art_index: dict[str, list[dict]] = {}
        self._art_bytes = b""
        self.comics: tuple[ComicPage, ...] = ()
        self.art = lru_cache(maxsize=_MOST_ART)(self._decode_art)
        self.comic_art = lru_cache(maxsize=_MOST_COMICS)(self._decode_comic_art)
        self.comic_layers = lru_cache(maxsize=_MOST_COMICS)(self._decode_comic_layers)
        self.faces_for = lru_cache(maxsize=500)(self._faces_for)
        if folder is not None:
            self._read_art_index(folder / "art")
            self._read_comics(folder / "comic_pairs")

    @classmethod
    def open(cls, folder: str | Path | None) -> AssetPack:
        """The pack in a folder, or the built-in one if folder is None.

        Fonts are those in `fonts/fonts.tar.xz` and loose ones in `fonts/extra`. Raises FileNotFoundError without any.
        """
        if folder is None:
            return cls.builtin()
        folder = Path(folder)
        extra = folder / "fonts" / "extra"
        loose = sorted(path for path in extra.glob("*") if path.suffix in {".ttf", ".otf", ".woff"})
        archive = folder / "fonts" / "fonts.tar.xz"
        faces = _faces_in_archive(archive) if archive.exists() or not loose else []
        index = json.loads((extra / "fonts.json").read_text("utf-8")) if (extra / "fonts.json").exists() else []
        styles = {about["file"]: tuple(about["styles"]) for about in index}
        faces += [face for path in loose for face in _faces_in_file(path, styles.get(path.name))]
        return cls(folder, faces)

    @classmethod
    def builtin(cls) -> AssetPack:
        """A pack from nothing but Pillow: one Latin font that plays all parts, and no pictures."""
        data = ImageFont.load_default(16).font_bytes
        roles = {
            "ja": ("dlg", "sfx"),
            "en": ("dlg", "hand", "sans", "serif", "sfx", "deco"),
            "ko": ("dlg",),
            "zh": ("dlg",),
        }
        faces = [
            Face(f"builtin-{language}-{style}", language, style, _PLAIN_LATIN, data)
            for language, styles in roles.items()
            for style in styles
        ]
        return cls(None, faces)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Languages that at least one font writes."""
        return tuple(sorted({face.language for face in self.faces}))

    def _faces_for(self, language: str, style: str) -> tuple[Face, ...]:
        """Fonts of a language in a style, or all of that language if it has none in that style."""
        spoken = tuple(face for face in self.faces if face.language == language)
        styled = tuple(face for face in spoken if face.style == style)
        return styled or spoken or self.faces

    def count(self, kind: str) -> int:
        """How many pictures of a kind the pack has."""
        return len(self._art_index.get(kind, ()))

    def comic_numbers(self, *, validation: bool) -> list[int]:
        """Comic pages for training, or those held back for validation."""
        return [n for n, page in enumerate(self.comics) if (page.episode in VALIDATION_EPISODES) == validation]

    def warm(self, *, threads: int = 1) -> None:
        """Decode every picture now, so that processes forked later share them; decoding lets go of Python's lock."""
        art = [(kind, number) for kind, entries in self._art_index.items() for number in range(len(entries))]
        layers = [(n, variant) for n, page in enumerate(self.comics) for variant in range(len(page.variants))]
        with ThreadPoolExecutor(threads) as decoders:  # its threads have ended before anything is forked
            decoded = [decoders.submit(self.art, *picture) for picture in art]
            decoded += [decoders.submit(self.comic_art, number) for number in range(len(self.comics))]
            decoded += [decoders.submit(self.comic_layers, *layer) for layer in layers]
            for picture in decoded:
                picture.result()

    def _read_art_index(self, folder: Path) -> None:
        index = folder / "art.json"
        if not index.exists():
            return
        for entry in json.loads(index.read_text("utf-8")):
            if entry.get("name") not in PICTURES_OF_DOUBTFUL_LICENCE:
                self._art_index.setdefault(entry["kind"], []).append(entry)
        self._art_bytes = (folder / "art.bin").read_bytes()

    def _decode_art(self, kind: str, number: int) -> np.ndarray:
        """Picture `number` of a kind: `(H, W)` alpha of an icon, `(H, W, 4)` for figures, else `(H, W, 3)`; uint8."""
        entry = self._art_index[kind][number]
        start = entry["offset"]
        picture = Image.open(io.BytesIO(self._art_bytes[start : start + entry["length"]]))
        mode = {"icon": "L", "scene": "RGB", "photo": "RGB"}.get(kind, "RGBA")
        return np.asarray(picture.convert(mode))

    def _read_comics(self, folder: Path) -> None:
        index = folder / "pairs.json"
        if not index.exists():
            return
        self.comics = tuple(
            ComicPage(
                page["id"],
                page["episode"],
                page["art"],
                tuple(ComicVariant(v["lang"], v["letters"], v["bubbles"]) for v in page["variants"]),
            )
            for page in json.loads(index.read_text("utf-8"))
            if page["id"] not in PAGES_WITH_PAINTED_LETTERS
        )

    def _decode_comic_art(self, number: int) -> np.ndarray:
        """`(H, W, 3)` painted page without letters; some have empty bubbles painted in."""
        return np.asarray(Image.open(self.folder / "comic_pairs" / self.comics[number].art).convert("RGB"))

    def _decode_comic_layers(self, number: int, variant: int) -> tuple[np.ndarray | None, np.ndarray]:
        """Bubbles (or None) and letters of a page, each `(H, W, 4)` RGBA."""
        found = self.comics[number].variants[variant]
        root = self.folder / "comic_pairs"
        bubbles = np.asarray(Image.open(root / found.bubbles).convert("RGBA")) if found.bubbles else None
        return bubbles, np.asarray(Image.open(root / found.letters).convert("RGBA"))


def _faces_in_archive(path: Path) -> list[Face]:
    """Fonts of a `fonts.tar.xz` with its `meta.json`."""
    with tarfile.open(path) as archive:
        data = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
    return [
        Face(name, _LANGUAGES.get(about["lang"], about["lang"]), about["cls"], about["chars"], data[name])
        for name, about in sorted(json.loads(data["meta.json"]).items())
    ]


def _faces_in_file(path: Path, styles: tuple[str, ...] | None) -> list[Face]:
    """A loose font, for the scripts that it really draws: Latin, Russian or both, in these styles or as it is named."""
    data = path.read_bytes()
    font = ImageFont.truetype(io.BytesIO(data), 24, layout_engine=ImageFont.Layout.BASIC)
    missing = bytes(font.getmask("\uffff"))
    drawn = "".join(c for c in _RUSSIAN + _PLAIN_LATIN if bytes(font.getmask(c)) != missing)
    stem = path.stem.lower()
    plays = styles or (("hand",) if "hand" in stem else ("serif",) if "serif" in stem else ("sans",))
    faces = [Face(path.name, "en", plays[0], _PLAIN_LATIN, data)] if set(_PLAIN_LATIN) <= set(drawn) else []
    if set(_RUSSIAN) <= set(drawn):
        faces += [Face(f"{path.name}#ru-{style}", "ru", style, drawn, data) for style in dict.fromkeys([*plays, "dlg"])]
    return faces
