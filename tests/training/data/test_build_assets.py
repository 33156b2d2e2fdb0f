from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from training.data.assets import AssetPack
from training.data.build_assets import FONTS, BuildError, add_fonts, copy_base

pytestmark = pytest.mark.training


@pytest.fixture
def fetch():
    """A registry whose every package holds one font: Pillow's."""

    def fetch(package, folder):
        for font in FONTS:
            if font.package == package:
                (folder / font.file).parent.mkdir(parents=True, exist_ok=True)
                (folder / font.file).write_bytes(AssetPack.builtin().faces[0].data)
        return folder

    return fetch


def test_a_font_that_is_not_the_one_that_was_chosen_is_refused(tmp_path, fetch):
    """The checksum found and the one expected are both named."""
    with pytest.raises(BuildError, match=r"DejaVuSerif.ttf: sha256 is \w{64}; expected 13e61509"):
        add_fonts(tmp_path, fetch=fetch)


def test_fonts_alone_make_a_pack(tmp_path, fetch):
    """An index with families and licences lies beside the fonts, and the pack opens without any archive."""
    digest = hashlib.sha256(AssetPack.builtin().faces[0].data).hexdigest()
    fonts = [replace(font, sha256=digest) for font in FONTS[:2]]

    add_fonts(tmp_path, fonts, fetch=fetch)

    index = json.loads((tmp_path / "fonts" / "extra" / "fonts.json").read_text())
    assert [(about["family"], about["source"]) for about in index] == [
        ("DejaVu Serif", "apt:fonts-dejavu-core"),
        ("DejaVu Sans Mono", "apt:fonts-dejavu-core"),
    ]
    assert {face.style for face in AssetPack.open(tmp_path).faces if face.language == "en"} == {"serif", "sans"}


def test_a_base_pack_that_was_cut_short_is_refused(tmp_path):
    """Art that ends before its index does is not copied on in silence."""
    art = tmp_path / "base" / "art"
    art.mkdir(parents=True)
    (art / "art.json").write_text('[{"offset": 10, "length": 5}]')
    (art / "art.bin").write_bytes(b"short")

    with pytest.raises(BuildError, match=r"art\.bin is 5 bytes; expected 15"):
        copy_base(tmp_path / "base", tmp_path / "pack")
